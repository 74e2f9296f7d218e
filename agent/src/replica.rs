//! The agent's replica: session and store together, the only writer.
//!
//! It is synchronous and commits before it hands out a frame, so what it acknowledges is durable. Everything that
//! happens to it is a call; what it wants done comes out of [`Replica::poll`].

mod apply;
mod behind;
mod budget;
mod compare;
mod describe;
mod freshness;
mod greet;
mod grouping;
mod life;
mod once;
mod overlay;
mod present;
mod residency;
mod seen;
mod settle;
mod write;

pub use apply::ApplyError;
pub(crate) use behind::BEHIND_MS_MAX;
pub use budget::BudgetStanding;
pub use freshness::{Age, Basis, age_at_rest};
pub use write::WriteError;

use greet::SentCount;

use crate::store::{Placed, Request, StagedHead, Store};
use headland_host::tables::StoreError;
use headland_shared::actor::ActorId;
use headland_shared::delta::ScopeAlias;
use headland_shared::epoch::{Life, Seq};
use headland_shared::frame::{Fragments, Reassembly, ReassemblyError, decode_down, encode_up};
use headland_shared::message::more::{Busy, Field, SessionToken};
use headland_shared::message::{Batch, Down, Up, Welcome};
use headland_shared::name::{AttributeName, Region};
use headland_shared::scope::Follow;
use headland_shared::session::agent::{AgentSession, Effect, LinkedTo, Phase, Proven, Timing};
use headland_shared::session::{Jitter, Ms, Now};
use headland_shared::sketch::Salt;
use headland_shared::urgent::Urgent;
use std::collections::{BTreeMap, VecDeque};

/// What the replica is told about itself.
#[derive(Debug, Clone)]
pub struct ReplicaConfig {
    /// What it follows.
    pub follow: Vec<Follow>,
    /// Which records of that it holds whole: those for which this filter holds, in the language of
    /// [`headland_shared::query`]. Nothing: all.
    pub filter: Option<String>,
    /// The longest frame that it takes, in bytes.
    pub frame_bytes_max: usize,
    /// How long it waits for what.
    pub timing: Timing,
    /// Which boot of the machine this is: monotonic times are compared within one boot only.
    pub boot: u64,
}

/// A frame that did not do what it should. The catalogue has not changed, and the session goes on.
#[derive(Debug, thiserror::Error)]
pub enum FrameRefused {
    /// It is no valid frame, or a piece of it was lost.
    #[error("taking a frame from the hub: {0}")]
    Frame(#[from] ReassemblyError),
    /// What it says could not be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

/// What the replica has counted since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Times the catalogue has changed.
    pub changes: u64,
    /// Frames that were refused.
    pub frames_refused: u64,
    /// Catch-ups that were applied.
    pub catch_ups: u64,
    /// Catch-ups of these that brought everything.
    pub snapshots: u64,
    /// Catch-ups of these that sent only what a comparison found to differ.
    pub repairs: u64,
    /// Times the hub held something else where it should hold the same.
    pub digest_mismatches: u64,
    /// Times this store went back in time, or was found to be a copy, and began a new life.
    pub lives: u64,
    /// Groups of live batches that were applied.
    pub live_groups: u64,
    /// Records that changed, came or went.
    pub records_changed: u64,
    /// Resyncs that were put off, since they would have deleted much and the hub was not complete.
    pub resyncs_held: u64,
    /// Urgent facts that were known ahead of the feed.
    pub urgent: u64,
    /// Urgent facts that were left to the feed, since the overlay was full.
    pub urgent_left: u64,
}

/// How far the agent's own place is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// The cursors are right.
    Full,
    /// What is held is compared with the hub before anything goes on.
    Compared,
    /// Everything is asked for anew.
    Nothing,
}

/// The agent's replica.
#[derive(Debug)]
pub struct Replica {
    store: Store,
    config: ReplicaConfig,
    actor: ActorId,
    session: AgentSession,
    reassembly: Reassembly,
    outputs: VecDeque<Vec<u8>>,
    region: Option<Region>,
    placed: Option<Placed>,
    cursors: BTreeMap<ScopeAlias, Seq>,
    attributes: BTreeMap<u32, AttributeName>,
    begun: Option<(Welcome, StagedHead)>,
    /// Which run of a hub began the last catch-up.
    begun_by: Option<u64>,
    /// Urgent facts up to here are of an earlier run of the hub, which may have lost them.
    ahead_unsure: Seq,
    trust: Trust,
    jitter: Jitter,
    /// The hub's token of this session; with it the hub keeps the chain of own writes.
    token: Option<SessionToken>,
    /// The token of the welcome that was heard last: the hub's, once the catch-up after it is applied.
    offered: Option<SessionToken>,
    /// What the next hello shows instead, when the hub wants to know whether this store lives.
    challenge: Option<SessionToken>,
    /// Whether the hub takes nothing from this name, since two stores speak under it.
    fenced: bool,
    /// Counts that were sent and not confirmed yet.
    sent: Vec<SentCount>,
    /// Whether the last catch-up that replaced everything kept what a comparison found alike, and was not proven yet.
    repaired: bool,
    counts: Counts,
    last_wall_ms: u64,
    /// Since when this hub answers that it is behind.
    behind_since: Option<Ms>,
    /// When the hub was last asked for the present, or will be.
    asked_at: Ms,
    /// Whether somebody waits for the present since the last answer of a hub.
    wants_present: bool,
    /// What the device says of itself, and who has heard it.
    described: describe::Described,
    /// The request of the write under way, where it is to be done once.
    request: Option<Request>,
    /// The budget of bytes, if there is one.
    within: Option<budget::Within>,
    /// Whether live changes are made durable together.
    groups_commits: bool,
    /// Whether more frames are here already, which may bring what is urgent of this one.
    more_waits: bool,
    /// What is urgent and not kept yet.
    urgent: Vec<Urgent>,
    /// Whether something is applied that is not durable yet.
    unsynced: bool,
}

impl Replica {
    /// Opens the replica on its store. `seed` feeds jitter and nonces.
    pub fn open(store: Store, config: ReplicaConfig, seed: u64, now: Now) -> Result<Self, StoreError> {
        let views = store.read()?;
        let actor = views
            .actor()?
            .ok_or_else(|| StoreError::corrupt("meta-1", "the store has no actor"))?;
        let mut replica = Self {
            session: AgentSession::new(config.timing, seed),
            reassembly: Reassembly::default(),
            outputs: VecDeque::new(),
            region: None,
            placed: views.placed()?,
            cursors: BTreeMap::new(),
            attributes: views.attributes()?,
            begun: None,
            begun_by: None,
            ahead_unsure: Seq::START,
            trust: Trust::Full,
            jitter: Jitter::seeded(seed.rotate_left(32)),
            token: views.token()?,
            offered: None,
            challenge: None,
            fenced: false,
            sent: Vec::new(),
            repaired: false,
            counts: Counts::default(),
            last_wall_ms: now.wall_ms,
            behind_since: None,
            asked_at: 0,
            wants_present: false,
            described: describe::Described::default(),
            request: None,
            within: None,
            groups_commits: false,
            more_waits: false,
            urgent: Vec::new(),
            unsynced: false,
            store,
            config,
            actor,
        };
        replica.adopt_follow(&views)?;
        replica.reload_scopes()?;
        let as_of = freshness::load(&views, replica.config.boot)?;
        replica.session.resume_as_of(as_of);
        replica.refresh_pending()?;
        Ok(replica)
    }

    /// With other patterns or another filter than the store was filled by, everything is asked for again.
    fn adopt_follow(&mut self, views: &crate::store::Views) -> Result<(), StoreError> {
        let mut wanted: Vec<String> = self.config.follow.iter().map(ToString::to_string).collect();
        wanted.sort();
        let wanted = wanted.join("\n").into_bytes();
        let known = views.follow()?;
        if views.filter()?.as_deref() != self.config.filter.as_deref().map(str::as_bytes) {
            // A comparison would find alike what is a stub and should be whole.
            self.trust = Trust::Nothing;
        } else if known.as_ref() == Some(&wanted) {
            return Ok(());
        }
        self.store.write(|tables| {
            tables.set_follow(&wanted)?;
            tables.forget_place()
        })?;
        self.placed = None;
        Ok(())
    }

    fn reload_scopes(&mut self) -> Result<(), StoreError> {
        self.session.forget_scopes();
        self.cursors.clear();
        let base = self.placed.as_ref().map_or(Seq::START, |placed| placed.base);
        for (alias, row) in self.store.read()?.scopes()? {
            self.session.introduce(alias, row.followed);
            if row.followed && row.cursor > base {
                self.cursors.insert(alias, row.cursor);
            }
        }
        self.tell_place();
        Ok(())
    }

    fn tell_place(&mut self) {
        let epoch = self.placed.as_ref().map(|placed| placed.epoch);
        let base = self.placed.as_ref().map_or(Seq::START, |placed| placed.base);
        self.session.placed(epoch, base, self.cursors.clone());
    }

    fn refresh_pending(&mut self) -> Result<(), StoreError> {
        let views = self.store.read()?;
        let pending = views.last_dot()? > views.stored()?;
        self.session.writes_pending(pending);
        Ok(())
    }

    /// The store, for readers.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Who writes here.
    #[must_use]
    pub fn actor(&self) -> &ActorId {
        &self.actor
    }

    /// Where the session stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.session.phase()
    }

    /// What was counted since opening.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether the hub takes nothing from this name, since two stores speak under it.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        self.fenced
    }

    /// What the hub last said of the state that was acknowledged to it.
    #[must_use]
    pub fn proven(&self) -> Option<Proven> {
        self.session.proven()
    }

    /// Whether everything known of is applied here, stored there and acknowledged.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.session.is_settled() && self.outputs.is_empty()
    }

    /// Whether everything known of is applied here and stored there; what is applied may not be acknowledged yet.
    #[must_use]
    pub fn is_in_step(&self) -> bool {
        self.session.is_in_step()
    }

    /// Whether the hub is still to say whether it holds the same.
    #[must_use]
    pub fn wants_proof(&self) -> bool {
        self.session.wants_proof()
    }

    /// How old the catalogue may be.
    pub fn age(&self, now: Now) -> Result<Age, StoreError> {
        freshness::age(&*self.store.read()?, self.session.as_of(), self.config.boot, now)
    }

    /// The link is up and subscribed, to the broker of a hub that serves `region`.
    pub fn link_up(&mut self, region: Region, now: Now) -> Result<(), StoreError> {
        self.reassembly.forget();
        self.begun = None;
        self.behind_since = None;
        self.may_have_missed();
        let hub = match self.region.as_ref() == Some(&region) {
            true => LinkedTo::TheSame,
            false => LinkedTo::Another,
        };
        self.region = Some(region);
        self.described.forget_hub();
        self.session.link_up(hub, now.mono);
        self.pump(now).map_err(ApplyError::into_store)
    }

    /// The link is gone.
    pub fn link_down(&mut self, now: Now) -> Result<(), StoreError> {
        self.session.link_down();
        self.begun = None;
        self.save_as_of(now)
    }

    /// A frame from the hub.
    pub fn frame(&mut self, frame: Vec<u8>, now: Now) -> Result<(), FrameRefused> {
        self.last_wall_ms = now.wall_ms;
        let result = self.take_frame(frame, now);
        if result.is_err() {
            self.counts.frames_refused += 1;
        }
        result
    }

    fn take_frame(&mut self, frame: Vec<u8>, now: Now) -> Result<(), FrameRefused> {
        let Some(frame) = self.reassembly.take(frame)? else {
            return Ok(());
        };
        match decode_down(&frame).map_err(ReassemblyError::Frame)? {
            Down::Welcome(welcome) => {
                // A busy hub has not looked at who speaks.
                if Busy::of(&welcome.more).is_none() {
                    self.described.heard(&welcome);
                    self.wants_present = false;
                    self.heed(&welcome, now).map_err(ApplyError::from)?;
                }
                self.note_plan(&welcome, now.mono);
                self.session.welcome(welcome, now.mono);
            }
            Down::Part(part) => self.session.part(part, now.mono),
            Down::Batch(batch) => self.take_batch(batch, now)?,
            Down::Live(live) => {
                let life = self.placed.as_ref().map_or(Life::NONE, |placed| placed.registry.life);
                if let Some(batch) = self.session.live(live, life, now.mono) {
                    self.take_batch(batch, now)?;
                }
            }
            Down::Heartbeat(heartbeat) => {
                self.described.lives(heartbeat.boot);
                self.note_registry(&heartbeat).map_err(ApplyError::from)?;
                self.session.heartbeat(&heartbeat, now.mono);
            }
            Down::Stored(stored) => self.session.stored(stored, now.mono),
            Down::Refused(refused) => self.session.refused(refused, now.mono),
            Down::Compared(compared) => self.session.compared(&compared, now.mono),
            Down::Proof(proof) => {
                self.session.proof(&proof, now.mono);
                self.repaired &= !self.session.proven().is_some_and(|proven| proven.equal);
            }
            Down::Urgent(urgent) => self.take_urgent(urgent).map_err(ApplyError::from)?,
        }
        Ok(self.pump(now)?)
    }

    fn take_batch(&mut self, batch: Batch, now: Now) -> Result<(), ApplyError> {
        self.note_introductions(&batch)?;
        self.session.batch(batch, now.mono);
        Ok(())
    }

    /// When [`Self::handle_timeout`] must be called, on the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Ms> {
        self.session.deadline()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), StoreError> {
        self.last_wall_ms = now.wall_ms;
        self.session.handle_timeout(now.mono);
        self.pump(now).map_err(ApplyError::into_store)
    }

    /// The next frame that is to be published to the hub.
    pub fn poll(&mut self) -> Option<Vec<u8>> {
        self.outputs.pop_front()
    }

    fn pump(&mut self, now: Now) -> Result<(), ApplyError> {
        while let Some(effect) = self.session.poll() {
            if let Err(error) = self.perform(effect, now) {
                if error.is_distrust() && self.trust == Trust::Full {
                    self.lose_trust(Trust::Compared)?;
                }
                self.begun = None;
                let timing = self.config.timing;
                let wait_ms = match error {
                    ApplyError::Held { .. } => timing.behind_ms,
                    _ => timing.stall_ms,
                };
                self.session.retry_later(now.mono, wait_ms);
                return Err(error);
            }
        }
        Ok(())
    }

    fn perform(&mut self, effect: Effect, now: Now) -> Result<(), ApplyError> {
        let Some(effect) = self.affordable(effect, now)? else {
            return Ok(());
        };
        match effect {
            Effect::Hello { nonce } => self.greet(nonce, now)?,
            Effect::Begin(welcome) => self.begin(welcome)?,
            Effect::Stage(part) => self.stage(&part)?,
            Effect::Finish(part) => self.finish(&part, now)?,
            Effect::Apply(group) => self.apply_live(&group, now)?,
            Effect::GoOn(go_on) => self.send(&Up::GoOn(go_on)),
            Effect::Upload => self.upload(now)?,
            Effect::Settle(stored) => self.settle(&stored, now)?,
            Effect::Rewind { through } => {
                let through = through.min(self.store.read()?.last_dot()?);
                self.store.note(|tables| tables.set_stored(through))?;
                self.refresh_pending()?;
            }
            Effect::Acknowledge { wants_proof } => self.acknowledge(wants_proof)?,
            Effect::Sketch {
                nonce,
                salt,
                from,
                cells,
            } => self.send_cells(nonce, Salt(salt), from, cells)?,
            Effect::Doubt => self.doubt()?,
        }
        Ok(())
    }

    fn send(&mut self, message: &Up) {
        let frame = encode_up(message);
        for piece in Fragments::of(frame, self.config.frame_bytes_max) {
            self.outputs.push_back(piece);
        }
    }
}
