//! The agent's session: what it does about what it hears.
//!
//! ```text
//!            link up                    answer                     last part
//! Offline ------------> Greeting ------------------> CatchingUp ------------> Live
//!    ^                     ^  | behind: wait, retry        |                    |
//!    |  link down          |  +----<----+                  | nothing comes      | a gap, another epoch,
//!    +---- (from all)      +---------------<---------------+--------<-----------+ silence: greet again
//! ```
//!
//! Where the hub cannot use the agent's cursors, the answer asks for a sketch first (`comparing`), and the catch-up
//! brings what differs.
//!
//! There is one way back into step, the hello, and every doubt leads to it; so no state can be stuck.

use super::age::ClockMap;
use super::held::Held;
use super::transfer::GO_ON_EVERY;
use super::{Jitter, Ms};
use crate::delta::ScopeAlias;
use crate::epoch::{Epoch, Mark, Seq};
use crate::message::more::{Field, UpToDate};
use crate::message::{GoOn, Part, Plan, Refusal, Refused, Stored, Welcome};
use alloc::collections::{BTreeMap, VecDeque};

mod comparing;
mod effect;
mod feed;
mod greeting;
mod holding;
mod timeout;
mod timing;

use comparing::Comparing;
pub use comparing::Proven;
pub use effect::{Effect, LinkedTo, Phase};
use greeting::{Greeting, nothing_since};
pub use timing::Timing;

#[derive(Debug)]
struct Transfer {
    nonce: u64,
    staged_to: Mark,
    parts: u32,
    stalls: u32,
    stalled_at: Ms,
    as_of: Ms,
}

/// The agent's side of the conversation.
#[derive(Debug)]
pub struct AgentSession {
    timing: Timing,
    jitter: Jitter,
    effects: VecDeque<Effect>,
    linked: bool,
    epoch: Option<Epoch>,
    base: Seq,
    cursors: BTreeMap<ScopeAlias, Seq>,
    scopes: BTreeMap<ScopeAlias, bool>,
    greeting: Option<Greeting>,
    greet_at: Option<Ms>,
    attempts: u32,
    /// How long the last answer took.
    answer_took: Ms,
    welcomed: bool,
    comparing: Option<Comparing>,
    transfer: Option<Transfer>,
    held: Held,
    /// Whether the hub began anew since it welcomed this agent.
    unsure: bool,
    gap_at: Option<Ms>,
    acknowledge_at: Option<Ms>,
    prove_at: Option<Ms>,
    wants_proof: bool,
    proven: Option<Proven>,
    /// How often in a row the hub has said that the state is not its own.
    doubts: u32,
    unsent_writes: bool,
    upload_retry_at: Option<Ms>,
    /// Until when writes made here wait for more of them.
    upload_at: Option<Ms>,
    /// Before this the hub that the link is up to wants no hello.
    not_before: Option<Ms>,
    heartbeat_ms: u64,
    silent_at: Option<Ms>,
    /// Whether feed and heartbeat are not listened to for now.
    deaf: bool,
    clocks: Option<ClockMap>,
    as_of: Option<Ms>,
}

impl AgentSession {
    /// A session without a link.
    #[must_use]
    pub fn new(timing: Timing, seed: u64) -> Self {
        Self {
            heartbeat_ms: timing.heartbeat_ms,
            timing,
            jitter: Jitter::seeded(seed),
            effects: VecDeque::new(),
            linked: false,
            epoch: None,
            base: Seq::START,
            cursors: BTreeMap::new(),
            scopes: BTreeMap::new(),
            greeting: None,
            greet_at: None,
            attempts: 0,
            answer_took: 0,
            welcomed: false,
            comparing: None,
            transfer: None,
            held: Held::default(),
            unsure: false,
            gap_at: None,
            acknowledge_at: None,
            prove_at: None,
            wants_proof: false,
            proven: None,
            doubts: 0,
            unsent_writes: false,
            upload_retry_at: None,
            upload_at: None,
            not_before: None,
            silent_at: None,
            deaf: false,
            clocks: None,
            as_of: None,
        }
    }

    /// The replica's cursors, from its store: after opening, and after each transaction that moved them.
    pub fn placed(&mut self, epoch: Option<Epoch>, base: Seq, cursors: BTreeMap<ScopeAlias, Seq>) {
        if (self.epoch, self.base) != (epoch, base) || self.cursors != cursors {
            self.question_changed();
        }
        if self.epoch != epoch {
            // What waits was cut from another history, and its seqs mean nothing in this one.
            self.held.clear();
        }
        self.epoch = epoch;
        self.base = base;
        self.cursors = cursors;
    }

    /// A scope's number, and whether the agent follows it.
    pub fn introduce(&mut self, alias: ScopeAlias, followed: bool) {
        self.scopes.insert(alias, followed);
    }

    /// Forgets all numbers of an earlier epoch.
    pub fn forget_scopes(&mut self) {
        self.scopes.clear();
    }

    /// Whether there are writes that the hub has not stored.
    pub fn writes_pending(&mut self, pending: bool) {
        self.unsent_writes = pending;
        self.upload();
    }

    /// Somebody here has written: it goes up together with what is written until [`Timing::upload_ms`] is over.
    pub fn written(&mut self, now: Ms) {
        self.unsent_writes = true;
        if self.timing.upload_ms > 0 {
            self.upload_at.get_or_insert(now + self.timing.upload_ms);
        }
        self.upload();
    }

    /// The link is up and subscribed, to the same hub as before or another one. A hub that has said when it wants to
    /// be asked again is not asked earlier because the link was lost meanwhile.
    pub fn link_up(&mut self, hub: LinkedTo, now: Ms) {
        self.link_down();
        self.linked = true;
        self.attempts = 0;
        if hub == LinkedTo::Another {
            self.not_before = None;
        }
        match self.not_before.filter(|at| *at > now) {
            Some(at) => self.greet_at = Some(at),
            None => self.greet(now),
        }
    }

    /// The link is gone.
    pub fn link_down(&mut self) {
        self.linked = false;
        self.welcomed = false;
        self.greeting = None;
        self.greet_at = None;
        self.comparing = None;
        self.transfer = None;
        self.held.clear();
        self.gap_at = None;
        self.acknowledge_at = None;
        self.prove_at = None;
        self.upload_retry_at = None;
        self.upload_at = None;
        self.silent_at = None;
        self.effects.clear();
    }

    /// What to do next.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Where the session stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if !self.linked {
            Phase::Offline
        } else if self.is_catching_up() {
            Phase::CatchingUp
        } else if self.welcomed && self.greeting.is_none() {
            Phase::Live
        } else {
            Phase::Greeting
        }
    }

    fn is_catching_up(&self) -> bool {
        self.comparing.is_some() || self.transfer.is_some()
    }

    /// Whether everything known of is applied here, stored there and acknowledged.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_in_step() && self.acknowledge_at.is_none()
    }

    /// The moment on the agent's clock at which what is held here was last known to be the registry's state.
    #[must_use]
    pub const fn as_of(&self) -> Option<Ms> {
        self.as_of
    }

    /// The moment at which what the catch-up under way brings was the registry's state.
    #[must_use]
    pub fn as_of_coming(&self) -> Option<Ms> {
        self.transfer.as_ref().map(|transfer| transfer.as_of)
    }

    /// Takes the `as_of` that an earlier run of the agent saved.
    pub fn resume_as_of(&mut self, as_of: Option<Ms>) {
        self.as_of = as_of;
    }

    fn greet(&mut self, now: Ms) {
        self.comparing = None;
        self.transfer = None;
        self.gap_at = None;
        self.greet_at = None;
        let nonce = self.jitter.next_u64();
        let wait = self
            .timing
            .answer_wait_ms(self.attempts, self.answer_took, &mut self.jitter);
        self.attempts = self.attempts.saturating_add(1);
        let asked = self.greeting.take();
        self.greeting = Some(Greeting::after(asked, nonce, now, now + wait));
        self.effects.push_back(Effect::Hello { nonce });
    }

    /// Greets again soon, spread so that a fleet does not speak at once.
    fn greet_soon(&mut self, now: Ms) {
        if self.greeting.is_none() && self.greet_at.is_none() {
            self.greet_at = Some(now + self.jitter.up_to(self.timing.spread_ms));
        }
    }

    /// Greets again in a while, whatever happens until then.
    pub fn greet_again(&mut self, now: Ms, wait_ms: u64) {
        self.greet_at = Some(now + wait_ms);
    }

    /// Greets again after `wait_ms`, for instance since the replica could not use what came.
    pub fn retry_later(&mut self, now: Ms, wait_ms: u64) {
        self.comparing = None;
        self.transfer = None;
        self.greeting = None;
        self.greet_at = Some(now + wait_ms + self.jitter.up_to(wait_ms / 2));
    }

    /// The hub's answer to a hello.
    pub fn welcome(&mut self, welcome: Welcome, now: Ms) {
        let Some(sent) = self.answered(welcome.nonce) else {
            return;
        };
        self.heard(now);
        self.heartbeat_ms = u64::from(welcome.heartbeat_ms).max(1);
        if self.clocks.is_none_or(|clocks| clocks.boot != welcome.boot) {
            // What waits is of another run of the hub, which may have been restored since.
            self.held.clear();
        }
        self.clocks = Some(ClockMap::new(welcome.boot, sent, welcome.hub_ms));
        self.attempts = 0;
        self.not_before = None;
        self.answer_took = now.saturating_sub(sent);
        if let Some(stored) = welcome.stored.clone() {
            self.upload_retry_at = None;
            self.effects.push_back(Effect::Settle(stored));
        }
        let older = self
            .epoch
            .filter(|epoch| epoch.hub == welcome.epoch.hub && epoch.number > welcome.epoch.number);
        if older.is_some() {
            // The hub speaks from a life that is over: an old copy of it. It must not be believed.
            self.retry_later(now, self.timing.behind_ms);
            return;
        }
        match welcome.plan {
            Plan::Behind { retry_ms } => {
                self.retry_later(now, u64::from(retry_ms));
                self.not_before = self.greet_at;
                self.settle_held(now);
            }
            Plan::Compare { salt, cells } => self.compare(welcome, salt, cells, now),
            Plan::Snapshot => self.transfer(welcome, now),
            Plan::Delta => {
                let nothing = UpToDate::of(&welcome.more).map(|UpToDate { end }| nothing_since(&welcome, end));
                self.transfer(welcome, now);
                if let Some(nothing) = nothing {
                    self.part(nothing, now);
                }
            }
        }
    }

    /// A part of a catch-up.
    pub fn part(&mut self, part: Part, now: Ms) {
        self.heard(now);
        let Some(transfer) = &mut self.transfer else {
            return;
        };
        if part.nonce != transfer.nonce || part.from != transfer.staged_to || part.to < part.from {
            return;
        }
        transfer.stalled_at = now + self.timing.stall_ms;
        transfer.stalls = 0;
        transfer.parts += 1;
        transfer.staged_to = part.to;
        if part.end.is_some() {
            self.effects.push_back(Effect::Finish(part));
            return;
        }
        let go_on = GoOn {
            nonce: transfer.nonce,
            staged_to: part.to,
            again: false,
        };
        let ask = transfer.parts.is_multiple_of(GO_ON_EVERY);
        self.effects.push_back(Effect::Stage(part));
        if ask {
            self.effects.push_back(Effect::GoOn(go_on));
        }
    }

    /// The replica has applied a whole catch-up; [`Self::placed`] was called before.
    pub fn finished(&mut self, now: Ms) {
        if let Some(transfer) = self.transfer.take() {
            self.as_of = Some(transfer.as_of);
        }
        self.welcomed = true;
        self.unsure = false;
        self.prove(now);
        self.settle_held(now);
        self.upload();
    }

    /// The hub has stored writes.
    pub fn stored(&mut self, stored: Stored, now: Ms) {
        self.heard(now);
        self.upload_retry_at = None;
        self.effects.push_back(Effect::Settle(stored));
    }

    /// The hub could not do what it was asked for.
    pub fn refused(&mut self, refused: Refused, now: Ms) {
        self.heard(now);
        match refused.refusal {
            Refusal::UnknownTransfer if self.transfer.is_some() => self.greet(now),
            Refusal::UnknownTransfer => self.greet_soon(now),
            Refusal::UploadGap => {
                // Not at once: a hub that keeps refusing must not be asked at the speed of the link.
                self.upload_retry_at = Some(now + self.timing.gap_ms);
                self.effects.push_back(Effect::Rewind {
                    through: refused.through,
                });
            }
        }
    }

    /// An upload was sent, by itself or within a hello.
    pub fn uploading(&mut self, now: Ms) {
        self.upload_at = None;
        self.upload_retry_at = Some(now + self.timing.stall_ms);
    }

    fn upload(&mut self) {
        let waits = self.upload_retry_at.is_some() || self.upload_at.is_some();
        if self.linked && self.welcomed && self.unsent_writes && !waits {
            // Set by `uploading` once the replica has sent it; until then one request is enough.
            if !self.effects.contains(&Effect::Upload) {
                self.effects.push_back(Effect::Upload);
            }
        }
    }

    fn acknowledge_soon(&mut self, now: Ms) {
        let wait = self.jitter.up_to(self.timing.acknowledge_ms);
        self.acknowledge_at.get_or_insert(now + wait);
    }

    fn heard(&mut self, now: Ms) {
        let period = self.timing.beat.filter(|_| !self.deaf);
        let period = period.map(|beat| beat.period_ms(self.heartbeat_ms));
        self.silent_at = period.map(|period| now + period * 3 + self.timing.spread_ms);
    }
}

#[cfg(test)]
mod tests;
