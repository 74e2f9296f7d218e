//! How the writing back stands, for status and log.

use super::breaker::State;
use crate::answer::WriteBack;
use crate::store::{Outlet, Views, WrittenBack};
use headland_host::tables::StoreError;
use headland_shared::epoch::Seq;
use headland_shared::session::Ms;

/// What the writing is at while the hub does not run.
const STOPPED: &str = "stopped";

/// All that the writing may be at.
pub(crate) const STATES: [&str; 4] = [
    State::Closed.name(),
    State::Open.name(),
    State::HalfOpen.name(),
    STOPPED,
];

/// What is shown of the task.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// Where it writes to.
    pub(super) target: String,
    pub(super) state: State,
    /// Why the last write, or look into the store, failed, until one succeeds.
    pub(super) trouble: Option<String>,
    /// When the next write is tried, after a failure.
    pub(super) retry_at: Option<Ms>,
    /// Up to here all is written.
    pub(super) through: Seq,
    /// Writes that the registry has taken since the hub was started.
    pub(super) written: u64,
    /// Writes that it will never take, and why it did not take the last of them.
    pub(super) passed_over: u64,
    pub(super) passed_over_last: Option<String>,
}

impl Standing {
    pub(super) fn new(target: String) -> Self {
        Self {
            target,
            state: State::Closed,
            trouble: None,
            retry_at: None,
            through: Seq::START,
            written: 0,
            passed_over: 0,
            passed_over_last: None,
        }
    }

    /// For the status of a hub that runs, whose last commit is `head`.
    pub(crate) fn described(&self, head: Seq, now: Ms) -> WriteBack {
        WriteBack {
            target: self.target.clone(),
            state: self.state.name().to_owned(),
            detail: self.trouble.clone(),
            written_back: self.through.0,
            behind: head.0.saturating_sub(self.through.0),
            retry_in_ms: self.retry_at.map(|at| at.saturating_sub(now)),
            written: Some(self.written),
            passed_over: Some(self.passed_over),
            passed_over_last: self.passed_over_last.clone(),
        }
    }
}

/// For the status of a hub that does not run.
pub(crate) fn at_rest(outlet: Outlet, target: &str, views: &Views) -> Result<WriteBack, StoreError> {
    let written: Option<WrittenBack> = views.written_back(outlet)?.filter(|written| written.target == target);
    let through = written.map_or(Seq::START, |written| written.progress.base);
    let head = views.numbers()?.head.seq;
    Ok(WriteBack {
        target: target.to_owned(),
        state: STOPPED.to_owned(),
        detail: None,
        written_back: through.0,
        behind: head.0.saturating_sub(through.0),
        retry_in_ms: None,
        written: None,
        passed_over: None,
        passed_over_last: None,
    })
}
