//! Why something that the hub sent could not be applied.

use headland_host::tables::StoreError;
use headland_shared::bytes::DecodeError;

/// What was sent could not be applied. The transaction was given up whole.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The delta cannot be read.
    #[error("applying what the hub sent: {0}; asking for everything anew")]
    Delta(#[from] DecodeError),
    /// The delta uses a number that was never introduced.
    #[error("applying what the hub sent: {what} {number} was never introduced; asking for everything anew")]
    UnknownNumber {
        /// Of what.
        what: &'static str,
        /// The number.
        number: u32,
    },
    /// The hub takes a record for whole that is a stub here, or the other way round.
    #[error(
        "applying what the hub sent: a record that the filter left out changed as if it were here; asking for everything anew"
    )]
    Filtered,
    /// What was compared does not fit what is held.
    #[error("mending what differs from the hub: what is held here does not add up; asking for everything anew")]
    Kept,
    /// The catch-up would delete much, and the hub does not claim to have everything.
    #[error("resync held: it would delete {deletes} of {records} records, and the hub is not complete yet")]
    Held {
        /// Records that would go.
        deletes: u64,
        /// Records that are held.
        records: u64,
    },
}

impl ApplyError {
    /// Whether the cursors are not to be trusted any more.
    pub(in crate::replica) fn is_distrust(&self) -> bool {
        matches!(
            self,
            Self::Delta(_) | Self::UnknownNumber { .. } | Self::Filtered | Self::Kept
        )
    }

    /// For calls in which only the store can fail for good: the rest was counted and is asked for anew.
    pub(in crate::replica) fn into_store(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            other => StoreError::corrupt("staging-1", other),
        }
    }
}
