//! Whether the agent does its work.

use super::Local;
use super::problem::stopping;
use axum::Json;
use axum::extract::State;
use headland_api::problem::Refusal;
use headland_api::route::on_a_reader;
use serde::Serialize;
use std::sync::Arc;

/// An agent that does its work.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Health {
    /// `ok`: whoever is not gets a problem instead.
    status: &'static str,
}

/// `GET /healthz`: the store can be read and the replica runs. A link that is down is no illness: the agent is made for
/// that, and a supervisor that restarted it would only lose the little it knows of its age.
pub(super) async fn health(State(local): State<Arc<Local>>) -> Result<Json<Health>, Refusal> {
    if local.live.has_changed().is_err() {
        return Err(stopping("looking after the agent"));
    }
    on_a_reader(move || Ok(local.store.read()?.record_count()?)).await?;
    Ok(Json(Health { status: "ok" }))
}
