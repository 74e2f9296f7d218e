//! What an API does, one thing at a time, so that a description can be held against it.

use crate::problem::Refusal;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::handler::Handler;
use axum::http::{Method, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
use std::sync::Arc;

/// One thing that an API does.
#[derive(Debug)]
pub struct Route<S> {
    /// Where, with `{names}` in it.
    pub path: &'static str,
    /// By which method.
    pub method: Method,
    handler: MethodRouter<Arc<S>>,
}

/// Something to read.
pub fn get<T: 'static, S: Send + Sync + 'static>(path: &'static str, handler: impl Handler<T, Arc<S>>) -> Route<S> {
    Route {
        path,
        method: Method::GET,
        handler: routing::get(handler),
    }
}

/// Something to do.
pub fn post<T: 'static, S: Send + Sync + 'static>(path: &'static str, handler: impl Handler<T, Arc<S>>) -> Route<S> {
    Route {
        path,
        method: Method::POST,
        handler: routing::post(handler),
    }
}

/// Something to set.
pub fn put<T: 'static, S: Send + Sync + 'static>(path: &'static str, handler: impl Handler<T, Arc<S>>) -> Route<S> {
    Route {
        path,
        method: Method::PUT,
        handler: routing::put(handler),
    }
}

/// Something to take away.
pub fn delete<T: 'static, S: Send + Sync + 'static>(path: &'static str, handler: impl Handler<T, Arc<S>>) -> Route<S> {
    Route {
        path,
        method: Method::DELETE,
        handler: routing::delete(handler),
    }
}

/// The router of these routes. Bodies have at most `body_bytes_max` bytes.
pub fn router<S: Send + Sync + 'static>(routes: Vec<Route<S>>, body_bytes_max: usize, state: Arc<S>) -> Router {
    let routed = routes
        .into_iter()
        .fold(Router::new(), |router, route| router.route(route.path, route.handler));
    routed
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(from_fn_with_state(body_bytes_max, refuse_what_is_announced_too_long))
        .with_state(state)
}

/// A body that says itself that it is too long is not waited for.
async fn refuse_what_is_announced_too_long(
    State(body_bytes_max): State<usize>,
    request: Request,
    next: Next,
) -> Response {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > body_bytes_max as u64) {
        let detail = format!("reading a request: its body is longer than {body_bytes_max} bytes; send less");
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

/// Does something on a thread that may wait for the disk.
///
/// # Errors
///
/// Those of `read`.
pub async fn on_a_reader<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(read).await {
        Ok(answer) => answer,
        Err(error) => Err(Refusal::internal(format!(
            "answering a request: {error}; look at the log"
        ))),
    }
}
