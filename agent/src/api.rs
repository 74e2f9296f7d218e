//! The local API: HTTP and JSON over the control socket.
//!
//! Reads are answered from the store alone, link or not, and say how old they are. Writes are answered when they
//! are durable here.

mod freshness_headers;
mod health;
mod idempotency;
mod metrics;
#[cfg(test)]
mod openapi;
mod present;
mod problem;
mod read;
mod resolve;
mod sync;
mod watch;
mod write;

pub(crate) use idempotency::{IDEMPOTENCY_KEY, Key};
pub(crate) use problem::of_write;
pub(crate) use sync::held_back;
pub(crate) use watch::Watches;

use crate::driver::{Inlet, Live};
use crate::read::Remembered;
use crate::settings::Profile;
use crate::store::Store;
use axum::Router;
use headland_api::models;
use headland_api::route::{self, Route, delete, get, post};
use headland_host::link::LinkHandle;
use headland_shared::session::Ms;
use std::sync::Arc;
use tokio::sync::watch::Receiver;

/// The longest body of a request, in bytes: the longest note with its subject fits, even if each of its bytes is
/// escaped.
const BODY_BYTES_MAX: usize = 32 * 1024;

/// What the API answers from.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) store: Store,
    pub(crate) live: Receiver<Live>,
    pub(crate) inlet: Inlet,
    pub(crate) link: LinkHandle,
    pub(crate) follow: Vec<String>,
    pub(crate) profile: Profile,
    /// How long getting in step with the hub may take, in seconds.
    pub(crate) sync_s_max: u64,
    pub(crate) remembered: Remembered,
    pub(crate) started: Ms,
    pub(crate) watches: Watches,
}

/// All that the API does.
fn routes() -> Vec<Route<Local>> {
    let mut routes = models::routes();
    routes.extend([
        get("/healthz", health::health),
        get("/metrics", metrics::metrics),
        get("/v1/openapi.json", read::description),
        get("/v1/status", read::status),
        post("/v1/sync", sync::sync),
        post("/v1/resolve", resolve::resolve),
        get("/v1/watch", watch::watch),
        post("/v1/namespaces/{namespace}/models/{name}/annotations", write::annotate),
        delete(
            "/v1/namespaces/{namespace}/models/{name}/annotations/{id}",
            write::remove_note,
        ),
        post("/v1/namespaces/{namespace}/models/{name}/usage", write::count),
        post("/v1/namespaces/{namespace}/models/{name}/availability", write::report),
    ]);
    routes
}

/// The API's router.
pub(crate) fn router(local: Local) -> Router {
    route::router(routes(), BODY_BYTES_MAX, Arc::new(local))
}
