//! The two ends of a conversation, always the same ones.

use headland_agent::replica::Replica as Agent;
use headland_agent::store::Store as AgentStore;
use headland_fleet::ends;
use headland_hub::import_file::ImportedRecord;
use headland_hub::registry::{ImportOptions, Removals, import};
use headland_hub::replica::Replica as Hub;
use headland_shared::key::RecordKey;
use headland_shared::name::{AttributeName, Region, ReplicaName};
use headland_shared::session::Now;
use headland_shared::value::Value;
use std::collections::BTreeMap;

pub(crate) fn region() -> Region {
    Region::new("main").unwrap()
}

pub(crate) fn name(text: &str) -> ReplicaName {
    ReplicaName::parse(text).unwrap()
}

pub(crate) fn attribute(name: &str) -> AttributeName {
    AttributeName::new(name).unwrap()
}

pub(crate) fn model(name: &str) -> RecordKey {
    RecordKey {
        namespace: "farm".parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

pub(crate) fn open_hub(now: Now) -> Hub {
    ends::open_hub(ends::hub_config(), 5, 6, now)
}

pub(crate) fn open_agent(now: Now) -> Agent {
    let store = AgentStore::open(|| Ok(ends::memory()), &name("device-a"), 7).unwrap();
    Agent::open(store, ends::agent_config(&["*/*"]), 8, now).unwrap()
}

/// The registry says something new about three models.
pub(crate) fn import_into(hub: &mut Hub, mark: i64, now: Now) {
    let record = |(index, name): (usize, &str)| ImportedRecord {
        key: model(name),
        attributes: BTreeMap::from([
            (attribute("task"), Value::text(["detection", "chat"][index % 2])),
            (attribute("mark"), Value::whole(mark)),
            (attribute("status"), Value::text(format!("status {mark}"))),
        ]),
        versions: Vec::new(),
        current: None,
        aliases: BTreeMap::new(),
    };
    import_records(hub, ["a", "b", "c"].into_iter().enumerate().map(record).collect(), now);
}

/// The registry says that this is all there is.
pub(crate) fn import_records(hub: &mut Hub, records: Vec<ImportedRecord>, now: Now) {
    let (removals, origin) = (Removals::Braked, "test".to_owned());
    let options = ImportOptions {
        removals,
        register: true,
        dry_run: false,
        origin,
    };
    assert!(import(hub, records, &options, now).unwrap().seq.is_some());
}
