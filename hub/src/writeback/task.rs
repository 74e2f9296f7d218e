//! The task: looks at what has changed, writes it, and moves the cursor.

use super::breaker::{Breaker, State};
use super::destination::{Destination, Outcome};
use super::gather::{Gathered, RECORDS_MAX, gather};
use super::standing::Standing;
use crate::driver::{Inlet, Input, Live};
use crate::opening::now;
use crate::store::{Store, WrittenBack};
use headland_host::backoff::Backoff;
use headland_host::tables::StoreError;
use headland_shared::name::Region;
use std::sync::mpsc::TrySendError;
use std::time::Duration;
use tokio::sync::watch;

/// How often the store is looked at, at most, in milliseconds: what many devices count meanwhile is one write.
const LOOK_MS_MIN: u64 = 1_000;
/// How often at least, in milliseconds, should a sign of a change be missed.
const LOOK_MS_MAX: u64 = 30_000;

/// Writes what devices wrote to the registry, until the program ends.
#[derive(Debug)]
pub(super) struct WriteBack<D> {
    region: Region,
    store: Store,
    inlet: Inlet,
    live: watch::Receiver<Live>,
    destination: D,
    breaker: Breaker,
    standing: watch::Sender<Standing>,
    /// Records that were looked at since the cursor was stored.
    unstored: usize,
}

/// The replica is gone: the program ends.
struct Gone;

impl<D: Destination> WriteBack<D> {
    /// A task that writes to `destination`, which people know as `target`, and what others see of it. A registry in
    /// trouble is waited out as `backoff` says.
    pub(super) fn new(
        (destination, target): (D, String),
        region: Region,
        (store, inlet, live): (Store, Inlet, watch::Receiver<Live>),
        backoff: Backoff,
    ) -> (Self, watch::Receiver<Standing>) {
        let (standing, seen) = watch::channel(Standing::new(target));
        let task = Self {
            region,
            store,
            inlet,
            live,
            destination,
            breaker: Breaker::new(backoff),
            standing,
            unstored: 0,
        };
        (task, seen)
    }

    /// Writes until the replica is gone.
    pub(super) async fn run(mut self) {
        let mut cursor = None;
        loop {
            self.live.mark_unchanged();
            match self.round(&mut cursor).await {
                Err(Gone) => return,
                Ok(true) => continue,
                Ok(false) => self.destination.hang_up(),
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS_MIN)).await;
            let waiting = Duration::from_millis(LOOK_MS_MAX);
            if let Ok(Err(_)) = tokio::time::timeout(waiting, self.live.changed()).await {
                return;
            }
        }
    }

    /// Writes a part of what has changed. Says whether there may be more.
    async fn round(&mut self, cursor: &mut Option<WrittenBack>) -> Result<bool, Gone> {
        let (at, gathered) = match self.look(cursor.clone()).await {
            Ok(looked) => looked,
            Err(error) => {
                // The driver tells the log of a store in trouble; here it only means that it is looked at again.
                self.show(|standing| standing.trouble = Some(error.to_string()));
                return Ok(false);
            }
        };
        self.show(|standing| {
            standing.through = at.progress.base;
            standing.trouble = None;
        });
        let Gathered {
            writes,
            progress,
            records,
        } = gathered;
        let mut left = writes.as_slice();
        while !left.is_empty() {
            let taken = self.write(left).await.clamp(1, left.len());
            left = &left[taken..];
        }
        self.unstored += records;
        let moved = WrittenBack { progress, ..at };
        self.show(|standing| standing.through = moved.progress.base);
        let store = !writes.is_empty() || self.unstored >= RECORDS_MAX || cursor.is_none();
        if store && cursor.as_ref() != Some(&moved) {
            match self.inlet.try_put(Input::WrittenBack(D::OUTLET, moved.clone())) {
                Ok(()) => self.unstored = 0,
                Err(TrySendError::Disconnected(_)) => return Err(Gone),
                // What is not stored is written again after a restart, which changes nothing.
                Err(TrySendError::Full(_)) => self.unstored = RECORDS_MAX,
            }
        }
        let more = !moved.progress.is_whole();
        *cursor = Some(moved);
        Ok(more)
    }

    /// Reads where the cursor is and what comes after it, on a thread that may wait for the disk.
    async fn look(&self, cursor: Option<WrittenBack>) -> Result<(WrittenBack, Gathered<D::Write>), StoreError> {
        let (store, region) = (self.store.clone(), self.region.clone());
        let target = self.standing.borrow().target.clone();
        let read = move || {
            let views = store.read()?;
            let cursor = match cursor {
                Some(cursor) => Some(cursor),
                None => views.written_back(D::OUTLET)?,
            };
            let cursor = WrittenBack::go_on(cursor, target, views.numbers()?.life);
            let gathered = gather::<D>(&views, cursor.progress, &region)?;
            Ok((cursor, gathered))
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|error| Err(StoreError::corrupt("records-1", error)))
    }

    /// Makes writes, however long that takes. Says how many of them, from the first on.
    async fn write(&mut self, writes: &[D::Write]) -> usize {
        loop {
            if let Some(until) = self.breaker.wait_until(now().mono) {
                tokio::time::sleep(Duration::from_millis(until.saturating_sub(now().mono))).await;
            }
            self.breaker.begins();
            self.show(|standing| standing.retry_at = None);
            match self.destination.write(writes).await {
                Ok(outcome) => {
                    let taken = outcome.taken;
                    self.written(outcome);
                    return taken;
                }
                Err(error) => {
                    self.destination.hang_up();
                    self.failed(&error.to_string());
                }
            }
        }
    }

    fn written(&mut self, outcome: Outcome) {
        if self.breaker.state() != State::Closed {
            tracing::info!("writing back again to {}", self.standing.borrow().target);
        }
        self.breaker.succeeded();
        if let Some(why) = &outcome.passed_over {
            tracing::debug!("the registry does not take {why}");
        }
        self.show(|standing| {
            standing.trouble = None;
            standing.written += outcome.written;
            if let Some(why) = outcome.passed_over {
                standing.passed_over += 1;
                standing.passed_over_last = Some(why);
            }
        });
    }

    fn failed(&mut self, reason: &str) {
        let before = self.breaker.state();
        // Without randomness the delay is the longest: late is better than all at once.
        self.breaker.failed(now().mono, getrandom::u64().unwrap_or(u64::MAX));
        if before == State::Closed && self.breaker.state() == State::Open {
            tracing::warn!("not writing back: {reason}");
        }
        let retry_at = self.breaker.wait_until(now().mono);
        self.show(|standing| {
            standing.trouble = Some(reason.to_owned());
            standing.retry_at = retry_at;
        });
    }

    fn show(&self, change: impl FnOnce(&mut Standing)) {
        let state = self.breaker.state();
        self.standing.send_modify(|standing| {
            standing.state = state;
            change(standing);
        });
    }
}
