//! Local writes: notes, counts and reports. Each is answered when it is durable on the device.

mod dot;
mod report;

use self::report::REPORT_BYTES_MAX;
use super::Replica;
use crate::store::{OWN_WRITES_MAX, Tables, Views, Written};
use headland_host::tables::StoreError;
use headland_shared::actor::Dot;
use headland_shared::defect::{Defect, planted};
use headland_shared::element::{NOTE_BYTES_MAX, Note, Remark, SUBJECT_BYTES_MAX, State, Tally};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{AttributeName, Region};
use headland_shared::schema::{Declaration, Rule, Writers};
use headland_shared::session::Now;
use headland_shared::stamp::Stamp;

/// The region in which an agent counts that has never heard from a hub.
const REGION_DEFAULT: &str = "main";

/// A local write that was not made. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text is empty.
    #[error("writing a note: the text is empty; say something about the model")]
    Empty,
    /// The text or its subject is too long.
    #[error("writing a note: {what} has {bytes} bytes, at most {bytes_max} are kept; shorten it")]
    TooLong {
        /// Text or subject.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// There is no such model in the cache.
    #[error("writing about model {0}: it is not in the cache; check the name with `headland-agent models`")]
    UnknownModel(RecordKey),
    /// The schema does not let devices write this.
    #[error("writing attribute {0}: the schema of this catalogue does not let devices write it")]
    NotAllowed(AttributeName),
    /// The report is empty or too long.
    #[error(
        "reporting {attribute} of model {record}: that has {bytes} bytes; say it in 1 to {REPORT_BYTES_MAX}, such as \"down\""
    )]
    UnfitReport {
        /// Of which model.
        record: RecordKey,
        /// Of which attribute.
        attribute: AttributeName,
        /// How long it is.
        bytes: usize,
    },
    /// There is no such note of this agent's.
    #[error("removing note {0}: this agent has written no such note; `headland-agent show` lists the notes")]
    UnknownNote(Dot),
    /// The agent keeps as many writes as it can.
    #[error(
        "writing: this device keeps {OWN_WRITES_MAX} notes and counts already, which is as many as it can; count on what it has counted before, or begin a new store"
    )]
    TooMany,
    /// Another request was done under the key of this one.
    #[error(
        "writing: another request has had this Idempotency-Key; use a new key for each write, and the same key and request for a retry"
    )]
    KeyUsed,
}

impl Replica {
    /// Writes a note about a model; gives its name.
    pub fn annotate(
        &mut self,
        record: &RecordKey,
        subject: Option<String>,
        text: String,
        now: Now,
    ) -> Result<Dot, WriteError> {
        check_note(subject.as_deref(), &text)?;
        let (dot, at) = self.note_dot(record, now)?;
        let note = Note {
            at,
            subject,
            text,
            extra: Vec::new(),
        };
        let element = ElementKey::Annotation(dot.clone());
        self.put(
            record,
            &element,
            State::Remark(Remark::Written(note)),
            dot.counter,
            at,
            now,
        )?;
        Ok(dot)
    }

    /// Takes an own note back.
    pub fn remove_note(&mut self, record: &RecordKey, note: &Dot, now: Now) -> Result<(), WriteError> {
        let (dot, at) = self.next_dot(now)?;
        let element = ElementKey::Annotation(note.clone());
        let known = self
            .store
            .read()?
            .own_of(&record.encoded())?
            .iter()
            .any(|write| write.element == element);
        if note.actor.name != self.actor.name || !known {
            return Err(WriteError::UnknownNote(note.clone()));
        }
        self.put(record, &element, State::Remark(Remark::Removed), dot.counter, at, now)
    }

    /// Adds to a count about a model; a negative amount takes back. Gives what this agent has counted so far.
    pub fn count(
        &mut self,
        record: &RecordKey,
        attribute: &AttributeName,
        amount: i64,
        now: Now,
    ) -> Result<Tally, WriteError> {
        let views = self.store.read()?;
        may_write(&views, attribute, Rule::Counter)?;
        let region = self.home_region();
        let element = ElementKey::Count(attribute.clone(), self.actor.clone(), region);
        let own = views
            .own_of(&record.encoded())?
            .into_iter()
            .find(|write| match &write.element {
                ElementKey::Count(name, ..) if planted(Defect::CountsAddedAgain) => name == attribute,
                other => *other == element,
            });
        let mut tally = match own.map(|write| write.state) {
            Some(State::Tally(tally)) => tally,
            _ => Tally::default(),
        };
        if amount >= 0 {
            tally.added = tally.added.saturating_add(amount.unsigned_abs());
        } else {
            tally.removed = tally.removed.saturating_add(amount.unsigned_abs());
        }
        let (dot, at) = self.next_dot(now)?;
        self.put(record, &element, State::Tally(tally), dot.counter, at, now)?;
        Ok(tally)
    }

    /// Counts belong to the region in which they were made.
    fn home_region(&self) -> Region {
        let placed = self
            .placed
            .as_ref()
            .and_then(|placed| Region::new(placed.region.clone()).ok());
        let here = self.region.clone().or(placed);
        here.unwrap_or_else(|| Region::new(REGION_DEFAULT).expect("the default region is a valid name"))
    }

    fn put(
        &mut self,
        record: &RecordKey,
        element: &ElementKey,
        state: State,
        dot: u64,
        at: Stamp,
        now: Now,
    ) -> Result<(), WriteError> {
        let key = record.encoded();
        let request = self.request;
        self.store.write(|tables: &mut Tables<'_>| {
            let written = written(element, &state);
            let element = element.encoded();
            let rewritten = tables.own(&key, &element)?.is_some();
            if !rewritten && tables.whole(&key)?.is_none() {
                return Err(WriteError::UnknownModel(record.clone()));
            }
            if !rewritten && tables.own_count()? >= OWN_WRITES_MAX {
                return Err(WriteError::TooMany);
            }
            tables.put_own(&key, &element, &state, dot, at)?;
            if let (Some(request), Some(written)) = (request, written) {
                tables.set_answered(&request, &written)?;
            }
            Ok(())
        })?;
        self.counts.changes += 1;
        self.session.written(now.mono);
        Ok(())
    }

    /// Sends what local writes made ready to be sent. Apart from the writes themselves, so that a full link never
    /// fails a write that is durable.
    pub fn flush(&mut self, now: Now) -> Result<(), StoreError> {
        self.pump(now).map_err(super::ApplyError::into_store)
    }
}

/// Whether the schema has devices write an attribute of this rule.
fn may_write(views: &Views, attribute: &AttributeName, rule: Rule) -> Result<(), WriteError> {
    let declared = views.declaration(attribute.as_str())?;
    let declared = declared.or_else(|| Declaration::built_in(attribute.as_str()));
    let may = declared.is_some_and(|declared| declared.rule == rule && declared.writers == Writers::Devices);
    may.then_some(())
        .ok_or_else(|| WriteError::NotAllowed(attribute.clone()))
}

/// What somebody who wrote this is told; nothing of what no request writes.
fn written(element: &ElementKey, state: &State) -> Option<Written> {
    match (element, state) {
        (ElementKey::Annotation(_), State::Remark(Remark::Removed)) => Some(Written::Removed),
        (ElementKey::Annotation(dot), State::Remark(Remark::Written(_))) => Some(Written::Note(dot.clone())),
        (_, State::Tally(tally)) => Some(Written::Counted(*tally)),
        (ElementKey::Attribute(_), State::Register(_)) => Some(Written::Reported),
        _ => None,
    }
}

fn check_note(subject: Option<&str>, text: &str) -> Result<(), WriteError> {
    if text.trim().is_empty() {
        return Err(WriteError::Empty);
    }
    let parts = [
        ("the text", text, NOTE_BYTES_MAX),
        ("the subject", subject.unwrap_or(""), SUBJECT_BYTES_MAX),
    ];
    for (what, part, bytes_max) in parts {
        if part.len() > bytes_max {
            let bytes = part.len();
            return Err(WriteError::TooLong { what, bytes, bytes_max });
        }
    }
    Ok(())
}
