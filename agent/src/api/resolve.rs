//! Which version this device should use now.

use super::Local;
use super::problem::Refusal;
use crate::answer::Answers;
use crate::resolving::{self, Resolved};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use headland_host::clock::BootClock;
use headland_shared::resolve::Question;
use std::sync::Arc;

/// `POST /v1/resolve`
pub(super) async fn resolve(
    State(local): State<Arc<Local>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Resolved>, Refusal> {
    let bytes = body.map_err(|error| {
        let detail = format!("reading a question: {}", error.body_text());
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_long(detail),
            _ => Refusal::bad_request(detail),
        }
    })?;
    let question: Question = serde_json::from_slice(&bytes).map_err(|error| {
        Refusal::bad_request(format!("reading a question: {error}; docs/resolve.md tells its form"))
    })?;
    let task = tokio::task::spawn_blocking(move || {
        let live = local.live.borrow().clone();
        let answers = Answers {
            store: local.store.clone(),
            live: &live,
            at: BootClock.now_ms(),
        };
        resolving::resolve(&answers, &question, &local.device)
    });
    match task.await {
        Ok(answer) => Ok(Json(answer?)),
        Err(error) => Err(Refusal::internal(format!(
            "answering a question: {error}; look at the log"
        ))),
    }
}
