//! Why an element was not set, or is not known to be.

use super::RequestId;
use crate::following::Absent;
use crate::postgres::PgError;
use crate::registry::PutError;
use crate::registry::bridge::Unwritable;

/// Why an element was not set. Nothing has changed, except where it says that this is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetError {
    /// It is not written from here.
    #[error("setting it in the database: {0}")]
    Unwritable(#[from] Unwritable),
    /// A row holds one version.
    #[error("setting an alias in the database: it names one version there, and no list; put one version")]
    List,
    /// Too many at once, or the hub is stopping.
    #[error("setting it in the database: as many are set as may be at once, and nothing was done; try again")]
    Busy,
    /// The request is under way.
    #[error("setting it in the database: request {0} is under way; ask for what becomes of it")]
    Running(RequestId),
    /// The name was used for something else.
    #[error("setting it in the database: request {0} was another one; use a new name for each")]
    KeyUsed(RequestId),
    /// What is not known fills the memory.
    #[error(
        "setting it in the database: of too many requests it is not known what became of them; nothing was done. `headland-hub status` says how the database is"
    )]
    TooManyUnknown,
    /// The database, or what it says, is out of reach.
    #[error("setting it in the database: the registry is out of reach, and nothing was done: {0}")]
    Unreachable(Absent),
    /// Another transaction has the row.
    #[error("setting it in the database: another transaction has the row, and nothing was done: {0}; try again")]
    Locked(PgError),
    /// The database refused.
    #[error("setting it in the database, which refused, so nothing was done: {0}")]
    Refused(PgError),
    /// What is in the database is not what this hub makes of it.
    #[error(
        "setting it in the database: its row says {found}, and this hub shows {shown} of it; nothing was done. Set it in the database itself"
    )]
    Differs {
        /// What the row says.
        found: String,
        /// What is shown.
        shown: String,
    },
    /// The condition is not met, or it cannot be set.
    #[error(transparent)]
    Put(#[from] PutError),
    /// It was given up.
    #[error("setting it in the database: it was not done: {reason}; try again")]
    NotDone {
        /// Why.
        reason: String,
    },
    /// Nobody knows yet.
    #[error(
        "setting it in the database: it is not known whether it was done: {reason}. Ask again with GET /v1/requests/{request}, or look at what the element says; do not put it again under another name before"
    )]
    Unknown {
        /// The request.
        request: RequestId,
        /// Why it is not known.
        reason: String,
    },
}
