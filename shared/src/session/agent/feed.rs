//! The feed: live batches and heartbeats.

use super::{AgentSession, Effect};
use crate::defect::{Defect, planted};
use crate::delta::ScopeAlias;
use crate::epoch::{EpochTag, Life};
use crate::message::{Batch, Heartbeat, Live};
use crate::session::Ms;
use crate::session::held::Readiness;

impl AgentSession {
    /// Whether this is the epoch of what is held. Only a catch-up that a hello with this agent's nonce began changes it.
    pub(super) fn is_own(&self, epoch: EpochTag) -> bool {
        planted(Defect::StaleEpochAccepted) || self.epoch.is_some_and(|own| own.tag() == epoch)
    }

    /// A live batch as it was published, for who holds this life of the registry. One of another epoch, life or run of
    /// the hub brings nothing but doubt: the hub may have been restored, and gives the same seqs to other commits.
    pub fn live(&mut self, live: Live, life: Life, now: Ms) -> Option<Batch> {
        self.heard(now);
        let epoch = self.epoch?.tag();
        let boot = self.clocks.map(|clocks| clocks.boot)?;
        let batch = live.batch_of(epoch, life, boot);
        if batch.is_none() && self.linked && self.greeting.is_none() && !self.is_catching_up() {
            self.doubt(now);
        }
        batch
    }

    /// A live batch of the place where the agent is.
    pub fn batch(&mut self, batch: Batch, now: Ms) {
        self.heard(now);
        if !self.is_own(batch.epoch) {
            return;
        }
        self.held.hold(batch);
        self.settle_held(now);
    }

    /// The replica has applied live batches; [`Self::placed`] was called before.
    pub fn applied(&mut self, now: Ms) {
        self.acknowledge_soon(now);
        self.settle_held(now);
    }

    /// Applies the earliest group that waits, one at a time: the replica answers with [`Self::applied`].
    pub(super) fn settle_held(&mut self, now: Ms) {
        // While a hello waits for its answer the place stands still: an answer that was cut before a live batch must
        // not be applied after it.
        if self.unsure || self.greeting.is_some() || self.is_catching_up() {
            return;
        }
        let (base, cursors, scopes) = (self.base, &self.cursors, &self.scopes);
        let cursor = |scope: ScopeAlias| cursors.get(&scope).copied().unwrap_or(base);
        let followed = |scope: ScopeAlias| scopes.get(&scope).copied();
        self.held.drop_applied(cursor);
        match self.held.readiness(followed, cursor) {
            None => self.gap_at = None,
            Some(Readiness::Ready) => {
                self.gap_at = None;
                let group = self.held.take_first();
                let wanted = group.into_iter().filter(|batch| followed(batch.scope) == Some(true));
                let group = wanted.collect();
                self.effects.push_back(Effect::Apply(group));
            }
            Some(Readiness::Incomplete) => {
                self.gap_at.get_or_insert(now + self.timing.gap_ms);
            }
            Some(Readiness::Pull) => {
                self.held.clear();
                self.greet_soon(now);
            }
        }
    }

    /// The hub's heartbeat.
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Ms) {
        self.heard(now);
        if !self.linked || self.greeting.is_some() || self.is_catching_up() {
            return;
        }
        let same_epoch = self.is_own(heartbeat.epoch);
        let clocks = self.clocks.filter(|clocks| clocks.boot == heartbeat.boot);
        let (true, Some(clocks)) = (same_epoch, clocks) else {
            return self.doubt(now);
        };
        let behind = heartbeat.heads.iter().any(|(scope, head)| {
            let cursor = self.cursors.get(scope).copied().unwrap_or(self.base);
            cursor < *head && self.scopes.get(scope).copied().unwrap_or(true)
        });
        if !behind {
            let as_of = clocks.to_agent(heartbeat.as_of_ms).min(now);
            self.as_of = Some(self.as_of.map_or(as_of, |known| known.max(as_of)));
        } else if self.gap_at.is_none() {
            self.gap_at = Some(now + self.timing.lag_ms);
        }
    }

    /// The hub began anew, perhaps from an old copy of its store: nothing more of the feed before it is clear what its
    /// seqs mean.
    fn doubt(&mut self, now: Ms) {
        self.unsure = true;
        self.greet_soon(now);
    }
}
