//! Whether the hub does its work.

use super::Local;
use super::problem::busy;
use axum::Json;
use axum::extract::State;
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use serde::Serialize;
use std::sync::Arc;

/// A hub that does its work.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Health {
    /// `ok`: whoever is not gets a problem instead.
    status: &'static str,
}

/// `GET /healthz`: the store can be read and the replica runs. A broker or a leading hub that is down is no illness of
/// this hub, and no restart of it would help.
pub(super) async fn health(State(local): State<Arc<Local>>) -> Result<Json<Health>, Refusal> {
    if local.live.has_changed().is_err() {
        return Err(busy());
    }
    on_a_reader(move || Ok(local.store.read()?.numbers()?)).await?;
    Ok(Json(Health { status: "ok" }))
}
