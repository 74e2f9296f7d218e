//! What the agent's requests fail by, beside what any API here does.

use crate::replica::WriteError;
use axum::http::StatusCode;
use headland_api::problem::Refusal;

/// The replica has no room for a write.
pub(super) fn busy() -> Refusal {
    let detail = "writing: the agent is busy with what comes from its hub; try again";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy", detail)
}

/// The budget of bytes does not allow it now.
pub(super) fn over_budget(detail: String) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "over-budget", "Over budget", detail)
}

/// The hub was not heard in time.
pub(super) fn not_in_step(detail: String) -> Refusal {
    Refusal::new(StatusCode::GATEWAY_TIMEOUT, "not-in-step", "Not in step", detail)
}

/// There are as many watches as there may be.
pub(super) fn too_many_watches(watches_max: usize) -> Refusal {
    let detail = format!("watching: {watches_max} watches are open, which is as many as there may be; end one");
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too-many-watches",
        "Too many watches",
        detail,
    )
}

/// The agent ends.
pub(super) fn stopping(doing: &str) -> Refusal {
    let detail = format!("{doing}: the agent is stopping, and this was not done; try again once it runs");
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "Stopping", detail)
}

/// The refusal of a write that the replica did not make.
pub(crate) fn of_write(error: WriteError) -> Refusal {
    let (status, kind, title) = match &error {
        WriteError::Store(failed) => return Refusal::of_store(failed, &error),
        WriteError::Empty => (StatusCode::UNPROCESSABLE_ENTITY, "empty-note", "Empty note"),
        WriteError::TooLong { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "long-note", "Note too long"),
        WriteError::UnfitReport { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "unfit-report", "Unfit report"),
        WriteError::UnknownModel(_) => (StatusCode::NOT_FOUND, "unknown-model", "Unknown model"),
        WriteError::UnknownNote(_) => (StatusCode::NOT_FOUND, "unknown-note", "Unknown note"),
        WriteError::NotAllowed(_) => (StatusCode::FORBIDDEN, "not-allowed", "Not allowed"),
        WriteError::KeyUsed => (StatusCode::UNPROCESSABLE_ENTITY, "key-used", "Key used before"),
        WriteError::TooMany => (StatusCode::INSUFFICIENT_STORAGE, "too-many-writes", "Too many writes"),
    };
    Refusal::new(status, kind, title, error)
}
