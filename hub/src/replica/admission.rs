//! What of devices' writes gets into a record, by whichever way it comes: from their own uploads, or from other hubs.

use super::commit::{Commit, CommitError};
use headland_shared::blob::{Blob, RECORD_BYTES_MAX};
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::register::REGISTER_WRITERS_MAX;
use headland_shared::schema::{Residency, Rule, Writers};

/// Devices fill a record up to this length, in bytes; the rest is the registry's, whose imports must never fail for
/// want of room.
const DEVICES_BYTES_MAX: usize = RECORD_BYTES_MAX / 2;

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is in the commit.
    Stored,
    /// All that it says was here.
    Held,
    /// The schema or a limit forbids it.
    Refused,
}

/// Takes in what a device wrote and another hub has passed on. One that is held already makes no change.
pub(crate) fn admit(
    commit: &mut Commit<'_, '_>,
    record: &RecordKey,
    key: ElementKey,
    state: State,
) -> Result<Admission, CommitError> {
    if !may_write(commit, &key) {
        return Ok(Admission::Refused);
    }
    let held = held(commit, record, &key)?;
    if let Some(held) = held {
        let mut merged = held.clone();
        merged.merge(state.clone());
        if merged == held {
            return Ok(Admission::Held);
        }
    }
    put(commit, record, key, state)
}

/// Merges a write into the record.
pub(super) fn put(
    commit: &mut Commit<'_, '_>,
    record: &RecordKey,
    key: ElementKey,
    state: State,
) -> Result<Admission, CommitError> {
    let Some(merged) = merged(commit, record, &key, state)? else {
        return Ok(Admission::Refused);
    };
    if commit.blob(record)?.is_some_and(|blob| blob.len() > DEVICES_BYTES_MAX) {
        return Ok(Admission::Refused);
    }
    match commit.put(record, vec![(key, merged)]) {
        Ok(()) => Ok(Admission::Stored),
        Err(CommitError::RecordTooLong { .. }) => Ok(Admission::Refused),
        Err(error) => Err(error),
    }
}

/// Whether the schema lets devices write this element.
pub(super) fn may_write(commit: &Commit<'_, '_>, key: &ElementKey) -> bool {
    let (name, counted) = match key {
        ElementKey::Annotation(_) => return true,
        ElementKey::Attribute(name) | ElementKey::Member(name, _) => (name, false),
        ElementKey::Count(name, _, _) => (name, true),
        ElementKey::Life
        | ElementKey::Version(_)
        | ElementKey::Approval(..)
        | ElementKey::Current
        | ElementKey::Alias(_)
        | ElementKey::Stub
        | ElementKey::Unknown(_) => return false,
    };
    commit.declaration(name).is_some_and(|declaration| {
        declaration.writers == Writers::Devices
            && declaration.residency != Residency::Device
            && (declaration.rule == Rule::Counter) == counted
    })
}

/// The element's state with the write taken in; nothing when a limit forbids it.
fn merged(
    commit: &Commit<'_, '_>,
    record: &RecordKey,
    key: &ElementKey,
    state: State,
) -> Result<Option<State>, CommitError> {
    let Some(mut merged) = held(commit, record, key)? else {
        return Ok(Some(state));
    };
    merged.merge(state);
    let crowded = matches!(&merged, State::Register(register) if register.len() > REGISTER_WRITERS_MAX);
    Ok((!crowded).then_some(merged))
}

/// The element's state, if the record has one.
fn held(commit: &Commit<'_, '_>, record: &RecordKey, key: &ElementKey) -> Result<Option<State>, CommitError> {
    let stored = |source| CommitError::Stored {
        record: record.clone(),
        source,
    };
    let Some(blob) = commit.blob(record)? else {
        return Ok(None);
    };
    let held = Blob::parse(&blob)
        .and_then(|blob| blob.state_of(&key.encoded()))
        .map_err(stored)?;
    held.map(State::decode).transpose().map_err(stored)
}
