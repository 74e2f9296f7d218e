//! What the replica knows beside its store: published after each input, read by whoever answers for it.

use crate::replica::{Age, Basis, BudgetStanding, Counts, Replica};
use headland_host::broker_address::BrokerAddress;
use headland_shared::session::agent::{Phase, Proven};
use headland_shared::session::{Ms, Now};

/// Where the replica stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Live {
    /// Where the session stands.
    pub(crate) phase: Phase,
    /// Since when.
    pub(crate) phase_since: Ms,
    /// The broker that the link is up to.
    pub(crate) broker: Option<BrokerAddress>,
    /// When the device wakes, while it sleeps between contacts.
    pub(crate) wakes_at: Option<Ms>,
    /// Why the link is down.
    pub(crate) lost: Option<LostLink>,
    /// Whether everything known of is here, and everything written here is there.
    pub(crate) settled: bool,
    /// How many catch-ups were applied when that was last so, but for acknowledgements that wait for company.
    pub(crate) in_step_at: u64,
    /// How much of the budget is left, if there is one.
    pub(crate) budget: Option<BudgetStanding>,
    /// What the hub last said of the state that was acknowledged to it.
    pub(crate) proven: Option<Proven>,
    /// Whether the hub takes nothing from this name, since two stores speak under it.
    pub(crate) fenced: bool,
    /// What was counted.
    pub(crate) counts: Counts,
    /// What went wrong last.
    pub(crate) trouble: Option<String>,
    /// When what is here was last known to be the registry's state, on the monotonic clock.
    pub(crate) as_of: Option<Ms>,
    age: Age,
    age_at: Ms,
}

/// The end of a link, or a failed attempt at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostLink {
    /// To which broker.
    pub(crate) broker: BrokerAddress,
    /// Why.
    pub(crate) reason: String,
    /// When it is tried again.
    pub(crate) retry_at: Ms,
}

impl Live {
    /// The state of a replica that was just opened.
    pub(super) fn of(replica: &Replica, now: Now) -> Self {
        let mut live = Self::at_rest(Age::Unknown, now);
        live.follow(replica, now);
        live
    }

    /// The state of a store that no replica runs on.
    pub(crate) fn at_rest(age: Age, now: Now) -> Self {
        Self {
            phase: Phase::Offline,
            phase_since: now.mono,
            broker: None,
            wakes_at: None,
            lost: None,
            settled: false,
            in_step_at: 0,
            budget: None,
            proven: None,
            fenced: false,
            counts: Counts::default(),
            trouble: None,
            as_of: None,
            age,
            age_at: now.mono,
        }
    }

    /// Takes over where the replica stands now; says whether that is news.
    pub(super) fn follow(&mut self, replica: &Replica, now: Now) -> bool {
        let before = self.clone();
        if self.phase != replica.phase() {
            self.phase = replica.phase();
            self.phase_since = now.mono;
        }
        self.settled = replica.is_settled();
        if replica.is_in_step() {
            self.in_step_at = replica.counts().catch_ups;
        }
        self.budget = replica.budget();
        self.proven = replica.proven();
        self.fenced = replica.is_fenced();
        self.counts = replica.counts();
        self.as_of = replica.as_of();
        // An age that cannot be read goes on growing from the one before.
        if let Ok(age) = replica.age(now) {
            self.age = age;
            self.age_at = now.mono;
        }
        if self.settled {
            self.trouble = None;
        }
        *self != before
    }

    pub(super) fn linked(&mut self, broker: BrokerAddress) {
        self.broker = Some(broker);
        self.lost = None;
    }

    pub(super) fn lost(&mut self, lost: LostLink) {
        self.broker = None;
        self.lost = Some(lost);
    }

    /// How old the catalogue may be at a moment, in milliseconds, and by what that was measured.
    pub(crate) fn age(&self, at: Ms) -> Option<(u64, Basis)> {
        match self.age {
            Age::Known { ms, by } => Some((ms + at.saturating_sub(self.age_at), by)),
            Age::Unknown => None,
        }
    }
}
