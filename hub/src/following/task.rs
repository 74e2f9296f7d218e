//! The task that asks the leading hub, again and again.

use super::{Asked, Follower, Heard, Leader, Reporter, State};
use crate::driver::{Inlet, Input};
use crate::opening::now;
use crate::registry::follow::{Applied, CHANGES_BYTES_MAX, Changes, FollowError, query_of};
use crate::store::Store;
use headland_host::backoff::Backoff;
use headland_host::control;
use headland_shared::session::Ms;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the leading hub may hold a request back when it has nothing new: what is held here is then known to be
/// the registry's state at least so often.
const WAIT_MS: u64 = 5_000;
/// How long it may take to make and send an answer, beyond that: everything that it has, on a slow disk.
const ANSWER_MS_MAX: u64 = 60_000;
/// How long those who want the present ask together, in milliseconds; also, the question is later than theirs by the
/// clock, which counts milliseconds.
const GATHER_MS: u64 = 1;
/// How long the leading hub may look at its own registry, in milliseconds.
const LOOK_MS_MAX: u64 = 10_000;

/// Asks the leading hub until the program ends.
#[derive(Debug)]
pub(crate) struct Task {
    leader: PathBuf,
    store: Store,
    inlet: Inlet,
    reporter: Reporter,
    /// Whether somebody wants the present: then the leading hub is not to hold the next request back.
    wanted: bool,
}

/// How one request went.
enum Round {
    /// All that the registry says is here.
    Done(Ms),
    /// It was not applied.
    Not(FollowError),
    /// Somebody wants the present, and the request that waited for news was given up.
    Asked,
    /// There was no usable answer.
    Failed(String),
    /// The replica is gone: the program ends.
    Ended,
}

impl Task {
    /// A task and what others see of it. Failures are waited out as `backoff` says.
    pub(crate) fn new(leader: PathBuf, store: Store, inlet: Inlet, backoff: Backoff, asked: Asked) -> (Self, Follower) {
        let (reporter, follower) = Reporter::new(Leader::Hub(leader.clone()), backoff, asked);
        let task = Self {
            leader,
            store,
            inlet,
            reporter,
            wanted: false,
        };
        (task, follower)
    }

    /// Follows until the replica is gone.
    pub(crate) async fn run(mut self) {
        loop {
            match self.round().await {
                Round::Ended => return,
                Round::Asked => tokio::time::sleep(Duration::from_millis(GATHER_MS)).await,
                Round::Done(as_of) => self.reporter.known(as_of),
                Round::Not(FollowError::Held(held)) => {
                    self.reporter.tell(State::Held(held));
                    self.reporter.wait_for_release().await;
                }
                Round::Not(FollowError::Behind(behind)) => {
                    self.reporter.tell(State::Behind(behind));
                    self.reporter.rest(None).await;
                }
                Round::Not(error) => self.reporter.rest(Some(error.to_string())).await,
                Round::Failed(reason) => self.reporter.rest(Some(reason)).await,
            }
        }
    }

    /// One request, and what came of it.
    async fn round(&mut self) -> Round {
        let read = self
            .store
            .read()
            .and_then(|views| Ok((views.followed()?, views.numbers()?)));
        let (from, numbers) = match read {
            Ok(read) => read,
            Err(error) => return Round::Failed(error.to_string()),
        };
        // Only who follows already may be kept waiting: until then people want to know how it stands.
        let wait_ms = match self.reporter.is_following() && !std::mem::take(&mut self.wanted) {
            true => WAIT_MS,
            false => 0,
        };
        let query = query_of(from.as_ref(), numbers.registry());
        let target = format!("/v1/registry/changes?{query}&wait_ms={wait_ms}");
        let sent = now().mono;
        let answer = control::request_bytes(&self.leader, &target, CHANGES_BYTES_MAX, wait_ms + ANSWER_MS_MAX);
        let asked = self.reporter.asked();
        let answer = tokio::select! {
            answer = answer => answer,
            () = asked.asked(), if wait_ms > 0 => {
                self.wanted = true;
                return Round::Asked;
            }
        };
        let (status, bytes) = match answer {
            Ok(answer) => answer,
            Err(error) => return Round::Failed(error.to_string()),
        };
        if !status.is_success() {
            let detail = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
            let detail = detail["detail"].as_str().unwrap_or("look at its log");
            return Round::Failed(format!("the leading hub answered {status}: {detail}"));
        }
        // A long answer takes a while to read, and this thread has a link to keep.
        let changes = match tokio::task::spawn_blocking(move || Changes::decode(&bytes)).await {
            Ok(Ok(changes)) => changes,
            Ok(Err(error)) => return Round::Failed(error.to_string()),
            Err(error) => return Round::Failed(error.to_string()),
        };
        let removals = self.reporter.removals_at(changes.registry);
        let as_of = (sent + changes.waited_ms.min(wait_ms.max(LOOK_MS_MAX))).saturating_sub(changes.age_ms);
        let heard = Heard {
            changes,
            removals,
            as_of,
        };
        match self.applied(heard).await {
            Some(Ok(applied)) => {
                if applied.seq.is_some() {
                    let Applied { new, changed, gone, .. } = applied;
                    tracing::info!(new, changed, gone, "applied what the leading hub said");
                }
                Round::Done(as_of)
            }
            Some(Err(error)) => Round::Not(error),
            None => Round::Ended,
        }
    }

    /// Has the replica apply what was heard; nothing when the replica is gone.
    async fn applied(&self, heard: Heard) -> Option<Result<Applied, FollowError>> {
        let (answer, answered) = oneshot::channel();
        match self.inlet.try_put(Input::Follow(Box::new(heard), answer)) {
            Ok(()) => answered.await.ok(),
            // It is asked for again.
            Err(std::sync::mpsc::TrySendError::Full(_)) => Some(Err(FollowError::Gap)),
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => None,
        }
    }
}
