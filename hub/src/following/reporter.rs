//! What a task that follows a registry tells the others, and how it waits.

use super::{Asked, Follower, Leader, Standing, State};
use crate::opening::now;
use crate::registry::Removals;
use headland_host::backoff::Backoff;
use headland_shared::epoch::Position;
use headland_shared::session::Ms;
use std::time::Duration;
use tokio::sync::watch;

/// How often something that is held is looked at again: it may have been mended meanwhile.
const HELD_MS: u64 = 60_000;

/// Shows states, hears of releases, and waits longer with each failure.
#[derive(Debug)]
pub(crate) struct Reporter {
    leader: Leader,
    backoff: Backoff,
    standing: watch::Sender<Standing>,
    release: watch::Receiver<Option<Position>>,
    asked: Asked,
}

impl Reporter {
    /// A reporter and what others see of it. Failures are waited out as `backoff` says.
    pub(crate) fn new(leader: Leader, backoff: Backoff, asked: Asked) -> (Self, Follower) {
        let (standing, seen) = watch::channel(Standing::new());
        let (releasing, release) = watch::channel(None);
        let follower = Follower {
            leader: leader.clone(),
            standing: seen,
            release: releasing,
            asked: asked.clone(),
        };
        let reporter = Self {
            leader,
            backoff,
            standing,
            release,
            asked,
        };
        (reporter, follower)
    }

    /// Whether all that the registry says is here.
    pub(crate) fn is_following(&self) -> bool {
        self.standing.borrow().state == State::Following
    }

    /// Whoever wants the present.
    pub(crate) fn asked(&self) -> Asked {
        self.asked.clone()
    }

    /// All that the registry said at this moment, by this hub's clock, is here.
    pub(crate) fn known(&mut self, as_of: Ms) {
        self.backoff.reset();
        // Looks of several kinds may overlap.
        self.standing
            .send_modify(|standing| standing.as_of = standing.as_of.max(Some(as_of)));
        self.tell(State::Following);
    }

    /// Changes what is shown beside the state.
    pub(crate) fn show(&self, change: impl FnOnce(&mut Standing)) {
        self.standing.send_modify(change);
    }

    /// Whether what is said at this position may withdraw much.
    pub(crate) fn removals_at(&mut self, registry: Position) -> Removals {
        match *self.release.borrow_and_update() == Some(registry) {
            true => Removals::Allowed,
            false => Removals::Braked,
        }
    }

    /// Shows the state, and says in the log when it is another one.
    pub(crate) fn tell(&self, state: State) {
        let another = self.standing.borrow().state.is_another(&state);
        if another {
            let leader = &self.leader;
            match &state {
                State::Connecting => {}
                State::Copying { .. } => tracing::info!(%leader, "reading all that the registry holds"),
                State::Unconfirmed => tracing::info!(%leader, "waiting for the database's standbys"),
                State::Following => tracing::info!(%leader, "following the registry"),
                State::Held(held) => tracing::error!(%leader, "held: {held}"),
                State::Behind(behind) => tracing::error!(%leader, "the leading hub is behind: {behind}"),
                State::Halted { reason } => tracing::error!(%leader, "halted: {reason}"),
                State::BackingOff { reason, .. } => tracing::warn!(%leader, "not following: {reason}"),
            }
        }
        self.asked.note(&state);
        self.standing.send_modify(|standing| standing.state = state);
    }

    /// Waits until somebody has released something, or it is time to look again.
    pub(crate) async fn wait_for_release(&mut self) {
        let held_for = Duration::from_millis(HELD_MS);
        // Without anybody to release it there is only the time.
        if let Ok(Err(_)) = tokio::time::timeout(held_for, self.release.changed()).await {
            tokio::time::sleep(held_for).await;
        }
    }

    /// Waits longer each time, so that whoever is in trouble is not asked at the speed of the machine. Shows the reason,
    /// if there is one to show.
    pub(crate) async fn rest(&mut self, reason: Option<String>) {
        // Without randomness the delay is the longest: late is better than all at once.
        let wait_ms = self.backoff.delay_ms(getrandom::u64().unwrap_or(u64::MAX));
        self.backoff.lengthen();
        if let Some(reason) = reason {
            let retry_at = now().mono + wait_ms;
            self.tell(State::BackingOff { reason, retry_at });
        }
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
}
