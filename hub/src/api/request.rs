//! Requests that set an element in the database: under a name, by which can be asked later what became of them.

use super::Local;
use super::condition::tag_of;
use super::element::{stale, tagged};
use super::puts::RefusedAs;
use crate::answer::{RequestState, RequestTold, WasPut};
use crate::opening::now;
use crate::registrar::{Done, Outcome, Registrar, Request, RequestId, SetError, Stage};
use crate::registry::{Put, PutError};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use headland_api::parameters::Parameters;
use headland_api::problem::Refusal;
use std::sync::Arc;

pub(super) const REQUEST: &str = "/v1/requests/{request}";

/// The headers that name a request: the one that others have, and the one that answers have.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The name that a request carries, if it does.
#[derive(Debug)]
pub(super) struct Named(Option<RequestId>);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let mut named = None;
        for header in [IDEMPOTENCY_KEY, REQUEST_ID] {
            for value in parts.headers.get_all(&header) {
                let wrong = |what: &dyn std::fmt::Display| Refusal::bad_request(format!("reading {header}: {what}"));
                let text = value.to_str().map_err(|error| wrong(&error))?;
                let read = RequestId::read(text).map_err(|error| wrong(&error))?;
                if named.replace(read.clone()).is_some_and(|before| before != read) {
                    return Err(wrong(&"the request has another name already; say one"));
                }
            }
        }
        Ok(Self(named))
    }
}

/// Sets an element in the database. What it was refused with names the request too.
pub(super) async fn set(local: &Local, registrar: &Registrar, put: Put, named: Named) -> Result<Response, Refusal> {
    let request = match named.0 {
        Some(request) => request,
        None => RequestId::random().map_err(Refusal::internal)?,
    };
    let header = HeaderValue::from_str(request.as_str()).map_err(Refusal::internal)?;
    let (record, element) = (put.record.clone(), put.assertion.element());
    let mut response = match registrar.set(put, request).await {
        Ok(Done {
            outcome: Outcome::Shown { word, seq },
            ..
        }) => tagged(&element, word, |part| WasPut {
            namespace: record.namespace.to_string(),
            name: record.name.to_string(),
            part,
            seq,
        }),
        Ok(Done {
            outcome: Outcome::Committed,
            request,
        }) => {
            let known = registrar.ledger().request(&request);
            (StatusCode::ACCEPTED, Json(told(&request, known))).into_response()
        }
        Err(SetError::Put(error @ PutError::Stale { .. })) => stale(error),
        Err(error) => {
            let refusal = refused(local, error);
            let kind = RefusedAs(refusal.kind().to_owned());
            let mut response = refusal.into_response();
            response.extensions_mut().insert(kind);
            response
        }
    };
    response.headers_mut().insert(REQUEST_ID, header);
    Ok(response)
}

/// `GET /v1/requests/{request}`
pub(super) async fn request(
    State(local): State<Arc<Local>>,
    at: Result<Path<String>, PathRejection>,
    asked: Parameters,
) -> Result<Json<RequestTold>, Refusal> {
    let Path(name) = at.map_err(|error| Refusal::bad_request(error.body_text()))?;
    asked.finish()?;
    let read = RequestId::read(&name);
    let id = read.map_err(|error| Refusal::bad_request(format!("reading the request's name: {error}")))?;
    let known = local.registrar.as_ref().and_then(|one| one.ledger().request(&id));
    match known {
        Some(known) => std::future::ready(Ok(Json(told(&id, Some(known))))).await,
        None => Err(unknown(&id)),
    }
}

fn unknown(request: &RequestId) -> Refusal {
    let detail = format!(
        "looking up request {request}: this hub does not know it: it was not made here, or longer ago than the latest thousand, or the hub ended before it had asked the database to commit, so that nothing was done; look at what the element says"
    );
    Refusal::new(StatusCode::NOT_FOUND, "unknown-request", "Unknown request", detail)
}

fn told(id: &RequestId, known: Option<Request>) -> RequestTold {
    let (put, stage) = known.map_or((None, Stage::Committed), |known| (known.put, known.stage));
    let (state, detail, landed) = match stage {
        Stage::Running => (RequestState::Running, None, None),
        Stage::Committed => (RequestState::Committed, None, None),
        Stage::Landed(landed) => (RequestState::Done, None, Some(landed)),
        Stage::Superseded => {
            let detail = "it was done, and something else has been said since".to_owned();
            (RequestState::Done, Some(detail), None)
        }
        Stage::NotDone { reason } => (RequestState::NotDone, Some(reason), None),
        Stage::Unknown { reason } => (RequestState::Unknown, Some(reason), None),
    };
    RequestTold {
        request: id.to_string(),
        state,
        detail,
        namespace: put.as_ref().map(|put| put.record.namespace.to_string()),
        name: put.as_ref().map(|put| put.record.name.to_string()),
        element: put.as_ref().map(|put| put.assertion.element().to_string()),
        etag: landed.map(|landed| tag_of(landed.position)),
        seq: landed.and_then(|landed| landed.seq),
    }
}

/// Why it was not set, with how the registry stands.
fn refused(local: &Local, error: SetError) -> Refusal {
    let new = |status, kind, title| Refusal::new(status, kind, title, &error);
    let follow = || {
        let told = local.follower.as_ref().map(|follower| follower.told(now().mono));
        serde_json::to_value(told).unwrap_or_default()
    };
    match &error {
        SetError::Unwritable(_) | SetError::List => {
            new(StatusCode::CONFLICT, "write-unsupported", "Not written from here").with("follow", follow())
        }
        SetError::Busy | SetError::TooManyUnknown => new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy"),
        SetError::Locked(_) => new(
            StatusCode::SERVICE_UNAVAILABLE,
            "row-locked",
            "Somebody else has the row",
        ),
        SetError::Running(request) => {
            new(StatusCode::CONFLICT, "request-running", "Under way").with("request", request.as_str())
        }
        SetError::KeyUsed(_) => new(StatusCode::UNPROCESSABLE_ENTITY, "key-used", "Key used before"),
        SetError::Unreachable(absent) => {
            let (age_ms, reason) = (absent.age_ms, absent.reason.clone());
            new(
                StatusCode::SERVICE_UNAVAILABLE,
                "registry-unreachable",
                "The registry is out of reach",
            )
            .with("age_ms", age_ms)
            .with("reason", reason)
            .with("follow", follow())
        }
        SetError::Refused(_) => new(StatusCode::CONFLICT, "registry-refused", "The registry refused"),
        SetError::Differs { .. } => new(StatusCode::CONFLICT, "row-differs", "The row says something else"),
        SetError::NotDone { .. } => new(StatusCode::SERVICE_UNAVAILABLE, "not-done", "Not done"),
        SetError::Unknown { request, .. } => {
            let ask = format!("/v1/requests/{request}");
            new(StatusCode::GATEWAY_TIMEOUT, "outcome-unknown", "The outcome is unknown")
                .with("request", request.as_str())
                .with("ask", ask)
        }
        SetError::Put(_) => match error {
            SetError::Put(error) => crate::operation::OperationError::Put(error).into(),
            other => Refusal::internal(other),
        },
    }
}
