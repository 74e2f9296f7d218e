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
mod parameters;
mod present;
mod problem;
mod read;
mod resolve;
mod sync;
mod watch;
mod write;

pub(crate) use idempotency::{IDEMPOTENCY_KEY, Key};
pub(crate) use problem::{Refusal, of_missing_model, of_unwritten_attribute, of_write};
pub(crate) use sync::held_back;
pub(crate) use watch::Watches;

use crate::driver::{Inlet, Live};
use crate::read::Remembered;
use crate::settings::Profile;
use crate::store::Store;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::http::{Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
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

/// One thing that the API does.
struct Route {
    path: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "for the test that all of them are described"))]
    method: Method,
    handler: MethodRouter<Arc<Local>>,
}

fn get<T: 'static>(path: &'static str, handler: impl Handler<T, Arc<Local>>) -> Route {
    Route {
        path,
        method: Method::GET,
        handler: routing::get(handler),
    }
}

fn post<T: 'static>(path: &'static str, handler: impl Handler<T, Arc<Local>>) -> Route {
    Route {
        path,
        method: Method::POST,
        handler: routing::post(handler),
    }
}

fn delete<T: 'static>(path: &'static str, handler: impl Handler<T, Arc<Local>>) -> Route {
    Route {
        path,
        method: Method::DELETE,
        handler: routing::delete(handler),
    }
}

/// All that the API does.
fn routes() -> Vec<Route> {
    vec![
        get("/healthz", health::health),
        get("/metrics", metrics::metrics),
        get("/v1/openapi.json", read::description),
        get("/v1/status", read::status),
        post("/v1/sync", sync::sync),
        post("/v1/resolve", resolve::resolve),
        get("/v1/models", read::all_models),
        get("/v1/watch", watch::watch),
        get("/v1/namespaces/{namespace}/models", read::models),
        get("/v1/namespaces/{namespace}/models/{name}", read::model),
        get("/v1/namespaces/{namespace}/models/{name}/versions", read::versions),
        get("/v1/namespaces/{namespace}/models/{name}/aliases", read::aliases),
        get(
            "/v1/namespaces/{namespace}/models/{name}/annotations",
            read::annotations,
        ),
        post("/v1/namespaces/{namespace}/models/{name}/annotations", write::annotate),
        delete(
            "/v1/namespaces/{namespace}/models/{name}/annotations/{id}",
            write::remove_note,
        ),
        get("/v1/namespaces/{namespace}/models/{name}/usage", read::usage),
        post("/v1/namespaces/{namespace}/models/{name}/usage", write::count),
        get(
            "/v1/namespaces/{namespace}/models/{name}/availability",
            read::availability,
        ),
        get("/v1/namespaces/{namespace}/models/{name}/why", read::why),
    ]
}

/// The API's router.
pub(crate) fn router(local: Local) -> Router {
    let router = Router::new();
    let routed = routes()
        .into_iter()
        .fold(router, |router, route| router.route(route.path, route.handler));
    routed
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(refuse_what_is_announced_too_long))
        .with_state(Arc::new(local))
}

/// A body that says itself that it is too long is not waited for.
async fn refuse_what_is_announced_too_long(request: Request, next: Next) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        let detail = format!("reading a request: its body is longer than {BODY_BYTES_MAX} bytes; send less");
        return Refusal::too_long(detail).into_response();
    }
    next.run(request).await
}

async fn no_such_path(uri: Uri) -> Refusal {
    Refusal::no_such_path(uri.path())
}

async fn no_such_method(method: Method, uri: Uri) -> Refusal {
    Refusal::no_such_method(&method, uri.path())
}
