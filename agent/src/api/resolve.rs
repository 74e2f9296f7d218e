//! Which version this device should use now.

use super::Local;
use super::read::reading;
use super::write::bytes_of;
use crate::resolving;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use headland_api::demand::Demand;
use headland_api::parameters::Parameters;
use headland_api::problem::Refusal;
use headland_shared::resolve::Question;
use std::sync::Arc;

/// `POST /v1/resolve`
pub(super) async fn resolve(
    State(local): State<Arc<Local>>,
    mut asked: Parameters,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let demand = Demand::take(&mut asked)?;
    asked.finish()?;
    let bytes = bytes_of("a question", body)?;
    let question: Question = serde_json::from_slice(&bytes).map_err(|error| {
        Refusal::bad_request(format!("reading a question: {error}; docs/resolve.md tells its form"))
    })?;
    reading(local, demand, move |local, answers| {
        Ok(resolving::resolve(answers, &question, &local.remembered)?)
    })
    .await
}
