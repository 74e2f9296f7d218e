//! The local API: HTTP and JSON over the control socket.
//!
//! Reads are answered from the store alone, link or not, and say how old they are. Writes are answered when they
//! are durable here.

mod problem;
mod read;
mod resolve;
mod write;

pub(crate) use problem::{of_missing_model, of_write};

use crate::driver::{Inlet, Live};
use crate::store::Store;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::routing::{delete, get, post};
use headland_host::link::LinkHandle;
use headland_shared::resolve::Device;
use headland_shared::session::Ms;
use problem::Refusal;
use std::sync::Arc;
use tokio::sync::watch;

/// The longest body of a request, in bytes: the longest note with its subject fits, even if each of its bytes is
/// escaped.
const BODY_BYTES_MAX: usize = 32 * 1024;

/// What the API answers from.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) store: Store,
    pub(crate) live: watch::Receiver<Live>,
    pub(crate) inlet: Inlet,
    pub(crate) link: LinkHandle,
    pub(crate) follow: Vec<String>,
    pub(crate) device: Device,
    pub(crate) started: Ms,
}

/// The API's routes.
pub(crate) fn router(local: Local) -> Router {
    Router::new()
        .route("/v1/status", get(read::status))
        .route("/v1/resolve", post(resolve::resolve))
        .route("/v1/models", get(read::all_models))
        .route("/v1/namespaces/{namespace}/models", get(read::models))
        .route("/v1/namespaces/{namespace}/models/{name}", get(read::model))
        .route(
            "/v1/namespaces/{namespace}/models/{name}/annotations",
            post(write::annotate),
        )
        .route(
            "/v1/namespaces/{namespace}/models/{name}/annotations/{id}",
            delete(write::remove_note),
        )
        .route("/v1/namespaces/{namespace}/models/{name}/usage", post(write::count))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::new(local))
}

async fn no_such_path(uri: Uri) -> Refusal {
    Refusal::no_such_path(uri.path())
}

async fn no_such_method(method: Method, uri: Uri) -> Refusal {
    Refusal::no_such_method(&method, uri.path())
}
