//! automerge: one document, a map of maps; counts are counters, texts are scalars.

use super::Document;
use crate::failure::{Failure, While};
use crate::model::{Change, Event, Field, NOTES, Note, Record, Scalar};
use automerge::sync::{Message, State, SyncDoc};
use automerge::transaction::Transactable;
use automerge::{ActorId, AutoCommit, AutoSerde, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};
use serde_json::Value;

const DOING: &str = "working on an automerge document";
/// Far more messages than a sync of this size takes.
const MESSAGES_MAX: u64 = 64;

#[derive(Debug)]
pub(crate) struct Automerge(AutoCommit);

/// What one run of the sync protocol sent.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Synced {
    pub(crate) down: u64,
    pub(crate) up: u64,
    pub(crate) messages: u64,
}

fn actor(writer: u64) -> ActorId {
    // The shortest name that a device of a fleet could have; the default has 16 bytes.
    ActorId::from(&writer.to_be_bytes()[4..])
}

fn value(scalar: &Scalar) -> ScalarValue {
    match scalar {
        Scalar::Text(text) => text.as_str().into(),
        Scalar::Whole(whole) => (*whole).into(),
        Scalar::Real(real) => (*real).into(),
        Scalar::Bool(flag) => (*flag).into(),
        Scalar::Digest(bytes) => bytes.to_vec().into(),
        Scalar::Time(seconds) => ScalarValue::Timestamp(*seconds as i64),
        // It has no scalar that holds others: as text it is one operation, as an object many.
        Scalar::Nested(value) => value.to_string().into(),
    }
}

impl Automerge {
    fn object(&mut self, parent: &ObjId, name: &str) -> Result<ObjId, Failure> {
        match self.0.get(parent, name).during(DOING)? {
            Some((_, id)) if id != ROOT => Ok(id),
            _ => self.0.put_object(parent, name, ObjType::Map).during(DOING),
        }
    }

    fn set(&mut self, parent: &ObjId, name: &str, scalar: &Scalar) -> Result<(), Failure> {
        self.0.put(parent, name, value(scalar)).during(DOING)
    }

    fn note(&mut self, notes: &ObjId, key: &str, note: &Note) -> Result<(), Failure> {
        let id = self.0.put_object(notes, key, ObjType::Map).during(DOING)?;
        self.0.put(&id, "at_ms", ScalarValue::Timestamp(note.at_ms as i64)).during(DOING)?;
        self.0.put(&id, "text", note.text.as_str()).during(DOING)
    }

    fn put_record(&mut self, id: &str, record: &Record) -> Result<(), Failure> {
        let map = self.0.put_object(ROOT, id, ObjType::Map).during(DOING)?;
        for (name, field) in record {
            if let Field::One(scalar) = field {
                self.set(&map, name, scalar)?;
                continue;
            }
            let inner = self.0.put_object(&map, name, ObjType::Map).during(DOING)?;
            match field {
                Field::One(_) => {}
                Field::Set(members) => {
                    for member in members {
                        self.0.put(&inner, member, true).during(DOING)?;
                    }
                }
                Field::Map(entries) => {
                    for (key, scalar) in entries {
                        self.set(&inner, key, scalar)?;
                    }
                }
                Field::Counts(counts) => {
                    for (who, count) in counts {
                        self.0.put(&inner, who, ScalarValue::counter(*count)).during(DOING)?;
                    }
                }
                Field::Notes(notes) => {
                    for (key, note) in notes {
                        self.note(&inner, key, note)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        match change {
            Change::Put { id, record } => self.put_record(id, record),
            Change::Remove { id } => self.0.delete(ROOT, id.as_str()).during(DOING),
            Change::Set { id, field, value } => {
                let record = self.object(&ROOT, id)?;
                self.set(&record, field, value)
            }
            Change::SetIn { id, field, key, value } => {
                let record = self.object(&ROOT, id)?;
                let map = self.object(&record, field)?;
                self.set(&map, key, value)
            }
            Change::Unset { id, field } => {
                let record = self.object(&ROOT, id)?;
                self.0.delete(&record, field.as_str()).during(DOING)
            }
            Change::Note { id, key, note } => {
                let record = self.object(&ROOT, id)?;
                let notes = self.object(&record, NOTES)?;
                self.note(&notes, key, note)
            }
        }
    }

    /// The changes since a version as a bundle, a form that the library calls experimental.
    pub(crate) fn bundle(&mut self, since: &[ChangeHash]) -> Result<Vec<u8>, Failure> {
        let hashes: Vec<ChangeHash> = self.0.get_changes(since).iter().map(automerge::Change::hash).collect();
        Ok(self.0.bundle(hashes).during(DOING)?.bytes().to_vec())
    }

    /// Runs the sync protocol between hub and device until both are silent. Both remember the sync before.
    pub(crate) fn sync(hub: &mut Self, device: &mut Self, states: &mut (State, State)) -> Result<Synced, Failure> {
        let mut synced = Synced::default();
        for _ in 0..MESSAGES_MAX {
            let up = device.0.sync().generate_sync_message(&mut states.1).map(Message::encode);
            if let Some(message) = &up {
                synced.up += message.len() as u64;
                synced.messages += 1;
                let message = Message::decode(message).during(DOING)?;
                hub.0.sync().receive_sync_message(&mut states.0, message).during(DOING)?;
            }
            let down = hub.0.sync().generate_sync_message(&mut states.0).map(Message::encode);
            if let Some(message) = &down {
                synced.down += message.len() as u64;
                synced.messages += 1;
                let message = Message::decode(message).during(DOING)?;
                device.0.sync().receive_sync_message(&mut states.1, message).during(DOING)?;
            }
            if up.is_none() && down.is_none() {
                return Ok(synced);
            }
        }
        Err(Failure::new(DOING, "its sync does not end"))
    }
}

/// The sync states of two replicas that have synced before, as they were stored and read again.
pub(crate) fn kept(states: &(State, State)) -> Result<(State, State), Failure> {
    let again = |state: &State| State::decode(&state.encode()).during(DOING);
    Ok((again(&states.0)?, again(&states.1)?))
}

impl Document for Automerge {
    type Version = Vec<ChangeHash>;

    fn empty(writer: u64) -> Self {
        Self(AutoCommit::new().with_actor(actor(writer)))
    }

    fn commit(&mut self, event: &Event) -> Result<(), Failure> {
        for change in &event.changes {
            self.change(change)?;
        }
        self.0.commit();
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, Failure> {
        Ok(self.0.save())
    }

    fn load(snapshot: &[u8], writer: u64) -> Result<Self, Failure> {
        Ok(Self(AutoCommit::load(snapshot).during(DOING)?.with_actor(actor(writer))))
    }

    fn version(&mut self) -> Vec<ChangeHash> {
        self.0.get_heads()
    }

    fn updates(&mut self, since: &Vec<ChangeHash>) -> Result<Vec<u8>, Failure> {
        Ok(self.0.save_after(since))
    }

    fn apply(&mut self, updates: &[u8]) -> Result<(), Failure> {
        self.0.load_incremental(updates).during(DOING)?;
        Ok(())
    }

    fn read(&mut self) -> Result<Value, Failure> {
        let whole = serde_json::to_value(AutoSerde::from(&self.0)).during(DOING)?;
        Ok(super::shape::records(Some(&whole)))
    }
}
