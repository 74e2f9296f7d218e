//! What a replica shows, in the words of the plain catalogue, to compare the two.

use super::region::{NAMESPACE, Region};
use crate::failure::{Failure, While};
use crate::model::{Catalogue, Field, Record};
use headland_agent::read::{Reader, Wanted};
use headland_agent::store::Store;
use headland_shared::view::Model;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Everything that a device shows of a namespace, by model.
pub(crate) fn shown(store: &Store, namespace: &str) -> Result<BTreeMap<String, Value>, Failure> {
    let namespace = namespace.parse().during("naming a namespace")?;
    let page = Reader::new(store.clone()).models(&Wanted::all(Some(namespace)));
    let models = page.during("reading a device's catalogue")?.models;
    Ok(models
        .iter()
        .map(|model| (model.name.clone(), of_model(model)))
        .collect())
}

fn of_model(model: &Model) -> Value {
    let attributes = model.attributes.iter();
    let attributes: Map<String, Value> = attributes
        .map(|(name, value)| (name.clone(), serde_json::to_value(value).unwrap_or(Value::Null)))
        .collect();
    let mut notes: Vec<&str> = model.annotations.iter().map(|note| note.text.as_str()).collect();
    notes.sort_unstable();
    json!({ "attributes": attributes, "counts": model.counts, "notes": notes })
}

/// The same of the plain catalogue.
fn of_record(record: &Record) -> Value {
    let mut attributes = Map::new();
    let (mut counts, mut notes) = (Map::new(), Vec::new());
    for (name, field) in record {
        match field {
            Field::Map(map) => {
                attributes.extend(map.iter().map(|(key, value)| (format!("{name}.{key}"), value.json())));
            }
            Field::Counts(held) => {
                counts.insert(name.clone(), held.values().sum::<i64>().into());
            }
            Field::Notes(held) => notes.extend(held.values().map(|note| note.text.as_str())),
            Field::One(_) | Field::Set(_) => {
                attributes.insert(name.clone(), field.json());
            }
        }
    }
    notes.sort_unstable();
    json!({ "attributes": attributes, "counts": counts, "notes": notes })
}

impl Region {
    /// Asserts that a device shows `catalogue`, and that its digest is the hub's.
    pub(crate) fn assert_shows(&self, index: usize, catalogue: &Catalogue) -> Result<(), Failure> {
        self.assert_shows_of(index, NAMESPACE, catalogue)
    }

    /// The same of one namespace of several.
    pub(crate) fn assert_shows_of(&self, index: usize, namespace: &str, catalogue: &Catalogue) -> Result<(), Failure> {
        let doing = "comparing a device with the catalogue";
        let device = &self.devices[index];
        let shown = shown(device.replica.store(), namespace)?;
        for (id, record) in catalogue {
            let (wanted, held) = (of_record(record), shown.get(id));
            if held != Some(&wanted) {
                return Err(Failure::new(doing, format!("{id} is {held:?} and not {wanted}")));
            }
        }
        if shown.len() != catalogue.len() {
            return Err(Failure::new(doing, "it shows more models"));
        }
        let views = self.hub.store().read().during(doing)?;
        let scopes = views.scopes().during(doing)?;
        let sum = scopes.values().fold(0_u128, |sum, row| sum.wrapping_add(row.digest.0));
        if device.replica.digest().during(doing)?.0 != sum {
            return Err(Failure::new(doing, "the digests differ"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headland::Storage;
    use crate::model::NOTES;
    use crate::workload::{Kind, Workload, base};

    #[test]
    fn a_device_that_was_away_shows_what_the_workload_says() {
        let workload = Workload::drawn(base(80), Kind::Rich);
        let mut region = Region::with(&workload.base, 7).unwrap();
        let device = region.device("device-a", Storage::Memory).unwrap();
        region.link(device).unwrap();
        region.settle().unwrap();
        region.assert_shows(device, &workload.base).unwrap();
        region.unlink(device).unwrap();
        region.events(&mut workload.base.clone(), &workload.events).unwrap();
        let mono = region.now().mono;
        region.devices[device].write(NAMESPACE, &workload.notes, mono).unwrap();
        region.link(device).unwrap();
        region.settle().unwrap();
        region.assert_shows(device, &workload.merged()).unwrap();
        assert!(
            workload
                .base
                .values()
                .any(|record| record.contains_key(NOTES) && record.contains_key("usage"))
        );
    }
}
