//! The fast path: what is urgent is shown at once, whatever else is under way, and changes nothing but that.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use headland_agent::read::Reader;
use headland_agent::replica::{Replica as Agent, ReplicaConfig as AgentConfig};
use headland_agent::store::Store as AgentStore;
use headland_fleet::disk::Disk;
use headland_fleet::ends::{agent_config, at, hub_config, open_hub};
use headland_hub::import_file::{ImportedRecord, ImportedVersion};
use headland_hub::registry::{Assertion, Expected, ImportOptions, Put, Removals, import, put};
use headland_hub::replica::{Output as HubOutput, Replica as Hub};
use headland_shared::key::RecordKey;
use headland_shared::name::{Region, ReplicaName, VersionName};
use headland_shared::session::agent::Phase;
use headland_shared::session::{Jitter, Now};
use headland_shared::topic;
use headland_shared::value::Value;
use redb::Database;
use std::collections::BTreeMap;

/// Longer than any wait of the session that these tests lead to, in seconds.
const QUIET_S_MAX: u64 = 120;

/// A hub, and an agent of the shortest frames, which does not follow the live feed.
struct Pair {
    hub: Hub,
    agent: Agent,
    disk: Disk,
    ms: u64,
    mark: i64,
    /// What the registry says of model `a`'s availability, if anything.
    availability: Option<&'static str>,
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

fn open_agent(disk: &Disk, ms: u64) -> Agent {
    let config = AgentConfig {
        frame_bytes_max: 256,
        ..agent_config(&["farm/*"])
    };
    let disk = disk.clone();
    let open = move || Ok(Database::builder().create_with_backend(disk.open())?);
    Agent::open(AgentStore::open(open, &leaf(), 7).unwrap(), config, 8, at(ms)).unwrap()
}

/// The approval of a model's version 1.0, as it is shown.
fn approval(reader: &Reader, name: &str) -> String {
    let model = reader.model(&model(name)).unwrap().unwrap();
    let approval = model.versions["1.0"].approvals.get("field-use");
    approval.and_then(Value::as_text).unwrap_or("none").to_owned()
}

impl Pair {
    /// Both, in step, with models of which one is approved.
    fn new() -> Self {
        let disk = Disk::default();
        let agent = open_agent(&disk, 0);
        let mut pair = Self {
            hub: open_hub(hub_config(), 5, 6, at(0)),
            agent,
            disk,
            ms: 0,
            mark: 0,
            availability: None,
        };
        pair.import("approved", 0);
        pair.link_up();
        pair.until_quiet();
        assert_eq!(approval(&pair.shown(), "a"), "approved");
        pair
    }

    fn now(&self) -> Now {
        at(self.ms)
    }

    fn shown(&self) -> Reader {
        Reader::new(self.agent.store().clone())
    }

    fn fed(&self) -> Reader {
        Reader::of_the_feed(self.agent.store().clone())
    }

    fn ahead(&self) -> u64 {
        self.agent.store().read().unwrap().ahead_count().unwrap()
    }

    fn link_up(&mut self) {
        self.agent.link_up(region(), self.now()).unwrap();
    }

    /// The registry says of model `a` what it is approved as, and something new of it and of some other models.
    fn import(&mut self, approved: &str, others: usize) {
        self.mark += 1;
        let mut noise = Jitter::seeded(self.mark as u64);
        let record = |name: String, approved: &str, noise: &mut Jitter| ImportedRecord {
            key: model(&name),
            attributes: BTreeMap::from([
                ("task".parse().unwrap(), Value::text("detection")),
                ("mark".parse().unwrap(), Value::whole(self.mark)),
                ("note".parse().unwrap(), Value::text(format!("{:x}", noise.next_u64()))),
            ]),
            versions: vec![ImportedVersion {
                version: "1.0".parse().unwrap(),
                manifest: Value::whole(1),
                approvals: BTreeMap::from([("field-use".parse().unwrap(), approved.to_owned())]),
            }],
            current: None,
            aliases: BTreeMap::new(),
        };
        let mut records = vec![record("a".to_owned(), approved, &mut noise)];
        let said = self
            .availability
            .map(|said| ("availability".parse().unwrap(), Value::text(said)));
        records[0].attributes.extend(said);
        records.extend((0..others).map(|n| record(format!("other-{n}"), "tried", &mut noise)));
        let options = ImportOptions {
            removals: Removals::Allowed,
            register: true,
            dry_run: false,
            origin: "test".to_owned(),
        };
        let now = self.now();
        assert!(import(&mut self.hub, records, &options, now).unwrap().seq.is_some());
    }

    /// What the hub wants sent: what reaches this agent, by topic.
    fn frames(&mut self) -> Vec<(String, Vec<u8>)> {
        let outputs = std::iter::from_fn(|| self.hub.poll());
        let frames = outputs.map(|output| match output {
            HubOutput::Publish { topic, frame } | HubOutput::Send { topic, frame } => (topic, frame),
        });
        let own = topic::down(&region(), &leaf());
        let reaches = |topic: &str| topic == own || topic.ends_with("/heartbeat") || topic.contains("/urgent/");
        frames.filter(|(topic, _)| reaches(topic)).collect()
    }

    /// Delivers what is urgent and loses everything else.
    fn deliver_urgent(&mut self) -> Vec<Vec<u8>> {
        let frames = self
            .frames()
            .into_iter()
            .filter(|(topic, _)| topic.contains("/urgent/"));
        let frames: Vec<Vec<u8>> = frames.map(|(_, frame)| frame).collect();
        for frame in &frames {
            self.agent.frame(frame.clone(), self.now()).unwrap();
        }
        frames
    }

    fn send_up(&mut self) {
        while let Some(frame) = self.agent.poll() {
            self.hub.frame(leaf(), frame).unwrap();
        }
        self.hub.flush(self.now()).unwrap();
    }

    fn until_quiet(&mut self) {
        for _ in 0..QUIET_S_MAX {
            self.ms += 1_000;
            self.agent.handle_timeout(self.now()).unwrap();
            self.hub.handle_timeout(self.now()).unwrap();
            loop {
                self.send_up();
                let frames = self.frames();
                if frames.is_empty() {
                    break;
                }
                for (_, frame) in frames {
                    self.agent.frame(frame, self.now()).unwrap();
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
fn an_agent_of_short_frames_shows_a_revocation_before_its_next_catch_up() {
    let mut pair = Pair::new();
    let standing = |pair: &Pair| {
        (
            pair.agent.store().read().unwrap().placed().unwrap(),
            pair.agent.digest().unwrap(),
        )
    };
    let (before, catch_ups) = (standing(&pair), pair.agent.counts().catch_ups);
    pair.import("revoked", 0);
    let frames = pair.deliver_urgent();
    assert_eq!((frames.len(), pair.hub.counts().urgent), (1, 1));
    assert_eq!(approval(&pair.shown(), "a"), "revoked");
    // What is not urgent of the same commit waits, as does what the feed alone says.
    let mark = |reader: Reader| reader.model(&model("a")).unwrap().unwrap().attributes["mark"].clone();
    assert_eq!(
        (mark(pair.shown()), mark(pair.fed())),
        (Value::whole(1), Value::whole(1))
    );
    assert_eq!(approval(&pair.fed(), "a"), "approved");
    assert_eq!(standing(&pair), before);
    assert_eq!(
        (pair.agent.counts().catch_ups, pair.agent.counts().urgent, pair.ahead()),
        (catch_ups, 1, 1)
    );
    // A repeated frame is nothing new.
    pair.agent.frame(frames[0].clone(), pair.now()).unwrap();
    assert_eq!((pair.agent.counts().urgent, pair.ahead()), (1, 1));
    pair.until_quiet();
    assert_eq!(
        (approval(&pair.fed(), "a"), mark(pair.fed()), pair.ahead()),
        ("revoked".to_owned(), Value::whole(2), 0)
    );
    // Nor is one that comes late.
    pair.agent.frame(frames[0].clone(), pair.now()).unwrap();
    assert_eq!((pair.agent.counts().urgent, pair.ahead()), (1, 0));
}

#[test]
fn an_agent_shows_what_was_put_at_the_hub() {
    let mut pair = Pair::new();
    let (version, record) = ("1.0".parse::<VersionName>().unwrap(), model("a"));
    let revoked = Assertion::Approval(version.clone(), "field-use".parse().unwrap(), "revoked".to_owned());
    let current = Assertion::Current(version);
    for (assertion, expected) in [(revoked, Expected::Anything), (current, Expected::Nothing)] {
        let record = record.clone();
        let wish = Put {
            record,
            assertion,
            expected,
        };
        let now = pair.now();
        assert!(put(&mut pair.hub, &wish, now).unwrap().seq.is_some());
    }
    assert_eq!(pair.deliver_urgent().len(), 1);
    let current = |reader: Reader| reader.model(&record).unwrap().unwrap().current;
    assert_eq!(
        (approval(&pair.shown(), "a"), current(pair.shown())),
        ("revoked".to_owned(), None)
    );
    pair.until_quiet();
    assert_eq!(
        (approval(&pair.fed(), "a"), current(pair.fed())),
        ("revoked".to_owned(), Some(Value::text("1.0")))
    );
}

#[test]
fn an_agent_amid_a_long_catch_up_shows_a_revocation_and_keeps_it_over_a_restart() {
    let mut pair = Pair::new();
    pair.agent.link_down(pair.now()).unwrap();
    pair.import("approved", 300);
    pair.frames();
    pair.link_up();
    pair.send_up();
    // Only the beginning of the catch-up arrives.
    for (_, frame) in pair.frames() {
        pair.agent.frame(frame, pair.now()).unwrap();
    }
    let staged = pair.agent.store().read().unwrap().staged().unwrap();
    assert!(staged.is_some_and(|staged| staged.parts > 1), "{staged:?}");
    pair.import("revoked", 300);
    assert_eq!(pair.deliver_urgent().len(), 1);
    assert_eq!(pair.agent.phase(), Phase::CatchingUp);
    assert_eq!(
        (approval(&pair.fed(), "a"), approval(&pair.shown(), "a")),
        ("approved".to_owned(), "revoked".to_owned())
    );
    // The power fails, and all that was not synced is lost.
    pair.disk.crash(|| false);
    pair.agent = open_agent(&pair.disk, pair.ms);
    assert_eq!(
        (approval(&pair.fed(), "a"), approval(&pair.shown(), "a")),
        ("approved".to_owned(), "revoked".to_owned())
    );
    assert!(pair.agent.store().read().unwrap().staged().unwrap().is_some());
    pair.link_up();
    pair.until_quiet();
    assert_eq!((approval(&pair.fed(), "a"), pair.ahead()), ("revoked".to_owned(), 0));
}

#[test]
fn what_was_urgent_of_a_withdrawn_model_goes_with_it() {
    let mut pair = Pair::new();
    pair.import("approved", 1);
    pair.until_quiet();
    pair.import("revoked", 1);
    pair.deliver_urgent();
    assert_eq!(pair.ahead(), 1);
    let options = ImportOptions {
        removals: Removals::Allowed,
        register: true,
        dry_run: false,
        origin: "test".to_owned(),
    };
    let now = pair.now();
    let other = ImportedRecord {
        key: model("other-0"),
        attributes: BTreeMap::from([("task".parse().unwrap(), Value::text("detection"))]),
        versions: Vec::new(),
        current: None,
        aliases: BTreeMap::new(),
    };
    import(&mut pair.hub, vec![other], &options, now).unwrap();
    pair.until_quiet();
    assert_eq!(pair.shown().model(&model("a")).unwrap(), None);
    assert_eq!(pair.ahead(), 0);
}

#[test]
fn a_new_model_is_not_urgent_and_neither_is_the_approval_of_a_version_that_is_not_here() {
    let mut pair = Pair::new();
    pair.import("approved", 3);
    assert_eq!(pair.deliver_urgent().len(), 0);
    let mut versions = vec![("1.0", "approved"), ("1.1", "approved")].into_iter();
    let version = |(version, approved): (&str, &str)| ImportedVersion {
        version: version.parse().unwrap(),
        manifest: Value::whole(1),
        approvals: BTreeMap::from([("field-use".parse().unwrap(), approved.to_owned())]),
    };
    let record = ImportedRecord {
        key: model("a"),
        attributes: BTreeMap::from([("task".parse().unwrap(), Value::text("detection"))]),
        versions: versions.by_ref().map(version).collect(),
        current: None,
        aliases: BTreeMap::new(),
    };
    let options = ImportOptions {
        removals: Removals::Allowed,
        register: true,
        dry_run: false,
        origin: "test".to_owned(),
    };
    let now = pair.now();
    import(&mut pair.hub, vec![record], &options, now).unwrap();
    assert_eq!(pair.deliver_urgent().len(), 1);
    let model = |reader: Reader| reader.model(&model("a")).unwrap().unwrap();
    assert_eq!(pair.ahead(), 1);
    assert_eq!(model(pair.shown()), model(pair.fed()));
    pair.until_quiet();
    assert_eq!(
        model(pair.shown()).versions["1.1"].approvals["field-use"],
        Value::text("approved")
    );
}

#[test]
fn what_a_device_reports_of_itself_is_urgent_to_nobody_and_what_the_registry_says_is() {
    let mut pair = Pair::new();
    let availability = "availability".parse().unwrap();
    let report = |pair: &mut Pair, seen: Option<&str>| {
        let seen = seen.map(str::to_owned);
        let now = pair.now();
        pair.agent.report(&model("a"), &availability, seen, now).unwrap();
        pair.agent.flush(now).unwrap();
        pair.until_quiet();
    };
    report(&mut pair, Some("down"));
    report(&mut pair, None);
    assert_eq!((pair.hub.counts().writes, pair.hub.counts().urgent), (2, 0));
    report(&mut pair, Some("down"));
    pair.availability = Some("offline");
    pair.import("approved", 0);
    pair.until_quiet();
    assert_eq!(pair.hub.counts().urgent, 1);
}
