//! Requests that change something.

use super::problem::busy;
use super::{Local, registry};
use crate::driver::Input;
use crate::operation::{Decided, Decision, ImportWish, OperationError, RevertWish};
use crate::registry::{ImportReport, RevertReport};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use headland_api::problem::Refusal;
use std::sync::Arc;
use tokio::sync::oneshot;

pub(super) type Told<T> = Result<Json<T>, JsonRejection>;
type Done<T> = Result<Json<T>, Refusal>;
type Answer<T> = oneshot::Sender<Result<T, OperationError>>;

/// `POST /v1/import`
pub(super) async fn import(State(local): State<Arc<Local>>, wish: Told<ImportWish>) -> Done<ImportReport> {
    let wish = read("an import", wish)?;
    registry::only_own(&local)?;
    // Files are read here, so that the replica goes on meanwhile.
    let read = tokio::task::spawn_blocking(move || wish.read())
        .await
        .map_err(Refusal::internal)??;
    operate(&local, |answer| Input::Import(read, answer)).await
}

/// `POST /v1/revert`
pub(super) async fn revert(State(local): State<Arc<Local>>, wish: Told<RevertWish>) -> Done<RevertReport> {
    let wish = read("a revert", wish)?;
    registry::only_own(&local)?;
    operate(&local, |answer| Input::Revert(wish, answer)).await
}

/// `POST /v1/decisions`
pub(super) async fn decide(State(local): State<Arc<Local>>, decision: Told<Decision>) -> Done<Decided> {
    let decision = read("a decision", decision)?;
    operate(&local, |answer| Input::Decide(decision, answer)).await
}

/// Reads a body.
pub(super) fn read<T>(what: &str, body: Told<T>) -> Result<T, Refusal> {
    let read = body.map(|Json(read)| read);
    read.map_err(|error| {
        let detail = format!("reading {what}: {}", error.body_text());
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_long(detail),
            _ => Refusal::bad_request(detail),
        }
    })
}

/// Has the replica do something, and waits for its answer.
async fn operate<T>(local: &Local, input: impl FnOnce(Answer<T>) -> Input) -> Done<T> {
    Ok(Json(done(local, input).await??))
}

/// What the replica answers.
pub(super) async fn done<T>(
    local: &Local,
    input: impl FnOnce(Answer<T>) -> Input,
) -> Result<Result<T, OperationError>, Refusal> {
    let (answer, answered) = oneshot::channel();
    local.inlet.try_put(input(answer)).map_err(|_| busy())?;
    answered.await.map_err(|_| busy())
}
