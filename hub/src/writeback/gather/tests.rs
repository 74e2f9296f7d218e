use super::super::mlflow::Mlflow;
use super::super::tags::Tag;
use super::*;
use crate::replica::Commit;
use crate::store::Store;
use headland_shared::actor::{ActorId, Dot, Incarnation};
use headland_shared::element::{Note, Remark, State, Tally};
use headland_shared::epoch::{Life, Position};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::ReplicaName;
use headland_shared::register::{Rank, Register, Write, Writer};
use headland_shared::schema::{Residency, Writers};
use headland_shared::stamp::Stamp;
use headland_shared::value::Value;
use redb::Database;
use redb::backends::InMemoryBackend;

struct Hub(Store);

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn attribute(name: &str) -> AttributeName {
    AttributeName::new(name).unwrap()
}

fn model(name: &str) -> RecordKey {
    RecordKey::decode(format!("default\0{name}").as_bytes()).unwrap()
}

fn actor(name: &str) -> ActorId {
    ActorId {
        name: ReplicaName::parse(name).unwrap(),
        incarnation: Incarnation(0xab),
    }
}

fn central(value: Value) -> State {
    let write = Write::central(Position::default(), Stamp::at_ms(1), Some(value));
    State::Register(Register::of(Writer::Central, write))
}

fn life(alive: bool) -> (ElementKey, State) {
    (ElementKey::Life, central(Value::Bool(alive)))
}

fn note(counter: u64, text: Option<&str>) -> (ElementKey, State) {
    let key = ElementKey::Annotation(Dot {
        actor: actor("leaf-7"),
        counter,
    });
    let remark = text.map_or(Remark::Removed, |text| {
        Remark::Written(Note {
            at: Stamp::at_ms(counter),
            subject: None,
            text: text.to_owned(),
            extra: Vec::new(),
        })
    });
    (key, State::Remark(remark))
}

fn count(name: &str, made_in: &str, added: u64) -> (ElementKey, State) {
    let key = ElementKey::Count(attribute(name), actor("leaf-7"), region(made_in));
    (key, State::Tally(Tally { added, removed: 0 }))
}

/// What a device says, having seen what it covers of its own.
fn says(number: u64, value: Option<&str>, sees: &Register) -> Register {
    let mut register = sees.clone();
    let write = Write {
        position: Position {
            life: Life::NONE,
            number,
        },
        sticky: false,
        at: Stamp::at_ms(number),
        value: value.map(Value::text),
        covers: sees.seen(),
    };
    register.put(Writer::Edge(Rank::Operator, actor("leaf.7")), write);
    register
}

impl Hub {
    fn new() -> Self {
        let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new())?);
        let hub = Self(Store::open(open, 7).unwrap());
        hub.commit(|commit| {
            for (name, residency) in [
                ("availability", Residency::Anywhere),
                ("local", Residency::Region),
                ("private", Residency::Device),
            ] {
                let built_in = Declaration::built_in("availability").unwrap();
                let declaration = Declaration {
                    writers: Writers::Devices,
                    residency,
                    ..built_in
                };
                commit.declare(&attribute(name), declaration).unwrap();
            }
        });
        hub
    }

    fn commit(&self, change: impl FnOnce(&mut Commit<'_, '_>)) {
        let committed: Result<_, crate::replica::CommitError> = self.0.write(|tables| {
            let mut commit = Commit::begin(tables, 1)?;
            change(&mut commit);
            commit.finish()
        });
        committed.unwrap();
    }

    fn put(&self, name: &str, elements: Vec<(ElementKey, State)>) {
        self.commit(|commit| commit.put(&model(name), elements).unwrap());
    }

    fn gather(&self, after: Progress) -> Gathered<Tag> {
        gather::<Mlflow>(&self.0.read().unwrap(), after, &region("main")).unwrap()
    }

    /// What is gathered after a mark, as "model key=value", and the mark then.
    fn tags(&self, after: Progress) -> (Vec<String>, Progress) {
        let gathered = self.gather(after);
        let shown = |tag: &Tag| {
            let value = tag.value.as_deref().unwrap_or("-");
            format!("{} {}={value}", tag.model.name, tag.key)
        };
        (gathered.writes.iter().map(shown).collect(), gathered.progress)
    }
}

const NOTE: &str = "edge.note.leaf-7.00000000000000ab";

#[test]
fn a_note_is_a_tag_until_it_is_removed_and_the_registrys_changes_are_none() {
    let hub = Hub::new();
    hub.put(
        "crop",
        vec![
            life(true),
            (ElementKey::Attribute(attribute("license")), central(Value::text("mit"))),
        ],
    );
    let (tags, at) = hub.tags(Progress::default());
    assert_eq!(tags, Vec::<String>::new());
    hub.put("crop", vec![note(1, Some("wheat only")), note(2, Some("slow"))]);
    let (tags, at) = hub.tags(at);
    assert_eq!(
        tags,
        [format!("crop {NOTE}.1=wheat only"), format!("crop {NOTE}.2=slow")]
    );
    hub.put("crop", vec![note(1, None)]);
    let (tags, at) = hub.tags(at);
    assert_eq!(tags, [format!("crop {NOTE}.1=-")]);
    assert_eq!(hub.tags(at), (vec![], at));
}

#[test]
fn what_must_not_leave_the_region_is_not_gathered() {
    let hub = Hub::new();
    let says = says(1, Some("down"), &Register::default());
    let said = |name: &str| (ElementKey::Attribute(attribute(name)), State::Register(says.clone()));
    let all = vec![
        life(true),
        said("availability"),
        said("local"),
        said("private"),
        said("unknown"),
        said("license"),
    ];
    hub.put("crop", all);
    assert_eq!(hub.tags(Progress::default()).0, ["crop edge.availability.leaf.7=down"]);
}

#[test]
fn a_hub_writes_the_sum_of_what_was_counted_in_its_own_region() {
    let hub = Hub::new();
    hub.put(
        "crop",
        vec![
            life(true),
            count("usage", "main", 5),
            count("usage", "north", 9),
            count("license", "main", 1),
        ],
    );
    let (tags, at) = hub.tags(Progress::default());
    assert_eq!(tags, ["crop edge.usage.main=5"]);
    hub.put("crop", vec![count("usage", "north", 10)]);
    let (tags, at) = hub.tags(at);
    assert_eq!(tags, Vec::<String>::new());
    hub.put("crop", vec![count("usage", "main", 7)]);
    assert_eq!(hub.tags(at).0, ["crop edge.usage.main=7"]);
}

#[test]
fn what_a_device_says_goes_when_it_no_longer_stands_and_the_registrys_own_value_stays_there() {
    let hub = Hub::new();
    let key = || ElementKey::Attribute(attribute("availability"));
    hub.put("crop", vec![life(true), (key(), central(Value::text("up")))]);
    let first = says(1, Some("down"), &Register::default());
    hub.put("crop", vec![(key(), State::Register(first.clone()))]);
    let (tags, at) = hub.tags(Progress::default());
    assert_eq!(tags, ["crop edge.availability.leaf.7=down"]);
    hub.put("crop", vec![(key(), State::Register(says(2, None, &first)))]);
    assert_eq!(hub.tags(at).0, ["crop edge.availability.leaf.7=-"]);
}

#[test]
fn a_model_that_the_registry_does_not_hold_waits_until_it_does() {
    let hub = Hub::new();
    hub.put("crop", vec![note(1, Some("early"))]);
    let (tags, at) = hub.tags(Progress::default());
    assert_eq!(tags, Vec::<String>::new());
    hub.put("crop", vec![life(true)]);
    let (tags, at) = hub.tags(at);
    assert_eq!(tags, [format!("crop {NOTE}.1=early")]);
    hub.put("crop", vec![life(false)]);
    let (tags, at) = hub.tags(at);
    assert_eq!(tags, Vec::<String>::new());
    hub.put("crop", vec![life(true)]);
    assert_eq!(hub.tags(at).0, [format!("crop {NOTE}.1=early")]);
}

#[test]
fn a_long_backlog_is_gathered_in_bounded_rounds_and_each_write_once() {
    let hub = Hub::new();
    let many = u64::try_from(RECORDS_MAX).unwrap() + 500;
    // Two commits, and two scopes within the first, so that rounds end within a commit and within a scope.
    hub.commit(|commit| {
        for number in 0..many {
            let mut elements = vec![life(true), note(number + 1, Some("a"))];
            if number % 3 == 0 {
                elements.push((ElementKey::Attribute(attribute("task")), central(Value::text("chat"))));
            }
            commit.put(&model(&format!("m{number}")), elements).unwrap();
        }
    });
    hub.put("m1", vec![note(many + 1, Some("b"))]);
    let (mut at, mut all, mut rounds) = (Progress::default(), Vec::new(), 0);
    while at != Progress::whole(Seq(3)) {
        let gathered = hub.gather(at);
        assert!(
            gathered.writes.len() <= WRITES_MAX && gathered.records <= RECORDS_MAX && gathered.progress.mark > at.mark
        );
        all.extend(gathered.writes.into_iter().map(|tag| tag.key));
        (at, rounds) = (gathered.progress, rounds + 1);
    }
    assert!(rounds >= 5, "{rounds}");
    let once: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!((once.len(), all.len()), (many as usize + 1, many as usize + 1));
}

#[test]
fn a_model_that_changes_again_while_a_long_backlog_is_written_loses_nothing() {
    let hub = Hub::new();
    let many = RECORDS_MAX + WRITES_MAX;
    let name = |number: usize| model(&format!("m{number}"));
    hub.commit(|commit| {
        for number in 0..many {
            commit.put(&name(number), vec![life(true)]).unwrap();
        }
    });
    hub.put(&format!("m{}", many - 1), vec![note(1, Some("early"))]);
    let mut at = hub.gather(Progress::default()).progress;
    // The last model's note moves behind the changes of all others.
    hub.commit(|commit| {
        for number in 0..many {
            let license = (ElementKey::Attribute(attribute("license")), central(Value::text("mit")));
            commit.put(&name(number), vec![license]).unwrap();
        }
    });
    let mut tags = Vec::new();
    while !at.is_whole() {
        let gathered = hub.gather(at);
        tags.extend(gathered.writes.into_iter().map(|tag| tag.key));
        at = gathered.progress;
    }
    assert_eq!(tags, [format!("{NOTE}.1")]);
}
