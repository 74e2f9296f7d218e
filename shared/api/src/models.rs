//! The part of the API that asks about models: the same at every program that holds a catalogue.

use crate::answer::{Aliases, Annotations, Versions};
use crate::parameters::{InNamespace, OfModel, Parameters};
use crate::problem::Refusal;
use crate::route::{Route, get};
use crate::telling::Telling;
use axum::extract::State;
use axum::response::Response;
use headland_host::tables::StoreError;
use headland_shared::key::RecordKey;
use headland_shared::query::{Catalogue, Question};
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;

/// A program that holds a catalogue.
pub trait Library: Send + Sync + Sized + 'static {
    /// What its command line is called.
    const PROGRAM: &'static str;
    /// One moment of its store.
    type Moment: Catalogue<Error = StoreError>;
    /// What it says of how fresh an answer is.
    type Freshness: Serialize + Clone + Send + 'static;

    /// Takes the parameters that are left, has `read` answer from one moment, on a thread that may wait for the disk, and
    /// sends that.
    fn answer<T: Serialize + Send + 'static>(
        self: Arc<Self>,
        asked: Parameters,
        read: impl FnOnce(&Telling<'_, Self::Moment, Self::Freshness>) -> Result<T, Refusal> + Send + 'static,
    ) -> impl Future<Output = Result<Response, Refusal>> + Send;
}

/// What there is to ask about models.
#[must_use]
pub fn routes<L: Library>() -> Vec<Route<L>> {
    vec![
        get("/v1/models", all_models::<L>),
        get("/v1/namespaces/{namespace}/models", models::<L>),
        get("/v1/namespaces/{namespace}/models/{name}", model::<L>),
        get("/v1/namespaces/{namespace}/models/{name}/versions", versions::<L>),
        get("/v1/namespaces/{namespace}/models/{name}/aliases", aliases::<L>),
        get("/v1/namespaces/{namespace}/models/{name}/annotations", annotations::<L>),
        get("/v1/namespaces/{namespace}/models/{name}/usage", usage::<L>),
        get(
            "/v1/namespaces/{namespace}/models/{name}/availability",
            availability::<L>,
        ),
        get("/v1/namespaces/{namespace}/models/{name}/why", why::<L>),
    ]
}

type Answer = Result<Response, Refusal>;

async fn all_models<L: Library>(State(library): State<Arc<L>>, mut asked: Parameters) -> Answer {
    let namespace = asked.take("namespace")?;
    let question = asked.question(namespace)?;
    list(library, question, asked).await
}

async fn models<L: Library>(
    State(library): State<Arc<L>>,
    InNamespace(namespace): InNamespace,
    mut asked: Parameters,
) -> Answer {
    let question = asked.question(Some(namespace))?;
    list(library, question, asked).await
}

async fn list<L: Library>(library: Arc<L>, question: Question, asked: Parameters) -> Answer {
    let listed = question.read(None)?;
    library.answer(asked, move |told| Ok(told.models(&listed)?)).await
}

async fn model<L: Library>(State(library): State<Arc<L>>, OfModel(key): OfModel, asked: Parameters) -> Answer {
    about(library, key, asked, |told, key| Ok(told.model(key)?)).await
}

async fn versions<L: Library>(State(library): State<Arc<L>>, OfModel(key): OfModel, asked: Parameters) -> Answer {
    about(library, key, asked, |told, key| Ok(told.part::<Versions>(key)?)).await
}

async fn aliases<L: Library>(State(library): State<Arc<L>>, OfModel(key): OfModel, asked: Parameters) -> Answer {
    about(library, key, asked, |told, key| Ok(told.part::<Aliases>(key)?)).await
}

async fn annotations<L: Library>(State(library): State<Arc<L>>, OfModel(key): OfModel, asked: Parameters) -> Answer {
    about(library, key, asked, |told, key| Ok(told.part::<Annotations>(key)?)).await
}

async fn usage<L: Library>(State(library): State<Arc<L>>, OfModel(key): OfModel, asked: Parameters) -> Answer {
    about(library, key, asked, |told, key| Ok(told.usage(key)?)).await
}

async fn availability<L: Library>(State(library): State<Arc<L>>, OfModel(key): OfModel, asked: Parameters) -> Answer {
    about(library, key, asked, |told, key| Ok(told.availability(key)?)).await
}

async fn why<L: Library>(State(library): State<Arc<L>>, OfModel(key): OfModel, mut asked: Parameters) -> Answer {
    let attribute = asked.take("attribute")?;
    let attribute = attribute.ok_or_else(|| {
        Refusal::bad_request("reading the parameters: attribute is missing; name one, such as attribute=task")
    })?;
    about(library, key, asked, move |told, key| {
        match told.why(key, &attribute)? {
            Some(None) => Err(Refusal::unwritten_attribute(key, &attribute, L::PROGRAM)),
            Some(Some(story)) => Ok(Some(story)),
            None => Ok(None),
        }
    })
    .await
}

/// Answers about one model.
async fn about<L: Library, T: Serialize + Send + 'static>(
    library: Arc<L>,
    key: RecordKey,
    asked: Parameters,
    read: impl FnOnce(&Telling<'_, L::Moment, L::Freshness>, &RecordKey) -> Result<Option<T>, Refusal> + Send + 'static,
) -> Answer {
    let read = move |told: &Telling<'_, L::Moment, L::Freshness>| {
        read(told, &key)?.ok_or_else(|| Refusal::missing_model(&key, L::PROGRAM))
    };
    library.answer(asked, read).await
}
