//! What people and programs on the device write.

use crate::replica::{Replica, WriteError};
use headland_shared::actor::Dot;
use headland_shared::element::Tally;
use headland_shared::key::RecordKey;
use headland_shared::name::AttributeName;
use headland_shared::session::Now;

/// One write.
#[derive(Debug, Clone)]
pub(crate) enum LocalWrite {
    /// A note about a model.
    Annotate {
        record: RecordKey,
        subject: Option<String>,
        text: String,
    },
    /// An own note is taken back.
    RemoveNote { record: RecordKey, note: Dot },
    /// Uses of a model are counted; a negative amount takes back.
    Count { record: RecordKey, amount: i64 },
}

/// What a write made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Written {
    /// The note.
    Note(Dot),
    /// A note is gone.
    Removed,
    /// What this device has counted.
    Counted(Tally),
}

impl LocalWrite {
    /// Makes the write durable.
    pub(crate) fn perform(self, replica: &mut Replica, now: Now) -> Result<Written, WriteError> {
        match self {
            Self::Annotate { record, subject, text } => {
                replica.annotate(&record, subject, text, now).map(Written::Note)
            }
            Self::RemoveNote { record, note } => replica.remove_note(&record, &note, now).map(|()| Written::Removed),
            Self::Count { record, amount } => replica.count(&record, &usage(), amount, now).map(Written::Counted),
        }
    }
}

/// The attribute that every catalogue counts uses by.
fn usage() -> AttributeName {
    AttributeName::new("usage").expect("a word is a valid attribute name")
}
