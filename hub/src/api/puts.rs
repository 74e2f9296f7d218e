//! What came of requests to set an element, counted by outcome.

use axum::http::StatusCode;
use axum::response::Response;
use headland_api::problem::Refusal;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// It was set, or is what the registry says already.
const DONE: &str = "done";
/// It is committed, and not shown here yet.
const ACCEPTED: &str = "accepted";
/// Somebody else was faster: such answers have more than a problem.
const STALE: &str = "stale";

/// The kind of the problem that an answer tells, where the answer is more than the problem.
#[derive(Debug, Clone)]
pub(super) struct RefusedAs(pub(super) String);

/// Counts of outcomes. There are as many as kinds of problems.
#[derive(Debug, Default)]
pub(crate) struct Puts {
    outcomes: Mutex<BTreeMap<String, u64>>,
    took_ms: AtomicU64,
}

impl Puts {
    /// Waits for an answer, and counts what it says.
    pub(super) async fn counted(
        &self,
        answer: impl Future<Output = Result<Response, Refusal>>,
    ) -> Result<Response, Refusal> {
        let begun = Instant::now();
        let answer = answer.await;
        let outcome = match &answer {
            Ok(response) => match (response.extensions().get::<RefusedAs>(), response.status()) {
                (Some(RefusedAs(kind)), _) => kind,
                (None, StatusCode::ACCEPTED) => ACCEPTED,
                (None, StatusCode::PRECONDITION_FAILED) => STALE,
                (None, _) => DONE,
            },
            Err(refusal) => refusal.kind(),
        };
        *self.lock().entry(outcome.to_owned()).or_default() += 1;
        self.took_ms
            .fetch_add(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        answer
    }

    /// How many there were of each outcome; those of success are told before there was one.
    pub(super) fn told(&self) -> BTreeMap<String, u64> {
        let mut told = self.lock().clone();
        for outcome in [DONE, STALE] {
            told.entry(outcome.to_owned()).or_default();
        }
        told
    }

    /// How long all of them took, in milliseconds.
    pub(super) fn took_ms(&self) -> u64 {
        self.took_ms.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        // Counts are as good after a panic as before.
        self.outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
