//! The hub's replica: store and conversations together, the only writer.
//!
//! It is synchronous and commits before it hands out a frame, so what it acknowledges is durable. Frames are taken in
//! with [`Replica::frame`] and worked off together by [`Replica::flush`]: all uploads that came in one go are one
//! transaction and one wait for the disk.

mod admission;
mod agents;
mod answer;
mod catch_up;
mod census;
pub mod commit;
mod compare;
mod conversation;
mod devices;
mod floor;
mod guard;
mod known;
mod live;
mod merge;
mod moment;
mod parked;
mod rebirth;
mod restored;
mod sealed;
mod sieve;
mod upload;
mod urgent;
mod urgent_alone;

pub(crate) use admission::{Admission, admit};
pub use commit::{Commit, CommitError, Committed};
pub use parked::Looks;
pub(crate) use rebirth::begin_again;

use crate::store::{Outlet, PutRow, RequestStage, Store, WrittenBack};
use headland_host::tables::StoreError;
use headland_shared::delta::ScopeAlias;
use headland_shared::epoch::{Epoch, Position, Seq};
use headland_shared::frame::{Fragments, FrameError, ReassemblyError, decode_up, encode_down};
use headland_shared::message::{Down, Hello, Up};
use headland_shared::name::{Region, ReplicaName};
use headland_shared::session::beat::Beats;
use headland_shared::session::lanes::{Author, LaneTimes, Lanes};
use headland_shared::session::{Jitter, Ms, Now};
use headland_shared::sketch::Salt;
use headland_shared::topic;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What the replica is told about itself.
#[derive(Debug, Clone)]
pub struct ReplicaConfig {
    /// The region that it serves.
    pub region: Region,
    /// How long changes may wait for company.
    pub lanes: LaneTimes,
    /// How often it sends the heartbeat of its feed, in milliseconds; the others have periods of their own.
    pub heartbeat_ms: u32,
    /// The longest live batch, in bytes.
    pub live_bytes_max: usize,
    /// How long an agent that is not heard still holds back the floor, in milliseconds.
    pub retention_ms: u64,
    /// Which run of the hub this is.
    pub boot: u64,
}

/// The most conversations that the hub keeps track of at once. Beyond it some other one is forgotten; that agent's
/// next word is answered so that it greets again.
const CONVERSATIONS_MAX: usize = 20_000;
/// The most frames that wait for a flush: what a driver takes in at one go.
pub const INBOX_MAX: usize = 1_024;

/// What the replica wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Publish this frame for one agent.
    Send {
        /// The topic.
        topic: String,
        /// The frame.
        frame: Vec<u8>,
    },
    /// Publish this frame for everybody.
    Publish {
        /// The topic.
        topic: String,
        /// The frame.
        frame: Vec<u8>,
    },
}

/// A frame that was not taken. Nothing has changed, and the conversation goes on.
#[derive(Debug, thiserror::Error)]
pub enum FrameRefused {
    /// It is no valid frame, or a piece of it was lost.
    #[error("taking a frame from {agent}: {source}")]
    Frame {
        /// Who sent it.
        agent: ReplicaName,
        /// What is wrong.
        source: ReassemblyError,
    },
    /// It speaks for somebody else.
    #[error("taking a frame from {agent}: it speaks as {speaks}; a device writes only as itself")]
    Foreign {
        /// Who sent it.
        agent: ReplicaName,
        /// As whom it speaks.
        speaks: ReplicaName,
    },
    /// Too many frames wait.
    #[error("taking a frame from {0}: too many wait; it will be sent again")]
    Busy(ReplicaName),
}

/// What the replica has counted since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that were refused.
    pub frames_refused: u64,
    /// Hellos that were answered.
    pub hellos: u64,
    /// Hellos that were put off, since more agents greeted than could be answered soon.
    pub put_off: u64,
    /// Hellos that were passed over, since the agent had said a later one.
    pub overtaken: u64,
    /// Hellos that wanted the registry's present state and were answered with it.
    pub present: u64,
    /// Hellos that wanted it and were answered without, since it could not be had in time.
    pub present_late: u64,
    /// Catch-ups of these that bring everything.
    pub snapshots: u64,
    /// Catch-ups of these that sent only what a comparison found to differ.
    pub repairs: u64,
    /// Records that comparisons have found to differ.
    pub compared_records: u64,
    /// Writes of agents that were stored.
    pub writes: u64,
    /// Writes of agents that the schema or a limit forbade.
    pub writes_refused: u64,
    /// Live batches that were published.
    pub batches: u64,
    /// Times this hub found that it went back in time.
    pub restored: u64,
    /// Agents that were told that their store went back in time or is a copy.
    pub went_back: u64,
    /// Names under which two stores were found to speak.
    pub fenced: u64,
    /// Frames of urgent facts that were published.
    pub urgent: u64,
    /// Acknowledgements whose digest was not the hub's.
    pub mismatches: u64,
}

/// The hub's replica.
#[derive(Debug)]
pub struct Replica {
    store: Store,
    config: ReplicaConfig,
    epoch: Epoch,
    jitter: Jitter,
    lanes: Lanes,
    beats: Beats,
    floor: floor::Floor,
    published: BTreeMap<ScopeAlias, Seq>,
    published_to: Seq,
    /// Where the registry stood at that seq.
    published_registry: Position,
    /// When the registry was last known, if it is another hub's.
    registry_known_at: Option<Ms>,
    inbox: Vec<(ReplicaName, Up)>,
    parked: parked::Parked,
    conversations: BTreeMap<ReplicaName, conversation::Conversation>,
    salt: Salt,
    censuses: Vec<census::Census>,
    moment: Option<Arc<moment::Moment>>,
    sealed: sealed::Sealed,
    outputs: VecDeque<Output>,
    counts: Counts,
}

impl Replica {
    /// Opens the replica on its store. `seed` feeds lineages and epochs; it must differ from run to run.
    pub fn open(store: Store, config: ReplicaConfig, seed: u64, now: Now) -> Result<Self, StoreError> {
        let views = store.read()?;
        let epoch = views
            .epoch()?
            .ok_or_else(|| StoreError::corrupt("meta-1", "the store has no epoch"))?;
        let published = views.scopes()?.values().map(|row| (row.alias, row.head)).collect();
        let mut jitter = Jitter::seeded(seed);
        Ok(Self {
            lanes: Lanes::new(config.lanes),
            epoch,
            salt: Salt(jitter.next_u64()),
            censuses: Vec::new(),
            moment: None,
            sealed: sealed::Sealed::default(),
            jitter,
            beats: Beats::from(u64::from(config.heartbeat_ms), now.mono),
            floor: floor::Floor::from(now.mono),
            published,
            published_to: views.numbers()?.head.seq,
            published_registry: views.numbers()?.registry(),
            registry_known_at: None,
            inbox: Vec::new(),
            parked: parked::Parked::default(),
            conversations: BTreeMap::new(),
            outputs: VecDeque::new(),
            counts: Counts::default(),
            store,
            config,
        })
    }

    /// The store, for readers.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// This life of the hub.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The region that it serves.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.config.region
    }

    /// What was counted since opening.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What the replica wants done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Takes a frame of an agent in; [`Self::flush`] works it off.
    pub fn frame(&mut self, agent: ReplicaName, frame: Vec<u8>) -> Result<(), FrameRefused> {
        let result = self.take_frame(agent, frame);
        if result.is_err() {
            self.counts.frames_refused += 1;
        }
        result
    }

    fn take_frame(&mut self, agent: ReplicaName, frame: Vec<u8>) -> Result<(), FrameRefused> {
        if self.inbox.len() >= INBOX_MAX {
            return Err(FrameRefused::Busy(agent));
        }
        let refused = |source: ReassemblyError| FrameRefused::Frame {
            agent: agent.clone(),
            source,
        };
        let whole = self.conversation(&agent).reassembly.take(frame).map_err(refused)?;
        let Some(whole) = whole else {
            return Ok(());
        };
        let message = decode_up(&whole).map_err(|error: FrameError| refused(error.into()))?;
        if let Up::Hello(hello) = &message
            && hello.actor.name != agent
        {
            let speaks = hello.actor.name.clone();
            return Err(FrameRefused::Foreign { agent, speaks });
        }
        if let Up::Hello(hello) = &message {
            self.pass_over(hello);
        }
        self.inbox.push((agent, message));
        Ok(())
    }

    /// Of several hellos of one life of an agent only the latest is answered. What an earlier one uploads is in the later
    /// one too, which goes on from the same confirmation.
    fn pass_over(&mut self, hello: &Hello) {
        let before = self.inbox.len();
        self.inbox
            .retain(|(_, message)| !matches!(message, Up::Hello(earlier) if earlier.actor == hello.actor));
        self.counts.overtaken += (before - self.inbox.len()) as u64;
    }

    /// Remembers up to where what devices wrote is in the registry that it is written to.
    pub fn written_back(&mut self, outlet: Outlet, written: &WrittenBack) -> Result<(), StoreError> {
        self.store.write(|tables| tables.set_written_back(outlet, written))
    }

    /// Remembers how far a request is that sets something in a database.
    pub fn remember_request(&mut self, name: &str, put: Option<PutRow>, stage: RequestStage) -> Result<(), StoreError> {
        self.store.write(|tables| tables.set_request(name, put, stage))
    }

    /// Counts a hello that was passed over before it came here.
    pub fn note_overtaken(&mut self) {
        self.counts.overtaken += 1;
    }

    fn conversation(&mut self, agent: &ReplicaName) -> &mut conversation::Conversation {
        if self.conversations.len() >= CONVERSATIONS_MAX && !self.conversations.contains_key(agent) {
            self.conversations.pop_first();
        }
        self.conversations.entry(agent.clone()).or_default()
    }

    /// Works off what came in: stores all uploads in one transaction, then answers.
    pub fn flush(&mut self, now: Now) -> Result<(), CommitError> {
        let inbox = std::mem::take(&mut self.inbox);
        let inbox = self.tell_urgent_alone(inbox)?;
        let inbox = self.park(inbox, now);
        self.work_off(inbox, now, now)
    }

    /// Works off what came at the moment `came`.
    fn work_off(&mut self, inbox: Vec<(ReplicaName, Up)>, now: Now, came: Now) -> Result<(), CommitError> {
        if inbox.is_empty() {
            return Ok(());
        }
        let standings = self.judge(&*self.store.read()?, &inbox, now)?;
        // Before any upload is read: numbers of a life that is lost mean other records now, or none.
        self.notice_restore(&inbox, &standings, now)?;
        let stored = self.store_uploads(&inbox, &standings, now)?;
        self.note_applied(&inbox, now)?;
        let views = self.store.read()?;
        for (agent, message) in inbox {
            let settled = stored.get(&agent);
            match message {
                Up::Hello(hello) => self.answer(&agent, &hello, settled, standings.get(&agent), came, &views)?,
                Up::Upload(_) | Up::Chained(_) => self.confirm(&agent, settled),
                Up::GoOn(go_on) => self.go_on(&agent, go_on)?,
                Up::Cells(cells) => self.compare(&agent, &cells)?,
                Up::Applied(_) => {}
            }
        }
        Ok(())
    }

    /// When [`Self::handle_timeout`] must be called, on the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Ms {
        let due = self.beats.deadline().min(self.floor.due_at());
        let due = self.parked.deadline().map_or(due, |waited| waited.min(due));
        self.lanes.deadline().map_or(due, |closes| closes.min(due))
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), StoreError> {
        if self.lanes.is_due(now.mono) {
            self.publish().inspect_err(|_| self.lanes.put_off(now.mono))?;
        }
        self.heartbeats(now);
        if self.floor.due_at() <= now.mono {
            self.advance_floor(now)?;
        }
        Ok(())
    }

    /// Makes a commit: `build` fills it, and may give it up by leaving it empty. Nothing is told to anybody before it
    /// is durable.
    pub fn commit<T, E>(
        &mut self,
        now: Now,
        build: impl FnOnce(&mut Commit<'_, '_>) -> Result<T, E>,
    ) -> Result<(T, Option<Committed>), E>
    where
        E: From<CommitError> + From<StoreError>,
    {
        let random = self.jitter.next_u64();
        let mut stayed_empty = None;
        let result = self.store.write(|tables| {
            let mut commit = Commit::begin(tables, random)?;
            let value = build(&mut commit).map_err(Ended::Failed)?;
            if commit.is_empty() {
                stayed_empty = Some(value);
                return Err(Ended::Empty);
            }
            let urgent = std::mem::take(&mut commit.urgent);
            let committed = commit.finish().map_err(|error| Ended::Failed(error.into()))?;
            Ok((value, committed, urgent))
        });
        match result {
            Ok((value, committed, urgent)) => {
                self.publish_urgent(committed.seq, urgent);
                self.note_committed(committed, now);
                Ok((value, Some(committed)))
            }
            Err(Ended::Empty) => Ok((stayed_empty.expect("an empty commit leaves its value"), None)),
            Err(Ended::Failed(error)) => Err(error),
        }
    }

    fn note_committed(&mut self, committed: Committed, now: Now) {
        let since = match committed.author {
            Author::Registry => self.registry_as_of(now),
            Author::Devices => now.mono,
        };
        self.lanes.note(committed.priority, committed.author, since);
    }

    /// Makes a commit of each item, in their order, all in one transaction with one wait for the disk. What `build` leaves
    /// empty needs no commit, but what it did to the tables stays. Nothing is told to anybody before all is durable, and
    /// what is urgent of all of them goes out together; where one fails, none is made.
    pub fn commit_each<I, T, E>(
        &mut self,
        now: Now,
        items: impl IntoIterator<Item = I>,
        mut build: impl FnMut(&mut Commit<'_, '_>, I) -> Result<T, E>,
    ) -> Result<Vec<(T, Option<Committed>)>, E>
    where
        E: From<CommitError> + From<StoreError>,
    {
        let jitter = &mut self.jitter;
        let mut urgent = urgent::Gathered::default();
        let made = self.store.write(|tables| {
            let mut made = Vec::new();
            for item in items {
                let mut commit = Commit::begin(tables, jitter.next_u64())?;
                let value = build(&mut commit, item)?;
                let committed = match commit.is_empty() {
                    true => None,
                    false => {
                        urgent.join(std::mem::take(&mut commit.urgent));
                        Some(commit.finish()?)
                    }
                };
                made.push((value, committed));
            }
            Ok::<_, E>(made)
        })?;
        let committed: Vec<Committed> = made.iter().filter_map(|(_, committed)| *committed).collect();
        if let Some(last) = committed.last() {
            self.publish_urgent(last.seq, urgent);
        }
        for one in committed {
            self.note_committed(one, now);
        }
        Ok(made)
    }

    fn send(&mut self, agent: &ReplicaName, message: &Down) {
        self.send_frame(agent, encode_down(message));
    }

    fn send_frame(&mut self, agent: &ReplicaName, frame: Vec<u8>) {
        let bytes_max = self.conversation(agent).frame_bytes_max;
        let topic = topic::down(&self.config.region, agent);
        for frame in Fragments::of(frame, bytes_max) {
            let topic = topic.clone();
            self.outputs.push_back(Output::Send { topic, frame });
        }
    }
}

/// Why a commit's transaction ended without one.
enum Ended<E> {
    Empty,
    Failed(E),
}

impl<E: From<StoreError>> From<StoreError> for Ended<E> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}
