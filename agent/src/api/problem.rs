//! Answers to requests that fail: `application/problem+json`.

use crate::answer::{Problem, QuestionError, Stale};
use crate::replica::WriteError;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headland_host::tables::StoreError;
use headland_shared::key::RecordKey;
use std::collections::BTreeMap;
use std::fmt::Display;

/// What the type of each problem begins with.
const KIND_PREFIX: &str = "urn:headland:problem:";
/// How much of a wrong name is repeated.
const ATTRIBUTE_CHARS_MAX: usize = 80;

/// A request that was not done.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Problem>);

impl Refusal {
    fn new(status: StatusCode, kind: &str, title: &str, detail: impl Display) -> Self {
        Self(Box::new(Problem {
            kind: format!("{KIND_PREFIX}{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.to_string(),
            more: BTreeMap::new(),
        }))
    }

    pub(super) fn no_such_path(path: &str) -> Self {
        let detail = format!("answering {path:?}: there is no such path; the API begins at /v1/status and /v1/models");
        Self::new(StatusCode::NOT_FOUND, "unknown-path", "No such path", detail)
    }

    pub(super) fn no_such_method(method: &Method, path: &str) -> Self {
        let detail = format!("answering {path:?}: it does not take {method}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "Wrong method", detail)
    }

    pub(super) fn bad_request(detail: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
    }

    pub(super) fn too_long(detail: impl Display) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "Request too long", detail)
    }

    pub(super) fn busy() -> Self {
        let detail = "writing: the agent is busy with what comes from its hub; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy", detail)
    }

    pub(super) fn too_many_watches(watches_max: usize) -> Self {
        let detail = format!("watching: {watches_max} watches are open, which is as many as there may be; end one");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too-many-watches",
            "Too many watches",
            detail,
        )
    }

    pub(super) fn stopping(doing: &str) -> Self {
        let detail = format!("{doing}: the agent is stopping, and this was not done; try again once it runs");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "Stopping", detail)
    }

    /// The budget of bytes does not allow it now.
    pub(super) fn over_budget(detail: String) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "over-budget", "Over budget", detail)
    }

    /// The hub was not heard in time.
    pub(super) fn not_in_step(detail: String) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "not-in-step", "Not in step", detail)
    }

    pub(super) fn internal(detail: impl Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// The problem itself.
    pub(crate) fn into_problem(self) -> Problem {
        *self.0
    }
}

/// The refusal of a model that is not held.
pub(crate) fn of_missing_model(key: &RecordKey) -> Refusal {
    let detail = format!(
        "looking up model {key}: it is not in the cache; look for its name with `headland-agent models --query TEXT`"
    );
    Refusal::new(StatusCode::NOT_FOUND, "unknown-model", "Unknown model", detail)
}

/// The refusal of an attribute that a model does not have.
pub(crate) fn of_unwritten_attribute(key: &RecordKey, attribute: &str) -> Refusal {
    let attribute: String = attribute.chars().take(ATTRIBUTE_CHARS_MAX).collect();
    let detail = format!(
        "looking up attribute {attribute:?} of model {key}: nobody has written it; `headland-agent show` lists those that there are"
    );
    Refusal::new(StatusCode::NOT_FOUND, "unknown-attribute", "Unknown attribute", detail)
}

impl From<QuestionError> for Refusal {
    fn from(error: QuestionError) -> Self {
        let refusal = match &error {
            QuestionError::Query { .. } => Self::new(StatusCode::BAD_REQUEST, "bad-query", "Bad query", &error),
            _ => return Self::bad_request(error),
        };
        match error {
            QuestionError::Query { parameter, error } => refusal
                .with("parameter", parameter)
                .with("position", error.at)
                .with("expected", error.expected)
                .with("found", error.found),
            _ => refusal,
        }
    }
}

impl Stale {
    /// The refusal of an answer that is not as fresh as it must be.
    pub(crate) fn into_refusal(self) -> Refusal {
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stale", "Not fresh enough", &self);
        refusal
            .with("age_ms", self.age_ms)
            .with("max_staleness_ms", self.max_staleness_ms)
            .with("consistency", self.consistency.name())
            .with("reason", self.reason)
    }
}

/// The refusal of a write that the replica did not make.
pub(crate) fn of_write(error: WriteError) -> Refusal {
    let (status, kind, title) = match &error {
        WriteError::Store(_) => return of_store(&error),
        WriteError::Empty => (StatusCode::UNPROCESSABLE_ENTITY, "empty-note", "Empty note"),
        WriteError::TooLong { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "long-note", "Note too long"),
        WriteError::UnknownModel(_) => (StatusCode::NOT_FOUND, "unknown-model", "Unknown model"),
        WriteError::UnknownNote(_) => (StatusCode::NOT_FOUND, "unknown-note", "Unknown note"),
        WriteError::NotAllowed(_) => (StatusCode::FORBIDDEN, "not-allowed", "Not allowed"),
        WriteError::KeyUsed => (StatusCode::UNPROCESSABLE_ENTITY, "key-used", "Key used before"),
        WriteError::TooMany => (StatusCode::INSUFFICIENT_STORAGE, "too-many-writes", "Too many writes"),
    };
    Refusal::new(status, kind, title, error)
}

fn of_store(error: &WriteError) -> Refusal {
    if matches!(error, WriteError::Store(StoreError::Full)) {
        return Refusal::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", "Disk full", error);
    }
    Refusal::internal(error)
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        of_store(&WriteError::Store(error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match serde_json::to_vec(&self.0) {
            Ok(body) => (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response(),
            Err(_) => status.into_response(),
        }
    }
}
