//! Reading requests.

use super::Local;
use super::problem::{Refusal, of_missing_model};
use crate::answer::{Answers, Listing, One, Status, model_key, page_after};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use headland_host::clock::BootClock;
use headland_shared::name::Namespace;
use headland_shared::view::Model;
use serde::Deserialize;
use std::sync::Arc;

/// Models of a page when nobody says how many, and at most: a page of the longest ones stays within what a client of
/// the socket reads.
const PAGE_SIZE_DEFAULT: usize = 100;
const PAGE_SIZE_MAX: usize = 1_000;

/// What narrows a listing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wanted {
    page_size: Option<usize>,
    page_token: Option<String>,
    q: Option<String>,
}

type Asked<T> = Result<Query<T>, QueryRejection>;
type At<T> = Result<Path<T>, PathRejection>;

/// `GET /v1/status`
pub(super) async fn status(State(local): State<Arc<Local>>) -> Result<Json<Status>, Refusal> {
    reading(local, |local, answers| {
        let running = (local.started, local.link.counts());
        Ok(answers.status(local.follow.clone(), Some(running))?)
    })
    .await
}

/// `GET /v1/models`
pub(super) async fn all_models(
    State(local): State<Arc<Local>>,
    wanted: Asked<Wanted>,
) -> Result<Json<Listing<Model>>, Refusal> {
    let Query(wanted) = wanted.map_err(|error| Refusal::bad_request(error.body_text()))?;
    list(local, None, wanted).await
}

/// `GET /v1/namespaces/{namespace}/models`
pub(super) async fn models(
    State(local): State<Arc<Local>>,
    namespace: At<String>,
    wanted: Asked<Wanted>,
) -> Result<Json<Listing<Model>>, Refusal> {
    let Path(namespace) = namespace.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let Query(wanted) = wanted.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let namespace = Namespace::new(namespace).map_err(Refusal::bad_request)?;
    list(local, Some(namespace), wanted).await
}

async fn list(
    local: Arc<Local>,
    namespace: Option<Namespace>,
    wanted: Wanted,
) -> Result<Json<Listing<Model>>, Refusal> {
    let count = wanted.page_size.unwrap_or(PAGE_SIZE_DEFAULT);
    if !(1..=PAGE_SIZE_MAX).contains(&count) {
        let detail = format!("listing models: a page_size of {count} is out of range; use 1 to {PAGE_SIZE_MAX}");
        return Err(Refusal::bad_request(detail));
    }
    let after = match wanted.page_token.as_deref() {
        None => None,
        Some(token) => Some(page_after(token).ok_or_else(|| {
            Refusal::bad_request("listing models: page_token is none; use the next_page_token of the page before")
        })?),
    };
    let query = wanted.q.filter(|query| !query.is_empty());
    reading(local, move |_, answers| {
        Ok(answers.models(namespace.as_ref(), after.as_ref(), count, query.as_deref())?)
    })
    .await
}

/// `GET /v1/namespaces/{namespace}/models/{name}`
pub(super) async fn model(
    State(local): State<Arc<Local>>,
    at: At<(String, String)>,
) -> Result<Json<One<Model>>, Refusal> {
    let Path((namespace, name)) = at.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let key = model_key(&namespace, &name).map_err(Refusal::bad_request)?;
    reading(local, move |_, answers| {
        answers.model(&key)?.ok_or_else(|| of_missing_model(&key))
    })
    .await
}

/// Answers from the store on a thread that may wait for the disk.
async fn reading<T: Send + 'static>(
    local: Arc<Local>,
    read: impl FnOnce(&Local, &Answers<'_>) -> Result<T, Refusal> + Send + 'static,
) -> Result<Json<T>, Refusal> {
    let task = tokio::task::spawn_blocking(move || {
        let live = local.live.borrow().clone();
        let answers = Answers {
            store: local.store.clone(),
            live: &live,
            at: BootClock.now_ms(),
        };
        read(&local, &answers)
    });
    match task.await {
        Ok(answer) => answer.map(Json),
        Err(error) => Err(Refusal::internal(format!(
            "answering a request: {error}; look at the log"
        ))),
    }
}
