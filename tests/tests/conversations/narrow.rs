//! A device with little room, and a catalogue that is more than one of its frames.

use super::ends::{attribute, import_records, model, name};
use headland_agent::replica::{Replica as Agent, ReplicaConfig};
use headland_agent::store::Store;
use headland_hub::import_file::ImportedRecord;
use headland_hub::replica::Replica as Hub;
use headland_shared::digest::hash_128;
use headland_shared::session::Now;
use headland_shared::session::agent::Timing;
use headland_shared::value::Value;
use redb::Database;
use redb::backends::InMemoryBackend;
use std::collections::BTreeMap;

/// Words in what a model says of itself: longer than a frame of the device, and nothing that shrinks.
const WORDS_LONG: u64 = 40;

/// Opens the device's agent on a new store.
pub(crate) fn open_agent(frame_bytes_max: usize, filter: &str, now: Now) -> Agent {
    let config = ReplicaConfig {
        follow: vec!["*/*".parse().unwrap()],
        filter: Some(filter.to_owned()),
        frame_bytes_max,
        timing: Timing::default(),
        boot: 1,
    };
    let memory = || Ok(Database::builder().create_with_backend(InMemoryBackend::new()).unwrap());
    let store = Store::open(memory, &name("device-a"), 7).unwrap();
    Agent::open(store, config, 8, now).unwrap()
}

/// What nobody can compress.
fn words(of: u64, count: u64) -> String {
    let word = |index: u64| format!("{:032x} ", hash_128(&[&of.to_be_bytes(), &index.to_be_bytes()]));
    (0..count).map(word).collect()
}

fn record(index: u64, mark: i64) -> ImportedRecord {
    let long = if index == 3 { WORDS_LONG } else { 3 };
    ImportedRecord {
        key: model(&format!("m{index:02}")),
        attributes: BTreeMap::from([
            (
                attribute("task"),
                Value::text(["detection", "chat"][index as usize % 2]),
            ),
            (attribute("cost"), Value::whole(index as i64)),
            (attribute("mark"), Value::whole(mark)),
            (attribute("description"), Value::text(words(index, long).trim())),
        ]),
        versions: Vec::new(),
        current: None,
        aliases: BTreeMap::new(),
    }
}

/// The registry has so many models, and says this of each of them.
pub(crate) fn import_into(hub: &mut Hub, models: usize, mark: i64, now: Now) {
    let records = (0..models as u64).map(|index| record(index, mark)).collect();
    import_records(hub, records, now);
}
