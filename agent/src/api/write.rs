//! Writing requests.

use super::Local;
use super::idempotency::Key;
use super::problem::{busy, of_write, stopping};
use crate::answer::{Counted, NoteWritten, Reported};
use crate::driver::{Input, LocalWrite};
use crate::store::Written;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use headland_api::model_key;
use headland_api::problem::Refusal;
use headland_shared::view::{annotation_id, parse_annotation_id};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::mpsc::TrySendError;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often and how soon a write is offered again to a driver whose inbox is full: a burst from the hub is over
/// within a second, and no caller should wait for longer without a word.
const OFFERS_MAX: u32 = 50;
const OFFER_AGAIN_MS: u64 = 20;

/// A note to write.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct NewNote {
    text: String,
    subject: Option<String>,
}

/// Uses to count.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Uses {
    #[serde(default = "one")]
    amount: i64,
}

/// Whether a model can be used here.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    /// Such as "up", "degraded" or "down"; null takes back what this device has said.
    #[serde(deserialize_with = "Option::deserialize")]
    #[cfg_attr(test, schemars(required, extend("type" = ["string", "null"])))]
    availability: Option<String>,
}

const fn one() -> i64 {
    1
}

type At<T> = Result<Path<T>, PathRejection>;
type Body = Result<Bytes, BytesRejection>;

/// `POST /v1/namespaces/{namespace}/models/{name}/annotations`
pub(super) async fn annotate(
    State(local): State<Arc<Local>>,
    key: Key,
    at: At<(String, String)>,
    body: Body,
) -> Result<(StatusCode, Json<NoteWritten>), Refusal> {
    let Path((namespace, name)) = at.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let note: NewNote = read("a note", body)?;
    let write = LocalWrite::Annotate {
        record: model_key(&namespace, &name).map_err(Refusal::bad_request)?,
        subject: note.subject,
        text: note.text,
    };
    match perform(&local, &key, write).await? {
        Written::Note(dot) => Ok((
            StatusCode::CREATED,
            Json(NoteWritten {
                id: annotation_id(&dot),
            }),
        )),
        other => Err(unexpected(&other)),
    }
}

/// `DELETE /v1/namespaces/{namespace}/models/{name}/annotations/{id}`
pub(super) async fn remove_note(
    State(local): State<Arc<Local>>,
    key: Key,
    at: At<(String, String, String)>,
) -> Result<StatusCode, Refusal> {
    let Path((namespace, name, id)) = at.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let note = parse_annotation_id(&id)
        .ok_or_else(|| Refusal::bad_request(format!("removing note {id:?}: that is no id of a note")))?;
    let record = model_key(&namespace, &name).map_err(Refusal::bad_request)?;
    perform(&local, &key, LocalWrite::RemoveNote { record, note }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/namespaces/{namespace}/models/{name}/usage`
pub(super) async fn count(
    State(local): State<Arc<Local>>,
    key: Key,
    at: At<(String, String)>,
    body: Body,
) -> Result<Json<Counted>, Refusal> {
    let Path((namespace, name)) = at.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let empty = matches!(&body, Ok(bytes) if bytes.is_empty());
    let uses = if empty {
        Uses { amount: one() }
    } else {
        read("an amount", body)?
    };
    let record = model_key(&namespace, &name).map_err(Refusal::bad_request)?;
    let write = LocalWrite::Count {
        record,
        amount: uses.amount,
    };
    match perform(&local, &key, write).await? {
        Written::Counted(tally) => Ok(Json(Counted {
            added: tally.added,
            removed: tally.removed,
        })),
        other => Err(unexpected(&other)),
    }
}

/// `POST /v1/namespaces/{namespace}/models/{name}/availability`
pub(super) async fn report(
    State(local): State<Arc<Local>>,
    key: Key,
    at: At<(String, String)>,
    body: Body,
) -> Result<Json<Reported>, Refusal> {
    let Path((namespace, name)) = at.map_err(|error| Refusal::bad_request(error.body_text()))?;
    let Report { availability } = read("a report", body)?;
    let record = model_key(&namespace, &name).map_err(Refusal::bad_request)?;
    let reported = availability.clone();
    match perform(&local, &key, LocalWrite::Report { record, availability }).await? {
        Written::Reported => Ok(Json(Reported { reported })),
        other => Err(unexpected(&other)),
    }
}

fn read<T: DeserializeOwned>(what: &str, body: Body) -> Result<T, Refusal> {
    let bytes = bytes_of(what, body)?;
    serde_json::from_slice(&bytes).map_err(|error| Refusal::bad_request(format!("reading {what}: {error}")))
}

/// The body of a request, if all of it came and it is not too long.
pub(super) fn bytes_of(what: &str, body: Body) -> Result<Bytes, Refusal> {
    body.map_err(|error| {
        let detail = format!("reading {what}: {}", error.body_text());
        match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::too_long(detail),
            _ => Refusal::bad_request(detail),
        }
    })
}

/// Has the driver make a write, and waits until it is durable.
async fn perform(local: &Local, key: &Key, write: LocalWrite) -> Result<Written, Refusal> {
    let (answer, answered) = oneshot::channel();
    let request = key.request(&write);
    let mut input = Input::Write(write, request, answer);
    let mut offers = 0;
    loop {
        match local.inlet.try_put(input) {
            Ok(()) => break,
            Err(TrySendError::Disconnected(_)) => return Err(stopping("writing")),
            Err(TrySendError::Full(_)) if offers == OFFERS_MAX => return Err(busy()),
            Err(TrySendError::Full(back)) => input = back,
        }
        offers += 1;
        tokio::time::sleep(Duration::from_millis(OFFER_AGAIN_MS)).await;
    }
    let written = answered.await.map_err(|_| stopping("writing"))?;
    written.map_err(of_write)
}

fn unexpected(written: &Written) -> Refusal {
    Refusal::internal(format!("writing: the replica answered {written:?} to something else"))
}
