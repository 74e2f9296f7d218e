//! A hub that is behind what this agent has seen: how long it has been.

use super::Replica;
use headland_shared::message::more::{Busy, Field};
use headland_shared::message::{Plan, Welcome};
use headland_shared::session::Ms;

/// How long a hub may be behind before another may be tried: it is asked four times by then, and one that only has to
/// hear from its registry has done so.
pub(crate) const BEHIND_MS_MAX: Ms = 60_000;

impl Replica {
    /// For how long the hub that the link is up to has answered that it is behind.
    #[must_use]
    pub fn behind_for(&self, now: Ms) -> Option<Ms> {
        self.behind_since.map(|since| now.saturating_sub(since))
    }

    /// A hub that is busy is not behind: another one would have as much to do.
    pub(super) fn note_plan(&mut self, welcome: &Welcome, now: Ms) {
        if Busy::of(&welcome.more).is_some() {
            return;
        }
        self.behind_since = match welcome.plan {
            Plan::Behind { .. } => self.behind_since.or(Some(now)),
            Plan::Delta | Plan::Snapshot | Plan::Compare { .. } => None,
        };
    }
}
