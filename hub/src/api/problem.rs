//! What the hub's requests fail by, beside what any API here does.

use crate::operation::OperationError;
use axum::http::StatusCode;
use headland_api::problem::Refusal;

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

impl From<OperationError> for Refusal {
    fn from(error: OperationError) -> Self {
        if error.is_internal() {
            return match &error {
                OperationError::Store(failed) => Self::of_store(failed, &error),
                _ => Self::internal(error),
            };
        }
        let (kind, title) = match &error {
            OperationError::Follows(_) => ("follows-another", "The registry is another hub's"),
            OperationError::NotFollowing | OperationError::NothingHeld => ("nothing-held", "Nothing is held"),
            OperationError::Revert(_) => ("revert-refused", "Revert refused"),
            OperationError::Agent(_) => ("unknown-agent", "Unknown agent"),
            _ => ("import-refused", "Import refused"),
        };
        Self::new(StatusCode::CONFLICT, kind, title, error)
    }
}
