//! Following the registry of another hub: a task asks that hub, and has the replica apply what it says.

mod standing;
mod task;

pub(crate) use standing::{Standing, State, at_rest};
pub(crate) use task::Task;

use crate::answer::Follow;
use crate::registry::Removals;
use crate::registry::follow::Changes;
use headland_shared::epoch::Position;
use headland_shared::session::Ms;
use std::path::PathBuf;
use tokio::sync::watch;

/// What the leading hub said, on its way to the replica.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) changes: Changes,
    /// Whether a person has released what the brake holds.
    pub(crate) removals: Removals,
    /// On this hub's clock, when that was the registry's state.
    pub(crate) as_of: Ms,
}

/// What others may know of the following, and tell it.
#[derive(Debug)]
pub(crate) struct Follower {
    /// The socket of the leading hub.
    pub(crate) leader: PathBuf,
    pub(crate) standing: watch::Receiver<Standing>,
    release: watch::Sender<Option<Position>>,
}

impl Follower {
    /// How the following stands at a moment.
    pub(crate) fn told(&self, now: Ms) -> Follow {
        self.standing.borrow().described(&self.leader, now)
    }

    /// Lets happen what the registry says at this position, however much it withdraws.
    pub(crate) fn release(&self, registry: Position) {
        self.release.send_replace(Some(registry));
    }
}
