//! A budget of bytes over days of a simulated clock: what waits comes as soon as there is enough again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use headland_agent::read::{Reader, Wanted};
use headland_agent::replica::{Replica as Agent, ReplicaConfig as AgentConfig};
use headland_agent::store::Store as AgentStore;
use headland_fleet::disk::Disk;
use headland_fleet::ends;
use headland_hub::import_file::ImportedRecord;
use headland_hub::registry::{ImportOptions, Removals, import};
use headland_hub::replica::{Output as HubOutput, Replica as Hub, ReplicaConfig as HubConfig};
use headland_shared::key::RecordKey;
use headland_shared::name::{Region, ReplicaName};
use headland_shared::session::agent::Timing;
use headland_shared::session::budget::Band;
use headland_shared::session::{Jitter, Ms, Now};
use headland_shared::topic;
use headland_shared::value::Value;
use redb::Database;
use std::collections::BTreeMap;
use std::num::NonZeroU64;

const HOUR_MS: Ms = 3_600_000;
const BYTES_PER_DAY: u64 = 200_000;
/// What a packet costs beside its frame.
const PACKET_BYTES: u64 = 104;

/// A hub and an agent, and what the link between them has carried.
struct Pair {
    hub: Hub,
    agent: Agent,
    disk: Disk,
    ms: Ms,
    /// What the registry says of the first model's status.
    status: &'static str,
    /// When how much was carried.
    carried: Vec<(Ms, u64)>,
}

fn region() -> Region {
    Region::new("main").unwrap()
}

fn leaf() -> ReplicaName {
    ReplicaName::parse("leaf-7").unwrap()
}

fn model(name: &str) -> RecordKey {
    RecordKey {
        namespace: "farm".parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

fn at(ms: Ms) -> Now {
    Now {
        mono: 1_000 + ms,
        // A wall clock that was never set: a budget asks for none.
        wall_ms: 17,
    }
}

fn open_hub() -> Hub {
    let config = HubConfig {
        heartbeat_ms: 600_000,
        retention_ms: 100 * 24 * HOUR_MS,
        ..ends::hub_config()
    };
    ends::open_hub(config, 5, 6, at(0))
}

fn open_agent(disk: &Disk, ms: Ms) -> Agent {
    let config = AgentConfig {
        timing: Timing {
            prove_ms: 365 * 24 * HOUR_MS,
            ..Timing::default()
        },
        ..ends::agent_config(&["farm/*"])
    };
    let disk = disk.clone();
    let open = move || Ok(Database::builder().create_with_backend(disk.open())?);
    let mut agent = Agent::open(AgentStore::open(open, &leaf(), 7).unwrap(), config, ms ^ 8, at(ms)).unwrap();
    agent
        .keep_within(NonZeroU64::new(BYTES_PER_DAY).unwrap(), at(ms))
        .unwrap();
    agent
}

impl Pair {
    fn new() -> Self {
        let disk = Disk::default();
        Self {
            hub: open_hub(),
            agent: open_agent(&disk, 0),
            disk,
            ms: 0,
            status: "stable",
            carried: Vec::new(),
        }
    }

    /// The registry says of so many models something that no compression shortens.
    fn import(&mut self, models: usize) {
        let mut noise = Jitter::seeded(self.ms + 1);
        let mut text = || (0..24).map(|_| format!("{:x}", noise.next_u64())).collect::<String>();
        let status = |nth| if nth == 0 { self.status } else { "stable" };
        let records = (0..models).map(|nth| ImportedRecord {
            key: model(&format!("model-{nth}")),
            attributes: BTreeMap::from([
                ("task".parse().unwrap(), Value::text("detection")),
                ("status".parse().unwrap(), Value::text(status(nth))),
                ("description".parse().unwrap(), Value::text(text())),
            ]),
            versions: Vec::new(),
            current: None,
            aliases: BTreeMap::new(),
        });
        let options = ImportOptions {
            removals: Removals::Allowed,
            register: true,
            dry_run: false,
            origin: "test".to_owned(),
        };
        import(&mut self.hub, records.collect(), &options, at(self.ms)).unwrap();
    }

    fn carry(&mut self, frame: &[u8]) {
        let bytes = frame.len() as u64 + PACKET_BYTES;
        self.carried.push((self.ms, bytes));
        self.agent.carried(bytes, at(self.ms)).unwrap();
    }

    /// Lets both do what they have to do now.
    fn settle(&mut self) {
        let now = at(self.ms);
        self.agent.carried(0, now).unwrap();
        self.agent.handle_timeout(now).unwrap();
        self.hub.handle_timeout(now).unwrap();
        loop {
            let mut moved = false;
            while let Some(frame) = self.agent.poll() {
                moved = true;
                self.carry(&frame);
                self.hub.frame(leaf(), frame).unwrap();
            }
            self.hub.flush(now).unwrap();
            let own = topic::down(&region(), &leaf());
            while let Some(output) = self.hub.poll() {
                let (HubOutput::Publish { topic, frame } | HubOutput::Send { topic, frame }) = output;
                let listens = !self.agent.spares(now) && (topic.contains("/feed/") || topic.ends_with("/heartbeat"));
                if topic == own || topic.contains("/urgent/") || listens {
                    moved = true;
                    self.carry(&frame);
                    self.agent.frame(frame, now).unwrap();
                }
            }
            self.agent.spares(now);
            if !moved {
                return;
            }
        }
    }

    fn pass(&mut self, ms: Ms, step: Ms) {
        let end = self.ms + ms;
        while self.ms < end {
            self.ms += step;
            self.settle();
        }
    }

    fn held(&self) -> usize {
        Reader::new(self.agent.store().clone())
            .models(&Wanted::all(None))
            .unwrap()
            .models
            .len()
    }

    fn pending(&self) -> usize {
        let views = self.agent.store().read().unwrap();
        views.own_after(views.stored().unwrap(), 99).unwrap().len()
    }

    fn band(&self) -> Band {
        self.agent.budget().unwrap().band
    }

    /// The most that any 24 hours have carried.
    fn worst_day(&self) -> u64 {
        let days = self.carried.iter().map(|(end, _)| {
            let within = self
                .carried
                .iter()
                .filter(|(at, _)| at <= end && at + 24 * HOUR_MS > *end);
            within.map(|(_, bytes)| bytes).sum()
        });
        days.max().unwrap_or(0)
    }
}

#[test]
fn a_first_catch_up_that_is_longer_than_the_budget_comes_over_days_and_then_all_is_there() {
    let mut pair = Pair::new();
    // About a megabyte.
    pair.import(3_000);
    pair.agent.link_up(region(), at(0)).unwrap();
    pair.pass(2 * HOUR_MS, 60_000);
    assert_eq!((pair.held(), pair.band()), (0, Band::Spent));
    let mut days = 0;
    while pair.held() == 0 {
        // The power goes each day, with what had arrived on the disk.
        pair.agent.link_down(at(pair.ms)).unwrap();
        pair.agent = open_agent(&pair.disk, pair.ms);
        pair.agent.link_up(region(), at(pair.ms)).unwrap();
        pair.pass(24 * HOUR_MS, 60_000);
        days += 1;
        assert!(days < 30, "{:?}", pair.agent.budget());
    }
    assert_eq!(pair.held(), 3_000);
    assert!(days > 3, "{days}");
    let worst = pair.worst_day();
    assert!(worst < BYTES_PER_DAY * 5 / 4, "{worst}");
}

#[test]
fn what_waited_for_the_budget_goes_and_comes_when_there_is_enough_again() {
    let mut pair = Pair::new();
    pair.import(10);
    pair.agent.link_up(region(), at(0)).unwrap();
    pair.pass(60_000, 1_000);
    assert_eq!((pair.held(), pair.band()), (10, Band::Ample));
    pair.agent.carried(110_000, at(pair.ms)).unwrap();
    pair.agent
        .annotate(&model("model-1"), None, "misses rust".to_owned(), at(pair.ms))
        .unwrap();
    pair.agent.flush(at(pair.ms)).unwrap();
    pair.import(20);
    pair.pass(60_000, 1_000);
    assert_eq!((pair.held(), pair.pending(), pair.band()), (20, 1, Band::Short));
    pair.agent.carried(90_000, at(pair.ms)).unwrap();
    pair.import(30);
    pair.pass(20 * HOUR_MS, 60_000);
    assert_eq!((pair.held(), pair.pending(), pair.band()), (20, 1, Band::Spent));
    pair.pass(6 * HOUR_MS, 60_000);
    assert_eq!((pair.held(), pair.pending(), pair.band()), (30, 0, Band::Ample));
    assert!(pair.agent.is_in_step());
}

#[test]
fn what_was_urgent_while_the_link_was_down_comes_although_the_budget_is_spent() {
    let mut pair = Pair::new();
    pair.import(10);
    pair.agent.link_up(region(), at(0)).unwrap();
    pair.pass(60_000, 1_000);
    assert_eq!(pair.held(), 10);
    let status = |pair: &Pair| {
        let reader = Reader::new(pair.agent.store().clone());
        let model = reader.model(&model("model-0")).unwrap().unwrap();
        model.attributes["status"].clone()
    };
    pair.agent.link_down(at(pair.ms)).unwrap();
    pair.status = "revoked";
    pair.import(200);
    // It was told to all who listened.
    pair.hub.handle_timeout(at(pair.ms)).unwrap();
    while pair.hub.poll().is_some() {}
    pair.agent.carried(BYTES_PER_DAY, at(pair.ms)).unwrap();
    let before = pair.carried.len();
    pair.agent.link_up(region(), at(pair.ms)).unwrap();
    pair.pass(60_000, 1_000);
    assert_eq!((pair.band(), status(&pair)), (Band::Spent, Value::text("revoked")));
    assert_eq!(pair.held(), 10, "all else waits");
    let bytes: u64 = pair.carried[before..].iter().map(|(_, bytes)| bytes).sum();
    assert!(bytes < 1_000, "{bytes}");
    // Once for each link.
    let asked = pair.carried.len();
    pair.pass(HOUR_MS, 60_000);
    assert_eq!(pair.carried.len(), asked);
    pair.pass(26 * HOUR_MS, 60_000);
    assert_eq!((pair.held(), pair.band()), (200, Band::Ample));
    assert_eq!(status(&pair), Value::text("revoked"));
}
