//! The task: looks at what has changed, writes it, and moves the cursor.

use super::breaker::{Breaker, State};
use super::gather::{Gathered, RECORDS_MAX, gather};
use super::mlflow::{Mlflow, Outcome};
use super::standing::Standing;
use super::tags::Tag;
use super::target::Target;
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
pub(crate) struct WriteBack {
    region: Region,
    store: Store,
    inlet: Inlet,
    live: watch::Receiver<Live>,
    mlflow: Mlflow,
    breaker: Breaker,
    standing: watch::Sender<Standing>,
    /// Records that were looked at since the cursor was stored.
    unstored: usize,
}

/// The replica is gone: the program ends.
struct Gone;

impl WriteBack {
    /// A task and what others see of it. A registry in trouble is waited out as `backoff` says.
    pub(crate) fn new(
        target: Target,
        region: Region,
        (store, inlet, live): (Store, Inlet, watch::Receiver<Live>),
        backoff: Backoff,
    ) -> (Self, watch::Receiver<Standing>) {
        let (standing, seen) = watch::channel(Standing::new(target.to_string()));
        let task = Self {
            region,
            store,
            inlet,
            live,
            mlflow: Mlflow::new(target),
            breaker: Breaker::new(backoff),
            standing,
            unstored: 0,
        };
        (task, seen)
    }

    /// Writes until the replica is gone.
    pub(crate) async fn run(mut self) {
        let mut cursor = None;
        loop {
            self.live.mark_unchanged();
            match self.round(&mut cursor).await {
                Err(Gone) => return,
                Ok(true) => continue,
                Ok(false) => self.mlflow.hang_up(),
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
            tags,
            progress,
            records,
        } = gathered;
        for tag in &tags {
            self.write(tag).await;
        }
        self.unstored += records;
        let moved = WrittenBack { progress, ..at };
        self.show(|standing| standing.through = moved.progress.base);
        let store = !tags.is_empty() || self.unstored >= RECORDS_MAX || cursor.is_none();
        if store && cursor.as_ref() != Some(&moved) {
            match self.inlet.try_put(Input::WrittenBack(moved.clone())) {
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
    async fn look(&self, cursor: Option<WrittenBack>) -> Result<(WrittenBack, Gathered), StoreError> {
        let (store, region) = (self.store.clone(), self.region.clone());
        let target = self.standing.borrow().target.clone();
        let read = move || {
            let views = store.read()?;
            let cursor = match cursor {
                Some(cursor) => Some(cursor),
                None => views.written_back()?,
            };
            let cursor = WrittenBack::go_on(cursor, target, views.numbers()?.life);
            let gathered = gather(&views, cursor.progress, &region)?;
            Ok((cursor, gathered))
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|error| Err(StoreError::corrupt("records-1", error)))
    }

    /// Makes a write, however long that takes.
    async fn write(&mut self, tag: &Tag) {
        loop {
            if let Some(until) = self.breaker.wait_until(now().mono) {
                tokio::time::sleep(Duration::from_millis(until.saturating_sub(now().mono))).await;
            }
            self.breaker.begins();
            self.show(|standing| standing.retry_at = None);
            match self.mlflow.write(tag).await {
                Ok(outcome) => return self.written(outcome),
                Err(error) => {
                    self.mlflow.hang_up();
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
        if let Outcome::PassedOver(why) = &outcome {
            tracing::debug!("the registry does not take {why}");
        }
        self.show(|standing| {
            standing.trouble = None;
            match outcome {
                Outcome::Written => standing.written += 1,
                Outcome::PassedOver(why) => {
                    standing.passed_over += 1;
                    standing.passed_over_last = Some(why);
                }
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
