//! Following a registry that is elsewhere: a task hears what it says, and has the replica apply it. Another hub's
//! registry is asked for over that hub's API; a database's is in [`crate::bridging`].

mod presence;
mod reporter;
mod standing;
mod task;
mod waits;

pub(crate) use presence::{Absent, Asked, Presence};
pub(crate) use reporter::Reporter;
pub(crate) use standing::{Leader, Standing, State, at_rest};
pub(crate) use task::Task;
pub(crate) use waits::{Waits, WantedFor};

use crate::answer::Follow;
use crate::registry::Removals;
use crate::registry::follow::Changes;
use headland_shared::epoch::Position;
use headland_shared::session::Ms;
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
    /// Whose registry it is.
    pub(crate) leader: Leader,
    pub(crate) standing: watch::Receiver<Standing>,
    release: watch::Sender<Option<Position>>,
    asked: Asked,
}

impl Follower {
    /// How the following stands at a moment.
    pub(crate) fn told(&self, now: Ms) -> Follow {
        self.standing.borrow().described(&self.leader, now)
    }

    /// Who tells when what is held here is the present.
    pub(crate) fn presence(&self) -> Presence {
        Presence::new(self.asked.clone(), self.standing.clone())
    }

    /// Lets happen what the registry says at this position, however much it withdraws.
    pub(crate) fn release(&self, registry: Position) {
        self.release.send_replace(Some(registry));
    }
}
