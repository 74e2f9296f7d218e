//! What people and programs on the device write.

use crate::replica::{Replica, WriteError};
use crate::store::Written;
use headland_shared::actor::Dot;
use headland_shared::digest::hash_128;
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
    /// Whether a model can be used here; nothing takes back what was said of it.
    Report {
        record: RecordKey,
        availability: Option<String>,
    },
}

impl LocalWrite {
    /// The hash of all that this asks for, by which a retry is told from another request.
    pub(crate) fn content(&self) -> u128 {
        match self {
            Self::Annotate { record, subject, text } => {
                let subject = subject.as_ref().map_or(vec![], |subject| vec![subject.as_bytes()]);
                let record = record.encoded();
                let parts = [&[b"note".as_slice(), &record, text.as_bytes()], subject.as_slice()];
                hash_128(&parts.concat())
            }
            Self::RemoveNote { record, note } => {
                let mut dot = Vec::new();
                note.encode(&mut dot);
                hash_128(&[b"removal", &record.encoded(), &dot])
            }
            Self::Count { record, amount } => hash_128(&[b"count", &record.encoded(), &amount.to_be_bytes()]),
            Self::Report { record, availability } => {
                let said = availability.as_ref().map_or(vec![], |said| vec![said.as_bytes()]);
                let record = record.encoded();
                hash_128(&[&[b"report".as_slice(), &record], said.as_slice()].concat())
            }
        }
    }

    /// Makes the write durable.
    pub(crate) fn perform(self, replica: &mut Replica, now: Now) -> Result<Written, WriteError> {
        match self {
            Self::Annotate { record, subject, text } => {
                replica.annotate(&record, subject, text, now).map(Written::Note)
            }
            Self::RemoveNote { record, note } => replica.remove_note(&record, &note, now).map(|()| Written::Removed),
            Self::Count { record, amount } => replica.count(&record, &usage(), amount, now).map(Written::Counted),
            Self::Report { record, availability } => replica
                .report(&record, &self::availability(), availability, now)
                .map(|()| Written::Reported),
        }
    }
}

/// The attribute by which every catalogue says whether a model can be used.
fn availability() -> AttributeName {
    AttributeName::new("availability").expect("a word is a valid attribute name")
}

/// The attribute that every catalogue counts uses by.
fn usage() -> AttributeName {
    AttributeName::new("usage").expect("a word is a valid attribute name")
}
