//! Why a session with the database ended.

use crate::postgres::PgError;
use crate::registry::bridge::{BridgeError, SpoolError};
use crate::registry::follow::Held;
use crate::replica::CommitError;

/// Why everything must be read anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recopy {
    /// For the log.
    pub(super) why: String,
    /// Whether the database has gone another way than what is held here.
    pub(super) diverged: bool,
}

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The replica is gone: the program ends.
    Gone,
    /// The server did not do what was asked.
    Postgres(PgError),
    /// Somebody must mend something.
    Halt(String),
    /// Everything must be read anew.
    Recopy(Recopy),
    /// Too much would go.
    Held(Held),
    /// It was not applied, and may be later.
    Refused(String),
}

impl Ending {
    /// Everything must be read anew, of the same history.
    pub(super) fn recopy(why: impl Into<String>) -> Self {
        let (why, diverged) = (why.into(), false);
        Self::Recopy(Recopy { why, diverged })
    }

    /// Everything must be read anew: it is another history.
    pub(super) fn diverged(why: impl Into<String>) -> Self {
        let (why, diverged) = (why.into(), true);
        Self::Recopy(Recopy { why, diverged })
    }
}

impl From<PgError> for Ending {
    fn from(error: PgError) -> Self {
        Self::Postgres(error)
    }
}

impl From<SpoolError> for Ending {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Io { .. } => Self::Refused(error.to_string()),
            SpoolError::TooLong => Self::Halt(error.to_string()),
        }
    }
}

impl From<BridgeError> for Ending {
    fn from(error: BridgeError) -> Self {
        match error {
            BridgeError::Held(held) => Self::Held(held),
            BridgeError::Gap => Self::recopy(error.to_string()),
            BridgeError::Spool(error) => error.into(),
            BridgeError::Store(_) | BridgeError::Commit(CommitError::Store(_) | CommitError::Stored { .. }) => {
                Self::Refused(error.to_string())
            }
            BridgeError::Commit(_) => Self::Halt(error.to_string()),
        }
    }
}
