//! Two hubs, the second of which follows the registry of the first, and an agent that is with one of them.

use headland_agent::replica::Replica as Agent;
use headland_agent::store::Store as AgentStore;
pub(crate) use headland_fleet::ends::at as now_at;
use headland_fleet::ends::{agent_config, hub_config, memory, open_hub};
use headland_hub::import_file::{ImportedRecord, ImportedVersion};
use headland_hub::registry::follow::{Applied, Changes, FollowError, apply, changes_since};
use headland_hub::registry::{ImportOptions, ImportReport, Removals, import};
use headland_hub::replica::{Output as HubOutput, Replica as Hub, ReplicaConfig as HubConfig};
use headland_shared::digest::Digest;
use headland_shared::epoch::Position;
use headland_shared::key::RecordKey;
use headland_shared::name::{AttributeName, Region, ReplicaName};
use headland_shared::session::Now;
use headland_shared::topic;
use headland_shared::value::Value;
use headland_shared::view::Model;
use std::collections::BTreeMap;

/// Longer than any wait of the session that these tests lead to, in seconds.
const QUIET_S_MAX: u64 = 120;

/// A hub with its region.
pub(crate) struct Served {
    pub(crate) hub: Hub,
    region: Region,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    North,
    South,
}

pub(crate) use Side::{North, South};

/// Both hubs and the agent.
pub(crate) struct Hubs {
    pub(crate) north: Served,
    pub(crate) south: Served,
    pub(crate) agent: Agent,
    at: Option<Side>,
    pub(crate) ms: u64,
}

/// A model as a test states it: name, mark, and the approval of its version 1.
pub(crate) type Stated<'a> = (&'a str, i64, &'a str);

pub(crate) fn attribute(name: &str) -> AttributeName {
    AttributeName::new(name).unwrap()
}

pub(crate) fn model(name: &str) -> RecordKey {
    RecordKey {
        namespace: "farm".parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

/// A hub with a new store. `random` becomes its identity, and its registry's.
pub(crate) fn served(region: &str, random: u64) -> Served {
    restored(region, random, random + 1)
}

/// A copy of a hub's new store, which goes on by itself from there.
pub(crate) fn restored(region: &str, random: u64, seed: u64) -> Served {
    let region = Region::new(region).unwrap();
    let config = HubConfig {
        region: region.clone(),
        boot: random,
        ..hub_config()
    };
    Served {
        hub: open_hub(config, random, seed, now_at(0)),
        region,
    }
}

fn record((name, mark, approval): &Stated<'_>) -> ImportedRecord {
    let task = ["detection", "chat"][name.len() % 2];
    ImportedRecord {
        key: model(name),
        attributes: BTreeMap::from([
            (attribute("task"), Value::text(task)),
            (attribute("mark"), Value::whole(*mark)),
            (attribute("tags"), Value::List(vec![Value::text(format!("tag-{mark}"))])),
        ]),
        versions: vec![ImportedVersion {
            version: "1".parse().unwrap(),
            manifest: Value::Map(BTreeMap::new()),
            approvals: BTreeMap::from([("field-use".parse().unwrap(), (*approval).to_owned())]),
        }],
        current: Some("1".parse().unwrap()),
        aliases: BTreeMap::new(),
    }
}

impl Served {
    /// Has this hub's own registry hold these models and no others.
    pub(crate) fn import(&mut self, models: &[Stated<'_>], ms: u64) -> ImportReport {
        let options = ImportOptions {
            removals: Removals::Allowed,
            register: true,
            dry_run: false,
            origin: "test".to_owned(),
        };
        let records = models.iter().map(record).collect();
        import(&mut self.hub, records, &options, now_at(ms)).unwrap()
    }

    /// What this hub tells a follower that stands where `follower` does, as it comes out of the wire.
    pub(crate) fn says_to(&self, follower: &Self) -> Changes {
        let from = follower.hub.store().read().unwrap().followed().unwrap();
        let changes = changes_since(&self.hub.store().read().unwrap(), from.as_ref()).unwrap();
        Changes::decode(&changes.encode()).unwrap()
    }

    /// Where the registry stands that this hub holds.
    pub(crate) fn registry(&self) -> Position {
        self.hub.store().read().unwrap().numbers().unwrap().registry()
    }

    /// A follower says that it holds this of the registry; says whether this hub has begun another life.
    pub(crate) fn hears_of(&mut self, held: Position) -> bool {
        self.hub.registry_held_elsewhere(held, now_at(0)).unwrap()
    }

    /// All that this hub's registry says.
    pub(crate) fn says(&self) -> Changes {
        changes_since(&self.hub.store().read().unwrap(), None).unwrap()
    }

    pub(crate) fn apply(&mut self, changes: &Changes, removals: Removals, ms: u64) -> Result<Applied, FollowError> {
        apply(&mut self.hub, changes, removals, now_at(ms))
    }

    /// Takes over what the other hub's registry has said since.
    pub(crate) fn follow(&mut self, leader: &Self, ms: u64) -> Applied {
        self.apply(&leader.says_to(self), Removals::Braked, ms).unwrap()
    }

    /// Scopes, and the digests of what they hold.
    pub(crate) fn digests(&self) -> BTreeMap<String, Digest> {
        let scopes = self.hub.store().read().unwrap().scopes().unwrap();
        scopes.values().map(|row| (row.scope.to_string(), row.digest)).collect()
    }

    pub(crate) fn models(&self) -> Vec<Model> {
        let reader = headland_hub::read::Reader::new(self.hub.store().clone());
        reader.models(&headland_hub::read::Wanted::all(None)).unwrap().models
    }

    pub(crate) fn model(&self, name: &str) -> Model {
        let models = self.models();
        models.into_iter().find(|model| model.name == name).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.models().into_iter().map(|model| model.name).collect()
    }

    pub(crate) fn head(&self) -> u64 {
        self.hub.store().read().unwrap().numbers().unwrap().head.seq.0
    }
}

/// The device with its new store, of which there is one.
fn device(seed: u64, ms: u64) -> Agent {
    let name = ReplicaName::parse("device-a").unwrap();
    let store = AgentStore::open(|| Ok(memory()), &name, 7).unwrap();
    Agent::open(store, agent_config(&["*/*"]), seed, now_at(ms)).unwrap()
}

impl Hubs {
    /// Both hubs with three models, and an agent that is with none of them yet.
    pub(crate) fn new() -> Self {
        let mut hubs = Self {
            north: served("north", 5),
            south: served("south", 50),
            agent: device(8, 0),
            at: None,
            ms: 0,
        };
        hubs.north.import(&three(1), 0);
        hubs.south_follows();
        hubs
    }

    /// The device's flash is as it was before it was ever with a hub.
    pub(crate) fn flash_goes_back(&mut self, seed: u64) {
        self.agent = device(seed, self.ms);
    }

    pub(crate) fn now(&self) -> Now {
        now_at(self.ms)
    }

    pub(crate) fn side(&mut self, side: Side) -> &mut Served {
        match side {
            North => &mut self.north,
            South => &mut self.south,
        }
    }

    pub(crate) fn south_follows(&mut self) -> Applied {
        self.south.follow(&self.north, self.ms)
    }

    /// The agent leaves its hub for another, and comes into step with it.
    pub(crate) fn go_to(&mut self, side: Side) {
        self.arrive_at(side);
        self.until_quiet();
    }

    /// The agent leaves its hub for another, and greets it.
    pub(crate) fn arrive_at(&mut self, side: Side) {
        let now = self.now();
        self.agent.link_down(now).unwrap();
        while self.agent.poll().is_some() {}
        self.at = Some(side);
        let region = self.side(side).region.clone();
        self.agent.link_up(region, now).unwrap();
    }

    pub(crate) fn count(&mut self, name: &str, attribute_name: &str, amount: i64) {
        let now = self.now();
        self.agent
            .count(&model(name), &attribute(attribute_name), amount, now)
            .unwrap();
        self.agent.flush(now).unwrap();
    }

    pub(crate) fn annotate(&mut self, name: &str, text: &str) {
        let now = self.now();
        self.agent.annotate(&model(name), None, text.to_owned(), now).unwrap();
        self.agent.flush(now).unwrap();
    }

    /// Carries frames until the agent is in step with its hub and all its writes are dealt with.
    pub(crate) fn until_quiet(&mut self) {
        let side = self.at.unwrap();
        for _ in 0..QUIET_S_MAX {
            self.pass(1);
            let place = self.agent.store().read().unwrap().placed().unwrap();
            let served = self.side(side);
            let (epoch, head) = (
                served.hub.epoch(),
                served.hub.store().read().unwrap().numbers().unwrap().head,
            );
            if self.agent.is_settled() && place.is_some_and(|place| place.epoch == epoch && place.head == head) {
                return;
            }
        }
        panic!("they do not come into step: {:?}", self.agent.phase());
    }

    /// Lets seconds pass, in which frames go between the agent and its hub.
    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.ms += 1_000;
            let now = self.now();
            self.agent.handle_timeout(now).unwrap();
            self.north.hub.handle_timeout(now).unwrap();
            self.south.hub.handle_timeout(now).unwrap();
            self.carry();
        }
    }

    fn carry(&mut self) {
        let (Some(side), now) = (self.at, self.now()) else {
            return;
        };
        let name = ReplicaName::parse("device-a").unwrap();
        loop {
            let up: Vec<_> = std::iter::from_fn(|| self.agent.poll()).collect();
            let served = self.side(side);
            for frame in up {
                served.hub.frame(name.clone(), frame).unwrap();
            }
            served.hub.flush(now).unwrap();
            let own = topic::down(&served.region, &name);
            let down: Vec<_> = std::iter::from_fn(|| served.hub.poll())
                .filter_map(|output| match output {
                    HubOutput::Publish { frame, .. } => Some(frame),
                    HubOutput::Send { topic, frame } => (topic == own).then_some(frame),
                })
                .collect();
            if down.is_empty() {
                break;
            }
            for frame in down {
                self.agent.frame(frame, now).unwrap();
            }
        }
        // Nobody is with the other hub.
        let other = self.side(if side == North { South } else { North });
        while other.hub.poll().is_some() {}
    }

    /// The models as the device shows them.
    pub(crate) fn shown(&self) -> Vec<Model> {
        let reader = headland_agent::read::Reader::new(self.agent.store().clone());
        reader.models(&headland_agent::read::Wanted::all(None)).unwrap().models
    }

    pub(crate) fn shown_names(&self) -> Vec<String> {
        self.shown().into_iter().map(|model| model.name).collect()
    }

    /// What the device shows of a count.
    pub(crate) fn shown_count(&self, name: &str, attribute_name: &str) -> i64 {
        let model = self.shown().into_iter().find(|model| model.name == name).unwrap();
        model.counts.get(attribute_name).copied().unwrap_or(0)
    }
}

pub(crate) fn three(mark: i64) -> [Stated<'static>; 3] {
    [
        ("a", mark, "approved"),
        ("bb", mark, "approved"),
        ("c", mark, "approved"),
    ]
}
