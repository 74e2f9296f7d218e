//! The agent's store, driven through the shipped replica.

use crate::agent_script::{CatchUp, FIRST, SECOND, Step, catch_ups, script};
use crate::medium::Medium;
use crate::subject::{Digests, Observation, Subject, add_record, brief};
use headland_agent::replica::{ApplyError, FrameRefused, Replica, ReplicaConfig, WriteError};
use headland_agent::store::{Placed, Store, Views};
use headland_host::tables::StoreError;
use headland_shared::actor::{Dot, Incarnation};
use headland_shared::element::State;
use headland_shared::epoch::{Head, Position, Seq};
use headland_shared::frame::{decode_up, encode_down};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::message::{Down, Hello, Stored, Up, Welcome};
use headland_shared::name::{AttributeName, Region, ReplicaName};
use headland_shared::session::Now;
use headland_shared::session::agent::Timing;
use headland_shared::stamp::Stamp;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

const INCARNATION: u64 = 0x1234_5678_9abc_def0;
/// More bytes than the engine can put beside other rows.
const FILL_BYTES: usize = 4_000;

/// The agent's store and what drives it.
pub(crate) struct AgentStore {
    replica: Replica,
    steps: Vec<Step>,
    catch_ups: Vec<CatchUp>,
    /// The catch-up under way and the nonce of its hello.
    under_way: Option<(usize, u64)>,
    filled: u64,
}

fn now(step: usize) -> Now {
    let ms = step as u64 * 1_000;
    Now {
        mono: ms,
        wall_ms: 1_760_000_000_000 + ms,
    }
}

fn region() -> Region {
    Region::new("main").unwrap()
}

pub(crate) fn model(name: &str) -> RecordKey {
    RecordKey {
        namespace: "farm".parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

fn of_write(error: WriteError) -> StoreError {
    match error {
        WriteError::Store(error) => error,
        other => panic!("the script is wrong: {other}"),
    }
}

fn of_frame(error: FrameRefused) -> StoreError {
    match error {
        FrameRefused::Apply(ApplyError::Store(error)) => error,
        other => panic!("the script is wrong: {other}"),
    }
}

impl AgentStore {
    fn store(&self) -> &Store {
        self.replica.store()
    }

    /// Whether a step is a write of the agent's own, or says what became of one.
    pub(crate) fn writes_own(number: usize) -> bool {
        !matches!(script()[number], Step::Part(..) | Step::Live(_) | Step::Urgent(_))
    }

    /// What the agent wrote, by record and element.
    pub(crate) fn own_writes(&self) -> BTreeMap<(RecordKey, ElementKey), State> {
        let writes = self.store().read().unwrap().own_after(0, usize::MAX).unwrap();
        writes
            .into_iter()
            .map(|write| ((write.record, write.element), write.state))
            .collect()
    }

    /// The catalogue goes, and the place in it, and all numbers.
    pub(crate) fn forget_everything_but_own_writes(&mut self) {
        let forget = |tables: &mut headland_agent::store::Tables<'_>| {
            tables.forget_place()?;
            tables.forget_numbers()?;
            tables.retain_records(|_| false)
        };
        let (records, gone) = self.store().write::<_, StoreError>(forget).unwrap();
        assert!(records > 0 && gone == records);
    }

    fn tell(&mut self, message: &Down, at: Now) -> Result<(), StoreError> {
        let told = self.replica.frame(encode_down(message), at).map_err(of_frame);
        while self.replica.poll().is_some() {}
        told
    }

    /// Makes the session one that waits for this part, as a hub would after a hello.
    fn begin(&mut self, index: usize, part: usize, at: Now) -> Result<u64, StoreError> {
        if let Some((_, nonce)) = self.under_way.filter(|(under_way, _)| *under_way == index && part > 0) {
            return Ok(nonce);
        }
        self.replica.link_up(region(), at)?;
        let hello = self.hello();
        let catch_up = &self.catch_ups[index];
        let resume = catch_up.parts[part].from;
        if part > 0 {
            let staged = hello.staged.expect("what was staged is kept");
            assert_eq!((staged.to, staged.epoch), (resume, catch_up.epoch.tag()));
        }
        let welcome = Welcome {
            nonce: hello.nonce,
            epoch: catch_up.epoch,
            boot: 1,
            hub_ms: at.mono,
            as_of_ms: at.mono,
            region: region(),
            registry: Position::default(),
            complete: true,
            heartbeat_ms: 5_000,
            live_bytes_max: 65_536,
            plan: catch_up.plan,
            started: catch_up.started,
            resume,
            stored: None,
            more: Vec::new(),
        };
        self.tell(&Down::Welcome(welcome), at)?;
        self.under_way = Some((index, hello.nonce));
        Ok(hello.nonce)
    }

    fn hello(&mut self) -> Hello {
        let frames = std::iter::from_fn(|| self.replica.poll());
        let hello = frames.filter_map(|frame| match decode_up(&frame) {
            Ok(Up::Hello(hello)) => Some(hello),
            _ => None,
        });
        hello.last().expect("a link that is up is greeted")
    }

    fn own_write(&mut self, step: &Step, number: usize, at: Now) -> Result<(), StoreError> {
        let text = format!("note of step {number}");
        let written = match step {
            Step::Note(name) | Step::CompactAndNote(name) => {
                self.replica.annotate(&model(name), None, text, at).map(drop)
            }
            Step::Remove(name, counter) => {
                let note = Dot {
                    actor: self.replica.actor().clone(),
                    counter: *counter,
                };
                self.replica.remove_note(&model(name), &note, at)
            }
            Step::Count(name, amount) => {
                let usage = AttributeName::new("usage").unwrap();
                self.replica.count(&model(name), &usage, *amount, at).map(drop)
            }
            other => panic!("{other:?} is no write of the agent's own"),
        };
        written.map_err(of_write)
    }
}

impl Subject for AgentStore {
    type Moment = Arc<Views>;
    const NAME: &'static str = "agent";
    const SOME_TABLE: &'static str = "staging-1";
    const FORMAT: u32 = 3;

    fn open(medium: &Medium) -> Result<Self, StoreError> {
        let medium = medium.clone();
        let name = ReplicaName::parse("gateway-7").unwrap();
        let store = Store::open(move || medium.database(), &name, INCARNATION)?;
        let config = ReplicaConfig {
            follow: vec!["farm/*".parse().unwrap()],
            filter: None,
            frame_bytes_max: 65_536,
            timing: Timing::default(),
            boot: 1,
        };
        Ok(Self {
            replica: Replica::open(store, config, 5, now(0))?,
            steps: script(),
            catch_ups: catch_ups(),
            under_way: None,
            filled: 0,
        })
    }

    fn steps() -> usize {
        script().len()
    }

    fn is_noted(number: usize) -> bool {
        matches!(script()[number], Step::Stored(..))
    }

    fn step(&mut self, number: usize) -> Result<(), StoreError> {
        let at = now(number);
        match self.steps[number].clone() {
            Step::Part(index, part) => {
                let nonce = self.begin(index, part, at)?;
                let mut part = self.catch_ups[index].parts[part].clone();
                part.nonce = nonce;
                self.tell(&Down::Part(part), at)
            }
            Step::Live(batches) => batches
                .into_iter()
                .try_for_each(|batch| self.tell(&Down::Batch(batch), at)),
            Step::Urgent(urgent) => self.tell(&Down::Urgent(urgent), at),
            Step::Stored(through, refused) => {
                let incarnation = Incarnation(INCARNATION);
                let stored = Stored {
                    incarnation,
                    through,
                    refused,
                    more: Vec::new(),
                };
                self.tell(&Down::Stored(stored), at)
            }
            own @ Step::CompactAndNote(_) => {
                self.store().compact()?;
                self.own_write(&own, number, at)
            }
            own => self.own_write(&own, number, at),
        }
    }

    fn fail(&mut self) {
        let views = self.store().read().unwrap();
        let (placed, scopes) = (views.placed().unwrap(), views.scopes().unwrap());
        let result = self.store().write(|tables| {
            for epoch in [FIRST, SECOND] {
                let mut placed: Placed = placed.clone().unwrap();
                (placed.epoch, placed.head) = (epoch, Head::default());
                tables.set_placed(&placed)?;
            }
            for (alias, row) in &scopes {
                let mut row = row.clone();
                (row.cursor, row.digest.0) = (Seq(99), 99);
                tables.set_scope(*alias, &row)?;
            }
            tables.retain_records(|_| false)?;
            let removed = State::Remark(headland_shared::element::Remark::Removed);
            tables.put_own(b"farm\0a", &ElementKey::Life.encoded(), &removed, 99, Stamp(99))?;
            tables.forget_place()?;
            Err::<(), _>(StoreError::Closed)
        });
        assert!(matches!(result, Err(StoreError::Closed)));
    }

    fn fill(&mut self) -> Result<(), StoreError> {
        self.filled += 1;
        let text = format!("{:0>FILL_BYTES$}", self.filled);
        self.replica
            .annotate(&model("a"), None, text, now(1_000))
            .map(drop)
            .map_err(of_write)
    }

    fn moment(&self) -> Result<Arc<Views>, StoreError> {
        self.store().read()
    }

    fn observe(views: &Arc<Views>) -> Observation {
        let mut lines = Observation::new();
        let mut line = |key: &str, value: String| lines.insert(key.to_owned(), value);
        line("actor", format!("{:?}", views.actor().unwrap()));
        line("placed", format!("{:?}", views.placed().unwrap()));
        line("follow", format!("{:?}", views.follow().unwrap()));
        line(
            "dots",
            format!("{:?}", (views.last_dot().unwrap(), views.last_stamp().unwrap())),
        );
        line("stored", views.stored().unwrap().to_string());
        line(
            "staged",
            format!(
                "{:?}",
                views
                    .staged()
                    .unwrap()
                    .map(|staged| (staged.epoch, staged.to, staged.parts))
            ),
        );
        line("parts", format!("{:?}", views.staged_parts().unwrap()));
        line("attributes", format!("{:?}", views.attributes().unwrap()));
        line("declared", format!("{:?}", views.declaration("mark").unwrap()));
        line("dated", views.as_of().unwrap().is_some().to_string());
        for (alias, row) in views.scopes().unwrap() {
            line(&format!("scope {alias}"), format!("{row:?}"));
        }
        for write in views.own_after(0, usize::MAX).unwrap() {
            assert!(views.own_of(&write.record.encoded()).unwrap().contains(&write));
            line(&format!("write {}", write.dot), format!("{write:?}"));
        }
        each_record(views, |key, blob| {
            let (handle, held) = views.record(key).unwrap().unwrap();
            assert_eq!(held, blob);
            for fact in views.ahead_of(key).unwrap() {
                lines.insert(format!("ahead {} {:?}", fact.seq, fact.element), format!("{fact:?}"));
            }
            lines.insert(
                format!("record {}", RecordKey::decode(key).unwrap()),
                format!("{handle} {}", brief(blob)),
            );
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
        each_record(views, |key, blob| {
            let head = headland_shared::blob::Blob::parse(blob).unwrap().head;
            let namespace = RecordKey::decode(key).unwrap().namespace;
            add_record(&mut counted, format!("{namespace}/{}", head.task.unwrap()), key, blob);
        });
        (said, counted)
    }
}

fn each_record(views: &Views, mut visit: impl FnMut(&[u8], &[u8])) {
    let visited = views.each_record(&[], None, |key, blob| {
        visit(key, blob);
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    });
    visited.unwrap();
}
