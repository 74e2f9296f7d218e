//! JSON without any library: whole records, and merge patches (RFC 7396). Neither knows what was concurrent.

use super::Document;
use crate::failure::{Failure, While};
use crate::model::{Change, Event, NOTES, record_json};
use serde_json::{Map, Value};

/// A catalogue that sends merge patches: changed fields only.
#[derive(Debug)]
pub(crate) struct Patched(Value);

impl Patched {
    fn fields(&mut self, path: &[&str]) -> &mut Map<String, Value> {
        let mut at = &mut self.0;
        for name in path {
            at = at
                .as_object_mut()
                .expect("a path leads through objects only")
                .entry((*name).to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
        }
        at.as_object_mut().expect("a path leads through objects only")
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Put { id, record } => {
                self.fields(&[]).insert(id.clone(), record_json(record));
            }
            Change::Remove { id } => {
                self.fields(&[]).remove(id);
            }
            Change::Set { id, field, value } => {
                self.fields(&[id]).insert(field.clone(), value.json());
            }
            Change::SetIn { id, field, key, value } => {
                self.fields(&[id, field]).insert(key.clone(), value.json());
            }
            Change::Unset { id, field } => {
                self.fields(&[id]).remove(field);
            }
            Change::Note { id, key, note } => {
                self.fields(&[id, NOTES]).insert(key.clone(), note.json());
            }
        }
    }
}

impl Document for Patched {
    type Version = Value;

    fn empty(_: u64) -> Self {
        Self(Value::Object(Map::new()))
    }

    fn commit(&mut self, event: &Event) -> Result<(), Failure> {
        event.changes.iter().for_each(|change| self.change(change));
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(&self.0).during("writing JSON")
    }

    fn load(snapshot: &[u8], _: u64) -> Result<Self, Failure> {
        serde_json::from_slice(snapshot).map(Self).during("reading JSON")
    }

    fn version(&mut self) -> Value {
        self.0.clone()
    }

    fn updates(&mut self, since: &Value) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(&patch(since, &self.0)).during("writing JSON")
    }

    fn apply(&mut self, updates: &[u8]) -> Result<(), Failure> {
        let patch: Value = serde_json::from_slice(updates).during("reading JSON")?;
        merge(&mut self.0, patch);
        Ok(())
    }

    fn read(&mut self) -> Result<Value, Failure> {
        Ok(self.0.clone())
    }
}

/// The whole records that differ.
pub(crate) fn whole_records(before: &Value, after: &Value) -> Result<Vec<u8>, Failure> {
    let empty = Map::new();
    let (before, after) = (before.as_object().unwrap_or(&empty), after.as_object().unwrap_or(&empty));
    let differing = after.iter().filter(|(id, record)| before.get(*id) != Some(record));
    let records: Map<String, Value> = differing.map(|(id, record)| (id.clone(), record.clone())).collect();
    serde_json::to_vec(&records).during("writing JSON")
}

/// The merge patch that makes `before` into `after`.
fn patch(before: &Value, after: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return after.clone();
    };
    let mut changed = Map::new();
    for (name, value) in new {
        match old.get(name) {
            Some(held) if held == value => {}
            Some(held) if held.is_object() && value.is_object() => {
                changed.insert(name.clone(), patch(held, value));
            }
            _ => {
                changed.insert(name.clone(), value.clone());
            }
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    changed.extend(gone.map(|name| (name.clone(), Value::Null)));
    Value::Object(changed)
}

/// Applies a merge patch.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_merge_patch_says_what_differs_and_brings_it_about() {
        let before = json!({"a": {"x": 1, "y": [1], "z": {"k": 1, "l": 2}}, "b": {}, "c": 1});
        let after = json!({"a": {"x": 2, "y": [1, 2], "z": {"k": 1, "l": 3}}, "d": {"n": {}}, "c": 1});
        let said = patch(&before, &after);
        assert_eq!(said, json!({"a": {"x": 2, "y": [1, 2], "z": {"l": 3}}, "b": null, "d": {"n": {}}}));
        let mut merged = before;
        merge(&mut merged, said);
        assert_eq!(merged, after);
    }
}
