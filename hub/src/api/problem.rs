//! What the hub's requests fail by, beside what any API here does.

use super::condition::tag_of;
use crate::operation::OperationError;
use crate::program::PROGRAM;
use crate::registry::{Element, PutError};
use axum::http::StatusCode;
use headland_api::problem::Refusal;
use headland_shared::key::RecordKey;

/// The replica has no room for a request, or is gone.
pub(super) fn busy() -> Refusal {
    let detail = "asking the replica: the hub is busy or stopping, and nothing was done; try again";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy", detail)
}

/// The hub has never heard of an agent.
pub(super) fn unknown_agent(name: &str) -> Refusal {
    let detail = format!("looking up agent {name}: the hub has never heard of it; `headland-hub agents` lists them");
    Refusal::new(StatusCode::NOT_FOUND, "unknown-agent", "Unknown agent", detail)
}

/// The registry says nothing of an element.
pub(super) fn not_set(record: &RecordKey, element: &Element) -> Refusal {
    let detail = format!(
        "looking up {element} of model {record}: the registry says nothing of it; PUT with If-None-Match: * sets it"
    );
    Refusal::new(StatusCode::NOT_FOUND, "not-set", "Not set", detail)
}

/// The registry did not say what a put wanted.
fn put_refused(error: &PutError) -> Refusal {
    let conflict = |kind, title| Refusal::new(StatusCode::CONFLICT, kind, title, error);
    match error {
        PutError::UnknownModel { subject } => Refusal::missing_model(&subject.record, PROGRAM),
        PutError::UnknownVersion { .. } => conflict("unknown-version", "Unknown version"),
        PutError::Revoked { .. } => conflict("revoked", "Revoked"),
        PutError::Stale { present, .. } => {
            let present = present.as_ref();
            let value = present.and_then(|word| serde_json::to_value(&word.value).ok());
            let etag = present.map(|word| tag_of(word.position));
            Refusal::new(StatusCode::PRECONDITION_FAILED, "stale", "Changed meanwhile", error)
                .with("present", value)
                .with("etag", etag)
        }
        PutError::Commit(_) | PutError::Store(_) => conflict("put-refused", "Put refused"),
    }
}

impl From<OperationError> for Refusal {
    fn from(error: OperationError) -> Self {
        if error.is_internal() {
            return match &error {
                OperationError::Store(failed) => Self::of_store(failed, &error),
                _ => Self::internal(error),
            };
        }
        let (kind, title) = match &error {
            OperationError::Put(error) => return put_refused(error),
            OperationError::Follows(_) => ("follows-another", "The registry is not this hub's own"),
            OperationError::NotFollowing | OperationError::NothingHeld => ("nothing-held", "Nothing is held"),
            OperationError::Revert(_) => ("revert-refused", "Revert refused"),
            OperationError::Agent(_) => ("unknown-agent", "Unknown agent"),
            _ => ("import-refused", "Import refused"),
        };
        Self::new(StatusCode::CONFLICT, kind, title, error)
    }
}
