//! Reading requests.

use super::parameters::{InNamespace, OfModel, Parameters};
use super::problem::{Refusal, of_missing_model, of_unwritten_attribute};
use super::{Local, freshness_headers, present};
use crate::answer::{Answers, Consistency, Demand, Question, Stale};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use headland_host::clock::BootClock;
use headland_shared::key::RecordKey;
use headland_shared::view::Model;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the API does, as OpenAPI 3.1 has it. A test makes it from the routes and the types of their answers.
const DESCRIPTION: &str = include_str!("../../openapi.json");

/// `GET /v1/openapi.json`
pub(super) async fn description() -> impl IntoResponse {
    std::future::ready(([(header::CONTENT_TYPE, "application/json")], DESCRIPTION)).await
}

/// `GET /v1/status`
pub(super) async fn status(State(local): State<Arc<Local>>, mut asked: Parameters) -> Result<Response, Refusal> {
    let demand = asked.demand()?;
    asked.finish()?;
    reading(local, demand, |local, answers| {
        let running = (local.started, local.link.counts());
        let mut status = answers.status(local.follow.clone(), Some(running))?;
        status.profile = Some(local.profile.to_string());
        Ok(status)
    })
    .await
}

/// `GET /v1/models`
pub(super) async fn all_models(State(local): State<Arc<Local>>, mut asked: Parameters) -> Result<Response, Refusal> {
    let question = asked.question(None)?;
    list(local, question, asked).await
}

/// `GET /v1/namespaces/{namespace}/models`
pub(super) async fn models(
    State(local): State<Arc<Local>>,
    InNamespace(namespace): InNamespace,
    mut asked: Parameters,
) -> Result<Response, Refusal> {
    let question = asked.question(Some(namespace))?;
    list(local, question, asked).await
}

async fn list(local: Arc<Local>, question: Question, mut asked: Parameters) -> Result<Response, Refusal> {
    let demand = asked.demand()?;
    asked.finish()?;
    let listed = question.read(None)?;
    reading(local, demand, move |_, answers| Ok(answers.models(&listed)?)).await
}

/// `GET /v1/namespaces/{namespace}/models/{name}`
pub(super) async fn model(
    State(local): State<Arc<Local>>,
    OfModel(key): OfModel,
    asked: Parameters,
) -> Result<Response, Refusal> {
    about(local, key, asked, |answers, key| Ok(answers.model(key)?)).await
}

/// The versions of a model and which of them is current.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Versions {
    versions: BTreeMap<String, headland_shared::view::VersionView>,
    current: Option<headland_shared::value::Value>,
}

/// `GET /v1/namespaces/{namespace}/models/{name}/versions`
pub(super) async fn versions(
    State(local): State<Arc<Local>>,
    OfModel(key): OfModel,
    asked: Parameters,
) -> Result<Response, Refusal> {
    let part = |model: &Model| Versions {
        versions: model.versions.clone(),
        current: model.current.clone(),
    };
    about(local, key, asked, move |answers, key| Ok(answers.part(key, part)?)).await
}

/// The aliases of a model.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Aliases {
    aliases: BTreeMap<String, headland_shared::value::Value>,
    current: Option<headland_shared::value::Value>,
}

/// `GET /v1/namespaces/{namespace}/models/{name}/aliases`
pub(super) async fn aliases(
    State(local): State<Arc<Local>>,
    OfModel(key): OfModel,
    asked: Parameters,
) -> Result<Response, Refusal> {
    let part = |model: &Model| Aliases {
        aliases: model.aliases.clone(),
        current: model.current.clone(),
    };
    about(local, key, asked, move |answers, key| Ok(answers.part(key, part)?)).await
}

/// The notes about a model.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Annotations {
    annotations: Vec<headland_shared::view::AnnotationView>,
}

/// `GET /v1/namespaces/{namespace}/models/{name}/annotations`
pub(super) async fn annotations(
    State(local): State<Arc<Local>>,
    OfModel(key): OfModel,
    asked: Parameters,
) -> Result<Response, Refusal> {
    let part = |model: &Model| Annotations {
        annotations: model.annotations.clone(),
    };
    about(local, key, asked, move |answers, key| Ok(answers.part(key, part)?)).await
}

/// `GET /v1/namespaces/{namespace}/models/{name}/usage`
pub(super) async fn usage(
    State(local): State<Arc<Local>>,
    OfModel(key): OfModel,
    asked: Parameters,
) -> Result<Response, Refusal> {
    about(local, key, asked, |answers, key| Ok(answers.usage(key)?)).await
}

/// `GET /v1/namespaces/{namespace}/models/{name}/availability`
pub(super) async fn availability(
    State(local): State<Arc<Local>>,
    OfModel(key): OfModel,
    asked: Parameters,
) -> Result<Response, Refusal> {
    about(local, key, asked, |answers, key| Ok(answers.availability(key)?)).await
}

/// `GET /v1/namespaces/{namespace}/models/{name}/why`
pub(super) async fn why(
    State(local): State<Arc<Local>>,
    OfModel(key): OfModel,
    mut asked: Parameters,
) -> Result<Response, Refusal> {
    let attribute = asked.take("attribute")?;
    let attribute = attribute.ok_or_else(|| {
        Refusal::bad_request("reading the parameters: attribute is missing; name one, such as attribute=task")
    })?;
    about(local, key, asked, move |answers, key| {
        match answers.why(key, &attribute)? {
            Some(None) => Err(of_unwritten_attribute(key, &attribute)),
            Some(Some(story)) => Ok(Some(story)),
            None => Ok(None),
        }
    })
    .await
}

/// Answers about one model.
async fn about<T: Serialize + Send + 'static>(
    local: Arc<Local>,
    key: RecordKey,
    mut asked: Parameters,
    read: impl FnOnce(&Answers<'_>, &RecordKey) -> Result<Option<T>, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let demand = asked.demand()?;
    asked.finish()?;
    reading(local, demand, move |_, answers| {
        read(answers, &key)?.ok_or_else(|| of_missing_model(&key))
    })
    .await
}

/// Answers from the store on a thread that may wait for the disk, once that is as fresh as is demanded.
pub(super) async fn reading<T: Serialize + Send + 'static>(
    local: Arc<Local>,
    demand: Demand,
    read: impl FnOnce(&Local, &Answers<'_>) -> Result<T, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let absent = match demand.consistency {
        Consistency::Strong => present::wait(&local, demand.timeout_ms).await?.err(),
        Consistency::Eventual | Consistency::Bounded => None,
    };
    on_a_reader(move || {
        let live = local.live.borrow().clone();
        let answers = Answers::new(local.store.clone(), &live, BootClock.now_ms())?;
        let answers = answers
            .demanded(&demand, absent.as_deref())
            .map_err(Stale::into_refusal)?;
        let headers = freshness_headers::of(answers.freshness());
        let body = Json(read(&local, &answers)?);
        Ok((headers, body).into_response())
    })
    .await
}

/// Does something on a thread that may wait for the disk.
pub(super) async fn on_a_reader<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(read).await {
        Ok(answer) => answer,
        Err(error) => Err(Refusal::internal(format!(
            "answering a request: {error}; look at the log"
        ))),
    }
}
