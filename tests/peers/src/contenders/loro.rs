//! loro: one document, a map of maps; counts are counters, notes single values.

use super::Document;
use crate::failure::{Failure, While};
use crate::model::{Change, Event, Field, NOTES, Note, Record, Scalar};
use loro::{Container, ExportMode, LoroCounter, LoroDoc, LoroMap, LoroValue, ToJson, ValueOrContainer, VersionVector};
use serde_json::Value;

const ROOT: &str = "m";
const DOING: &str = "working on a loro document";

#[derive(Debug)]
pub(crate) struct Loro(LoroDoc);

fn value(scalar: &Scalar) -> LoroValue {
    match scalar {
        Scalar::Text(text) => text.as_str().into(),
        Scalar::Whole(whole) => (*whole).into(),
        Scalar::Real(real) => (*real).into(),
        Scalar::Bool(flag) => (*flag).into(),
        Scalar::Digest(bytes) => bytes.to_vec().into(),
        // A number is shorter than a text.
        Scalar::Time(seconds) => (*seconds as i64).into(),
        Scalar::Nested(value) => LoroValue::from(value.clone()),
    }
}

fn note_value(note: &Note) -> LoroValue {
    let parts: Vec<LoroValue> = vec![(note.at_ms as i64).into(), note.text.as_str().into()];
    parts.into()
}

/// The map under a key. One that is not there is made as a plain child: shorter on the wire than a mergeable one.
fn child(map: &LoroMap, key: &str) -> Result<LoroMap, Failure> {
    match map.get(key) {
        Some(ValueOrContainer::Container(Container::Map(child))) => Ok(child),
        _ => map.insert_container(key, LoroMap::new()).during(DOING),
    }
}

impl Loro {
    fn record(&self, id: &str) -> Result<LoroMap, Failure> {
        child(&self.0.get_map(ROOT), id)
    }

    fn put(&self, id: &str, record: &Record) -> Result<(), Failure> {
        let map = self.0.get_map(ROOT).insert_container(id, LoroMap::new()).during(DOING)?;
        for (name, field) in record {
            put_field(&map, name, field)?;
        }
        Ok(())
    }

    fn change(&self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::Put { id, record } => self.put(id, record),
            Change::Remove { id } => self.0.get_map(ROOT).delete(id).during(DOING),
            Change::Set { id, field, value: scalar } => self.record(id)?.insert(field, value(scalar)).during(DOING),
            Change::SetIn { id, field, key, value: scalar } => {
                let map = child(&self.record(id)?, field)?;
                map.insert(key, value(scalar)).during(DOING)
            }
            Change::Unset { id, field } => self.record(id)?.delete(field).during(DOING),
            Change::Note { id, key, note } => {
                let map = child(&self.record(id)?, NOTES)?;
                map.insert(key, note_value(note)).during(DOING)
            }
        }
    }
}

fn put_field(record: &LoroMap, name: &str, field: &Field) -> Result<(), Failure> {
    if let Field::One(scalar) = field {
        return record.insert(name, value(scalar)).during(DOING);
    }
    let map = record.insert_container(name, LoroMap::new()).during(DOING)?;
    match field {
        Field::One(_) => {}
        Field::Set(members) => {
            for member in members {
                map.insert(member, true).during(DOING)?;
            }
        }
        Field::Map(entries) => {
            for (key, scalar) in entries {
                map.insert(key, value(scalar)).during(DOING)?;
            }
        }
        Field::Counts(counts) => {
            for (who, count) in counts {
                let counter = map.insert_container(who, LoroCounter::new()).during(DOING)?;
                counter.increment(*count as f64).during(DOING)?;
            }
        }
        Field::Notes(notes) => {
            for (key, note) in notes {
                map.insert(key, note_value(note)).during(DOING)?;
            }
        }
    }
    Ok(())
}

impl Document for Loro {
    type Version = VersionVector;

    fn empty(writer: u64) -> Self {
        let doc = LoroDoc::new();
        doc.set_peer_id(writer).expect("a new document takes any writer");
        Self(doc)
    }

    fn commit(&mut self, event: &Event) -> Result<(), Failure> {
        for change in &event.changes {
            self.change(change)?;
        }
        self.0.commit();
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, Failure> {
        self.0.export(ExportMode::Snapshot).during(DOING)
    }

    fn load(snapshot: &[u8], writer: u64) -> Result<Self, Failure> {
        let doc = LoroDoc::from_snapshot(snapshot).during(DOING)?;
        doc.set_peer_id(writer).during(DOING)?;
        Ok(Self(doc))
    }

    fn version(&mut self) -> VersionVector {
        self.0.oplog_vv()
    }

    fn updates(&mut self, since: &VersionVector) -> Result<Vec<u8>, Failure> {
        self.0.export(ExportMode::updates(since)).during(DOING)
    }

    fn apply(&mut self, updates: &[u8]) -> Result<(), Failure> {
        self.0.import(updates).during(DOING)?;
        Ok(())
    }

    fn read(&mut self) -> Result<Value, Failure> {
        let whole = self.0.get_deep_value().to_json_value();
        Ok(super::shape::records(whole.get(ROOT)))
    }
}
