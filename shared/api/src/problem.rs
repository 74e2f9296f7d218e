//! Answers to requests that fail: `application/problem+json` (RFC 9457).

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headland_host::tables::StoreError;
use headland_shared::key::RecordKey;
use headland_shared::query::QuestionError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;

/// What the type of each problem begins with.
const KIND_PREFIX: &str = "urn:headland:problem:";
/// How much of a wrong name is repeated.
const ATTRIBUTE_CHARS_MAX: usize = 80;

/// An answer to a request that failed, as RFC 9457 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// What kind of problem: `urn:headland:problem:KIND`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was being done, to what, and the remedy.
    pub detail: String,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub more: BTreeMap<String, serde_json::Value>,
}

/// A request that was not done.
#[derive(Debug)]
pub struct Refusal(Box<Problem>);

impl Refusal {
    /// A refusal of some kind, one word with hyphens; `title` says it in words, and `detail` what was being done, to
    /// what, and the remedy.
    #[must_use]
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Display) -> Self {
        Self(Box::new(Problem {
            kind: format!("{KIND_PREFIX}{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.to_string(),
            more: BTreeMap::new(),
        }))
    }

    /// Nothing is there.
    #[must_use]
    pub fn no_such_path(path: &str) -> Self {
        let detail = format!("answering {path:?}: there is no such path; the API begins at /v1/status and /v1/models");
        Self::new(StatusCode::NOT_FOUND, "unknown-path", "No such path", detail)
    }

    /// Something is there, for other methods.
    #[must_use]
    pub fn no_such_method(method: &Method, path: &str) -> Self {
        let detail = format!("answering {path:?}: it does not take {method}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", "Wrong method", detail)
    }

    /// The request cannot be read.
    #[must_use]
    pub fn bad_request(detail: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
    }

    /// The request's body is too long.
    #[must_use]
    pub fn too_long(detail: impl Display) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-long", "Request too long", detail)
    }

    /// The program is at fault.
    #[must_use]
    pub fn internal(detail: impl Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// The model is not held. `program` finds its name.
    #[must_use]
    pub fn missing_model(key: &RecordKey, program: &str) -> Self {
        let detail = format!(
            "looking up model {key}: it is not held here; look for its name with `{program} models --query TEXT`"
        );
        Self::new(StatusCode::NOT_FOUND, "unknown-model", "Unknown model", detail)
    }

    /// The model does not have the attribute. `program` shows those that there are.
    #[must_use]
    pub fn unwritten_attribute(key: &RecordKey, attribute: &str, program: &str) -> Self {
        let attribute: String = attribute.chars().take(ATTRIBUTE_CHARS_MAX).collect();
        let detail = format!(
            "looking up attribute {attribute:?} of model {key}: nobody has written it; `{program} show` lists those that there are"
        );
        Self::new(StatusCode::NOT_FOUND, "unknown-attribute", "Unknown attribute", detail)
    }

    /// The store failed at something, as `detail` says.
    #[must_use]
    pub fn of_store(error: &StoreError, detail: impl Display) -> Self {
        match error {
            StoreError::Full => Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", "Disk full", detail),
            _ => Self::internal(detail),
        }
    }

    /// The same with another field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// Its kind, as it was made with.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.kind.strip_prefix(KIND_PREFIX).unwrap_or(&self.0.kind)
    }

    /// The problem itself.
    #[must_use]
    pub fn into_problem(self) -> Problem {
        *self.0
    }
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

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::of_store(&error, &error)
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
