//! The hub's store, driven through the shipped replica and registry.

use crate::medium::Medium;
use crate::subject::{Digests, Observation, Subject, add_record, brief};
use headland_host::tables::StoreError;
use headland_hub::import_file::ImportedRecord;
use headland_hub::registry::{ImportError, ImportOptions, Removals, RevertError, import, revert};
use headland_hub::replica::{CommitError, Replica, ReplicaConfig};
use headland_hub::store::{Store, UNSCOPED, Views};
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::blob::Blob;
use headland_shared::digest::Digest;
use headland_shared::element::{Note, State, Tally};
use headland_shared::epoch::{Mark, Position, Seq};
use headland_shared::frame::encode_up;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::message::{Applied, Hello, Up, Upload};
use headland_shared::name::{AttributeName, Region, ReplicaName};
use headland_shared::register::{Rank, Register, Write, Writer};
use headland_shared::schema::{Declaration, Kind};
use headland_shared::session::Now;
use headland_shared::session::lanes::LaneTimes;
use headland_shared::stamp::Stamp;
use headland_shared::upload::{Entry, RecordRef, UploadWriter, Written};
use headland_shared::value::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Writes of the device in each upload.
const WRITES: u64 = 4;
const MODELS: usize = 7;
const TASKS: [&str; 3] = ["detection", "segmentation", "chat"];
const ROUNDS: usize = 6;
/// More bytes than the engine can put beside other rows.
const FILL_BYTES: usize = 4_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Import,
    Upload,
    Revert,
    Hello,
    Applied,
    Floor,
}

const ROUND: [Step; 10] = [
    Step::Import,
    Step::Upload,
    Step::Import,
    Step::Hello,
    Step::Applied,
    Step::Floor,
    Step::Import,
    Step::Upload,
    Step::Revert,
    Step::Upload,
];

/// The hub's store. Each step has a replica of its own, so that it draws the same numbers whatever came before.
pub(crate) struct HubStore {
    store: Store,
}

fn step(number: usize) -> Step {
    ROUND[number % ROUND.len()]
}

fn now(number: usize) -> Now {
    let ms = number as u64 * 1_000;
    Now {
        mono: ms,
        wall_ms: 1_760_000_000_000 + ms,
    }
}

fn device() -> ReplicaName {
    ReplicaName::parse("gateway-7").unwrap()
}

fn actor() -> ActorId {
    ActorId {
        name: device(),
        incarnation: Incarnation(9),
    }
}

fn model(index: usize) -> RecordKey {
    RecordKey {
        namespace: "farm".parse().unwrap(),
        name: format!("m{index}").parse().unwrap(),
    }
}

fn attribute(name: &str) -> AttributeName {
    AttributeName::new(name).unwrap()
}

fn of_commit(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        other => panic!("the script is wrong: {other}"),
    }
}

/// The catalogue as of a step: models come, go, move and change.
fn catalogue(number: usize) -> Vec<ImportedRecord> {
    let present = (0..MODELS).filter(|index| !(number / 2 + index).is_multiple_of(4));
    let record = |index: usize| ImportedRecord {
        key: model(index),
        attributes: BTreeMap::from([
            (
                attribute("task"),
                Value::text(TASKS[(number / 3 + index) % TASKS.len()]),
            ),
            (attribute("mark"), Value::whole(number as i64)),
            (
                attribute(&format!("mark-{}", number / 10)),
                Value::text("wheat ".repeat(index)),
            ),
        ]),
        versions: Vec::new(),
        current: None,
        aliases: BTreeMap::new(),
    };
    present.map(record).collect()
}

/// What the device writes in its `count`th upload, from dot `prev` on.
fn upload(count: u64, prev: u64) -> Upload {
    let at = Stamp::at_ms(1_700_000_000_000 + count);
    let note = Note {
        at,
        subject: None,
        text: format!("note {count}"),
        extra: Vec::new(),
    };
    let forbidden = Write {
        position: Position {
            number: prev + 4,
            ..Position::default()
        },
        sticky: false,
        at,
        value: Some(Value::text("gone")),
        covers: BTreeMap::new(),
    };
    let written = [
        Written::Note(note),
        Written::Count(
            attribute("usage"),
            Region::new("main").unwrap(),
            Tally {
                added: count + 1,
                removed: count / 2,
            },
        ),
        Written::Removal((prev + 1).saturating_sub(WRITES * 2)),
        Written::Value(ElementKey::Attribute(attribute("status")), Rank::Person, forbidden),
    ];
    let mut body = UploadWriter::new(prev);
    for (dot, written) in (prev + 1..).zip(written) {
        let index = (count + dot) as usize % (MODELS + 1);
        body.put(&Entry {
            dot,
            record: RecordRef::Key(model(index)),
            written,
        });
    }
    let epoch = Default::default();
    Upload {
        incarnation: actor().incarnation,
        epoch,
        prev,
        to: prev + WRITES,
        body: body.finish(),
    }
}

fn hello() -> Hello {
    Hello {
        nonce: 1,
        actor: actor(),
        frame_bytes_max: 4_096,
        follow: vec!["*/*".parse().unwrap()],
        place: None,
        staged: None,
        registry: Position::default(),
        upload: None,
        more: Vec::new(),
    }
}

impl HubStore {
    fn replica(&self, seed: u64, at: Now) -> Result<Replica, StoreError> {
        let config = ReplicaConfig {
            region: Region::new("main").unwrap(),
            lanes: LaneTimes::default(),
            heartbeat_ms: 5_000,
            live_bytes_max: 65_536,
            retention_ms: 1_000_000,
            boot: 1,
        };
        Replica::open(self.store.clone(), config, seed, at)
    }

    fn hear(&self, message: &Up, number: usize) -> Result<(), StoreError> {
        let mut replica = self.replica(number as u64, now(number))?;
        replica.frame(device(), encode_up(message)).unwrap();
        replica.flush(now(number)).map_err(of_commit)
    }

    fn import(&self, number: usize) -> Result<(), StoreError> {
        let options = ImportOptions {
            removals: Removals::Allowed,
            register: true,
            dry_run: false,
            origin: format!("step {number}"),
        };
        let mut replica = self.replica(number as u64, now(number))?;
        match import(&mut replica, catalogue(number), &options, now(number)) {
            Ok(_) => Ok(()),
            Err(ImportError::Store(error) | ImportError::Commit(CommitError::Store(error))) => Err(error),
            Err(other) => panic!("the script is wrong: {other}"),
        }
    }

    fn revert(&self, number: usize) -> Result<(), StoreError> {
        let latest = self.store.read()?.commits(1)?[0].0;
        let mut replica = self.replica(number as u64, now(number))?;
        match revert(&mut replica, latest, now(number)) {
            Ok(_) => Ok(()),
            Err(RevertError::Store(error) | RevertError::Commit(CommitError::Store(error))) => Err(error),
            Err(other) => panic!("the script is wrong: {other}"),
        }
    }

    fn applied(&self, number: usize) -> Result<(), StoreError> {
        let views = self.store.read()?;
        let applied = Applied {
            epoch: views.epoch()?.unwrap().tag(),
            base: views.numbers()?.head.seq,
            ahead: Vec::new(),
            digest: Digest::default(),
            more: Vec::new(),
        };
        self.hear(&Up::Applied(applied), number)
    }

    /// A minute passes, and what all agents have is forgotten.
    fn move_floor(&self, number: usize) -> Result<(), StoreError> {
        let mut at = now(number);
        let mut replica = self.replica(number as u64, at)?;
        at.mono += 60_000;
        replica.handle_timeout(at)
    }
}

impl Subject for HubStore {
    type Moment = Arc<Views>;
    const NAME: &'static str = "hub";
    const SOME_TABLE: &'static str = "lefts-1";
    const FORMAT: u32 = 6;

    fn open(medium: &Medium) -> Result<Self, StoreError> {
        let medium = medium.clone();
        let store = Store::open(move || medium.database(), 0x1234_5678_9abc_def0)?;
        Ok(Self { store })
    }

    fn steps() -> usize {
        ROUND.len() * ROUNDS
    }

    fn is_noted(number: usize) -> bool {
        matches!(step(number), Step::Hello | Step::Applied)
    }

    fn step(&mut self, number: usize) -> Result<(), StoreError> {
        match step(number) {
            Step::Import => self.import(number),
            Step::Upload => {
                let before = (0..number).filter(|number| step(*number) == Step::Upload).count() as u64;
                self.hear(&Up::Upload(upload(before, before * WRITES)), number)
            }
            Step::Revert => self.revert(number),
            Step::Hello => self.hear(&Up::Hello(hello()), number),
            Step::Applied => self.applied(number),
            Step::Floor => self.move_floor(number),
        }
    }

    fn fail(&mut self) {
        let mut replica = self.replica(99, now(99)).unwrap();
        let name = attribute("never");
        let failed = replica.commit(now(99), |commit| {
            let write = Write::central(Position::default(), Stamp(1), Some(Value::Bool(true)));
            let state = State::Register(Register::of(Writer::Central, write));
            commit.declare(&name, Declaration::inferred(&name, Kind::Bool))?;
            for index in 0..=MODELS {
                let elements = vec![
                    (ElementKey::Life, state.clone()),
                    (ElementKey::Attribute(name.clone()), state.clone()),
                ];
                commit.put(&model(index), elements)?;
            }
            commit.set_seen(&actor(), 999)?;
            commit.numbers.revision += 1;
            Err::<(), _>(CommitError::Store(StoreError::Closed))
        });
        assert!(matches!(failed, Err(CommitError::Store(StoreError::Closed))));
    }

    fn fill(&mut self) -> Result<(), StoreError> {
        let seen = self.store.read()?.seen(&actor())?;
        let note = Note {
            at: Stamp(1),
            subject: None,
            text: format!("{seen:0>FILL_BYTES$}"),
            extra: Vec::new(),
        };
        let (dot, record) = (seen + 1, RecordRef::Key(model(seen as usize % 500)));
        let mut upload = upload(0, seen);
        let mut body = UploadWriter::new(seen);
        body.put(&Entry {
            dot,
            record,
            written: Written::Note(note),
        });
        (upload.to, upload.body) = (dot, body.finish());
        self.hear(&Up::Upload(upload), 1_000)
    }

    fn moment(&self) -> Result<Arc<Views>, StoreError> {
        self.store.read()
    }

    fn observe(views: &Arc<Views>) -> Observation {
        let mut lines = Observation::new();
        let mut line = |key: String, value: String| lines.insert(key, value);
        let numbers = views.numbers().unwrap();
        line("epoch".into(), format!("{:?}", views.epoch().unwrap()));
        line("numbers".into(), format!("{numbers:?}"));
        assert_eq!(views.lineage(numbers.head.seq).unwrap(), Some(numbers.head.lineage));
        line("seen".into(), views.seen(&actor()).unwrap().to_string());
        line("agents".into(), format!("{:?}", views.agents().unwrap()));
        line(
            "lefts".into(),
            format!("{:?}", views.lefts_through(Seq(u64::MAX)).unwrap()),
        );
        for (name, row) in views.attributes().unwrap() {
            line(format!("attribute {name}"), format!("{row:?}"));
        }
        for (seq, row) in views.commits(usize::MAX).unwrap() {
            assert_eq!(views.commit(seq).unwrap().as_ref(), Some(&row));
            let replaced = views.undo(seq).unwrap().map(|undo| undo.len());
            line(format!("commit {seq}"), format!("{row:?} {replaced:?}"));
        }
        for (alias, row) in views.scopes().unwrap() {
            let changes = changes(views, alias);
            line(format!("scope {alias}"), format!("{row:?} {changes:?}"));
        }
        line("unscoped".to_owned(), format!("{:?}", changes(views, UNSCOPED)));
        each_record(views, |key, blob| {
            lines.insert(format!("record {key}"), brief(blob));
        });
        lines
    }

    fn digests(views: &Arc<Views>) -> (Digests, Digests) {
        let rows = views.scopes().unwrap();
        let said = rows.values().map(|row| (row.scope.to_string(), row.digest)).collect();
        let mut counted: Digests = rows
            .values()
            .map(|row| (row.scope.to_string(), Default::default()))
            .collect();
        let mut models: BTreeMap<String, u64> = BTreeMap::new();
        let mut unscoped = Vec::new();
        each_record(views, |key, blob| {
            let head = Blob::parse(blob).unwrap().head;
            if head.task.is_none() {
                let handle = views.handle(&key.encoded()).unwrap().unwrap();
                unscoped.push((head.changed, handle, false));
            }
            if let Some(task) = head.task {
                let scope = format!("{}/{task}", key.namespace);
                *models.entry(scope.clone()).or_default() += 1;
                add_record(&mut counted, scope, &key.encoded(), blob);
            }
        });
        unscoped.sort_unstable();
        assert_eq!(changes(views, UNSCOPED), unscoped, "records in no scope");
        for row in rows.values() {
            assert_eq!(
                models.get(&row.scope.to_string()).copied().unwrap_or(0),
                row.models,
                "{}",
                row.scope
            );
        }
        (said, counted)
    }
}

fn changes(views: &Views, alias: u32) -> Vec<(Seq, u32, bool)> {
    let mut changes = Vec::new();
    let start = Mark::after(Seq::START);
    let visited = views.each_change(alias, start, Seq(u64::MAX), |row| {
        changes.push((row.mark.seq, row.mark.handle, row.left));
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    });
    visited.unwrap();
    changes
}

fn each_record(views: &Views, mut visit: impl FnMut(&RecordKey, &[u8])) {
    let visited = views.each_handle(&[], None, |handle| {
        let (key, blob) = views.record(handle)?.expect("a number stands for a record");
        visit(&key, &blob);
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    });
    visited.unwrap();
}
