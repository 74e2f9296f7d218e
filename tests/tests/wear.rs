//! What a change costs a device's flash: an agent's replica on a disk that counts the pages that reach it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use headland_agent::replica::Replica as Agent;
use headland_agent::store::Store as AgentStore;
use headland_fleet::disk::Disk;
use headland_fleet::ends::{agent_config, at, hub_config, open_hub};
use headland_hub::import_file::ImportedRecord;
use headland_hub::registry::{ImportOptions, Removals, import};
use headland_hub::replica::{Output as HubOutput, Replica as Hub};
use headland_shared::key::RecordKey;
use headland_shared::name::{Region, ReplicaName};
use headland_shared::topic;
use headland_shared::value::Value;
use redb::Database;
use std::collections::BTreeMap;

/// So many that the table of records is three pages deep.
const MODELS: usize = 10_000;
/// The agent's default.
const CACHE_BYTES: usize = 1024 * 1024;
/// Longer than any wait of the session that these tests lead to, in seconds.
const QUIET_S_MAX: u64 = 120;
/// Models of a namespace of their own, of which one changes at a time: an import states all of a namespace.
const CHANGING: usize = 100;
const CHANGES: usize = 20;
/// What one change may write: the path to the record, of three pages; single values, scopes, and the table of tables; three
/// pages of the engine's books; and the file's head.
const PAGES_MAX: u64 = 10;
const PAGE_BYTES: u64 = 4_096;

struct Pair {
    hub: Hub,
    agent: Agent,
    disk: Disk,
    ms: u64,
}

fn region() -> Region {
    Region::new("main").unwrap()
}

fn leaf() -> ReplicaName {
    ReplicaName::parse("leaf-7").unwrap()
}

fn open_agent(disk: &Disk) -> Agent {
    let config = agent_config(&["farm/*", "wear/*"]);
    let disk = disk.clone();
    let open = move || {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        Ok(builder.create_with_backend(disk.open())?)
    };
    Agent::open(AgentStore::open(open, &leaf(), 7).unwrap(), config, 8, at(0)).unwrap()
}

/// A model as large as those of the shipped catalogues.
fn record(namespace: &str, number: usize, price: usize) -> ImportedRecord {
    let text = |name: &str| Value::text(format!("{name} of {number}, as told by whoever released it"));
    let mut attributes = BTreeMap::from([
        ("task".parse().unwrap(), Value::text(["chat", "detection"][number % 2])),
        ("price".parse().unwrap(), Value::whole(price as i64)),
    ]);
    for name in [
        "provider",
        "licence",
        "source",
        "architecture",
        "documentation",
        "family",
    ] {
        attributes.insert(name.parse().unwrap(), text(name));
    }
    ImportedRecord {
        key: RecordKey {
            namespace: namespace.parse().unwrap(),
            name: format!("{}/model-{number:05}", number % 7).parse().unwrap(),
        },
        attributes,
        versions: Vec::new(),
        current: None,
        aliases: BTreeMap::new(),
    }
}

impl Pair {
    /// Both, in step.
    fn new() -> Self {
        let disk = Disk::default();
        let mut pair = Self {
            hub: open_hub(hub_config(), 5, 6, at(0)),
            agent: open_agent(&disk),
            disk,
            ms: 0,
        };
        pair.import((0..MODELS).map(|number| record("farm", number, 0)).collect());
        pair.change(CHANGING, 0);
        pair.agent.link_up(region(), at(0)).unwrap();
        pair.until_quiet();
        pair
    }

    /// The models of which one changes at a time, where one costs something else.
    fn change(&mut self, which: usize, price: usize) {
        let price_of = |number| if number == which { price } else { 0 };
        self.import(
            (0..CHANGING)
                .map(|number| record("wear", number, price_of(number)))
                .collect(),
        );
    }

    /// What the registry says of a namespace.
    fn import(&mut self, records: Vec<ImportedRecord>) {
        let options = ImportOptions {
            removals: Removals::Allowed,
            register: true,
            dry_run: false,
            origin: "test".to_owned(),
        };
        assert!(
            import(&mut self.hub, records, &options, at(self.ms))
                .unwrap()
                .seq
                .is_some()
        );
    }

    fn frames(&mut self) -> Vec<Vec<u8>> {
        let outputs = std::iter::from_fn(|| self.hub.poll());
        let own = topic::down(&region(), &leaf());
        let frames = outputs.filter_map(|output| match output {
            HubOutput::Publish { frame, .. } => Some(frame),
            HubOutput::Send { topic, frame } => (topic == own).then_some(frame),
        });
        frames.collect()
    }

    fn until_quiet(&mut self) {
        for _ in 0..QUIET_S_MAX {
            self.ms += 1_000;
            self.agent.handle_timeout(at(self.ms)).unwrap();
            self.hub.handle_timeout(at(self.ms)).unwrap();
            self.hub.publish().unwrap();
            loop {
                while let Some(frame) = self.agent.poll() {
                    self.hub.frame(leaf(), frame).unwrap();
                }
                self.hub.flush(at(self.ms)).unwrap();
                let frames = self.frames();
                if frames.is_empty() {
                    break;
                }
                for frame in frames {
                    self.agent.frame(frame, at(self.ms)).unwrap();
                }
            }
            let place = self.agent.store().read().unwrap().placed().unwrap();
            let head = self.hub.store().read().unwrap().numbers().unwrap().head;
            if self.agent.is_settled() && place.is_some_and(|place| place.head == head) {
                return;
            }
        }
        panic!("they do not come into step: {:?}", self.agent.phase());
    }
}

#[test]
fn one_live_change_is_written_in_few_pages() {
    let mut pair = Pair::new();
    let (before, syncs) = (pair.disk.written_bytes(), pair.disk.syncs());
    for nth in 0..CHANGES {
        pair.change(0, nth + 1);
        pair.until_quiet();
    }
    let changes = CHANGES as u64;
    assert_eq!(pair.agent.counts().live_groups, changes);
    assert_eq!(
        pair.disk.syncs() - syncs,
        changes,
        "each change is one wait for the disk"
    );
    let bytes = pair.disk.written_bytes() - before;
    println!("{} bytes for each change", bytes / changes);
    assert!(
        bytes <= changes * PAGES_MAX * PAGE_BYTES,
        "{bytes} bytes for {changes} changes"
    );
}
