//! The local API: HTTP and JSON over the control socket.

mod problem;
mod registry;

pub(crate) use registry::own_registry;

use crate::driver::{Inlet, Input, Live};
use crate::following::Follower;
use crate::opening::now;
use crate::operation::{Decision, ImportWish, OperationError, RevertWish};
use crate::read::{Reader, key_of};
use crate::report;
use crate::store::Store;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use headland_host::link::LinkHandle;
use headland_host::text::segment;
use headland_shared::key::RecordKey;
use headland_shared::name::{ModelName, Namespace};
use headland_shared::session::Ms;
use problem::Refusal;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

/// Models of a page when nobody says how many, and at most.
const PAGE_SIZE_DEFAULT: usize = 100;
const PAGE_SIZE_MAX: usize = 1_000;
/// Commits or notes of a listing when nobody says how many.
const LIMIT_DEFAULT: usize = 50;

/// What the API answers from.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) store: Store,
    pub(crate) live: watch::Receiver<Live>,
    pub(crate) inlet: Inlet,
    pub(crate) link: LinkHandle,
    pub(crate) region: String,
    /// How the registry of another hub is followed, if it is.
    pub(crate) follower: Option<Follower>,
    pub(crate) started: Ms,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    namespace: Option<String>,
    page_size: Option<usize>,
    page_token: Option<String>,
    q: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Limit {
    limit: Option<usize>,
}

type Answer = Result<Json<Value>, Refusal>;
type Asked<T> = Result<Query<T>, QueryRejection>;
type Told<T> = Result<Json<T>, JsonRejection>;

/// The API's routes.
pub(crate) fn router(local: Local) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/models", get(models))
        .route("/v1/namespaces/{namespace}/models/{name}", get(model))
        .route("/v1/history", get(history))
        .route("/v1/annotations", get(annotations))
        .route("/v1/import", post(import))
        .route("/v1/revert", post(revert))
        .route("/v1/decisions", post(decide))
        .route("/v1/registry/changes", get(registry::changes))
        .route("/v1/registry/release", post(registry::release))
        .fallback(async || Refusal::not_found("answering: there is no such path; the API begins at /v1/status"))
        .with_state(Arc::new(local))
}

async fn status(State(local): State<Arc<Local>>) -> Answer {
    reading(local, |local| {
        let live = local.live.borrow().clone();
        let now = now();
        let running = (&live, local.link.counts(), now.mono.saturating_sub(local.started));
        let mut answer = report::status(&local.store, &local.region, Some(running), now)?;
        if let Some(follower) = &local.follower {
            answer["follow"] = follower.described(now.mono);
        }
        Ok(answer)
    })
    .await
}

async fn models(State(local): State<Arc<Local>>, wanted: Asked<Wanted>) -> Answer {
    let Query(wanted) = wanted.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let count = wanted.page_size.unwrap_or(PAGE_SIZE_DEFAULT);
    if !(1..=PAGE_SIZE_MAX).contains(&count) {
        let detail = format!("listing models: a page_size of {count} is out of range; use 1 to {PAGE_SIZE_MAX}");
        return Err(Refusal::bad_request(detail));
    }
    let namespace = wanted
        .namespace
        .map(Namespace::new)
        .transpose()
        .map_err(Refusal::bad_request)?;
    let after = wanted.page_token.as_deref().map(page_after).transpose()?;
    let query = wanted.q.unwrap_or_default().to_lowercase();
    reading(local, move |local| {
        let reader = Reader::new(local.store.clone());
        let matches =
            |model: &headland_shared::view::Model| query.is_empty() || model.name.to_lowercase().contains(&query);
        let (models, more) = reader.models(namespace.as_ref(), after.as_ref(), count, matches)?;
        let next = models
            .last()
            .filter(|_| more)
            .and_then(key_of)
            .map(|key| page_token(&key));
        Ok(json!({ "models": models, "next_page_token": next }))
    })
    .await
}

/// A page's token: the key after which it begins, as one value of a query.
fn page_token(key: &RecordKey) -> String {
    key.encoded().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn page_after(token: &str) -> Result<RecordKey, Refusal> {
    let none =
        || Refusal::bad_request("listing models: page_token is none; use the next_page_token of the page before");
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = token.as_bytes().chunks(2).map(byte).collect();
    bytes.and_then(|bytes| RecordKey::decode(&bytes).ok()).ok_or_else(none)
}

async fn model(State(local): State<Arc<Local>>, Path((namespace, name)): Path<(String, String)>) -> Answer {
    let key = RecordKey {
        namespace: Namespace::new(namespace).map_err(Refusal::bad_request)?,
        name: ModelName::new(name).map_err(Refusal::bad_request)?,
    };
    reading(local, move |local| {
        let model = Reader::new(local.store.clone()).model(&key)?;
        let model = model.ok_or_else(|| Refusal::not_found(missing(&key)))?;
        Ok(json!({ "model": model }))
    })
    .await
}

/// What is said of a model that the registry does not hold.
pub(crate) fn missing(key: &RecordKey) -> String {
    format!(
        "looking up model {key}: the registry does not hold it; look for its name with `headland-hub models --query TEXT`"
    )
}

/// The path of a model.
pub(crate) fn target(key: &RecordKey) -> String {
    format!(
        "/v1/namespaces/{}/models/{}",
        segment(key.namespace.as_str()),
        segment(key.name.as_str())
    )
}

async fn history(State(local): State<Arc<Local>>, limit: Asked<Limit>) -> Answer {
    let Query(limit) = limit.map_err(|error| Refusal::bad_request(error.body_text()))?;
    reading(local, move |local| {
        Ok(report::history(&local.store, limit.limit.unwrap_or(LIMIT_DEFAULT))?)
    })
    .await
}

async fn annotations(State(local): State<Arc<Local>>, limit: Asked<Limit>) -> Answer {
    let Query(limit) = limit.map_err(|error| Refusal::bad_request(error.body_text()))?;
    reading(local, move |local| {
        Ok(report::annotations(&local.store, limit.limit.unwrap_or(LIMIT_DEFAULT))?)
    })
    .await
}

async fn import(State(local): State<Arc<Local>>, wish: Told<ImportWish>) -> Answer {
    let Json(wish) = wish.map_err(|error| Refusal::bad_request(error.body_text()))?;
    registry::only_own(&local)?;
    // Files are read here, so that the replica goes on meanwhile.
    let read = tokio::task::spawn_blocking(move || wish.read())
        .await
        .map_err(Refusal::internal)??;
    operate(&local, |answer| Input::Import(read, answer)).await
}

async fn revert(State(local): State<Arc<Local>>, wish: Told<RevertWish>) -> Answer {
    let Json(wish) = wish.map_err(|error| Refusal::bad_request(error.body_text()))?;
    registry::only_own(&local)?;
    operate(&local, |answer| Input::Revert(wish, answer)).await
}

async fn decide(State(local): State<Arc<Local>>, decision: Told<Decision>) -> Answer {
    let Json(decision) = decision.map_err(|error| Refusal::bad_request(error.body_text()))?;
    operate(&local, |answer| Input::Decide(decision, answer)).await
}

/// Has the replica do something, and waits for its answer.
async fn operate<T: serde::Serialize>(
    local: &Local,
    input: impl FnOnce(oneshot::Sender<Result<T, OperationError>>) -> Input,
) -> Answer {
    let (answer, answered) = oneshot::channel();
    local.inlet.try_put(input(answer)).map_err(|_| Refusal::busy())?;
    let report = answered.await.map_err(|_| Refusal::busy())??;
    let report = serde_json::to_value(report).map_err(Refusal::internal)?;
    Ok(Json(report))
}

/// Answers from the store on a thread that may wait for the disk.
async fn reading(local: Arc<Local>, read: impl FnOnce(&Local) -> Result<Value, Refusal> + Send + 'static) -> Answer {
    match tokio::task::spawn_blocking(move || read(&local)).await {
        Ok(answer) => answer.map(Json),
        Err(error) => Err(Refusal::internal(error)),
    }
}
