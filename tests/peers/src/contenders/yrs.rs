//! yrs: one document, a map of maps; counts and notes are single values. Update format 1 or 2.

use super::Document;
use crate::failure::{Failure, While};
use crate::model::{Change, Event, Field, NOTES, Note, Record, Scalar};
use serde_json::Value;
use std::sync::Arc;
use yrs::types::ToJson;
use yrs::updates::decoder::Decode;
use yrs::{Any, Doc, Map, MapPrelim, MapRef, ReadTxn, StateVector, Transact, TransactionMut, Update};

const ROOT: &str = "m";
const DOING: &str = "working on a yrs document";

/// A document that speaks update format `FORMAT`.
#[derive(Debug)]
pub(crate) struct Yrs<const FORMAT: u8> {
    doc: Doc,
    root: MapRef,
}

fn value(scalar: &Scalar) -> Any {
    match scalar {
        Scalar::Text(text) => text.as_str().into(),
        Scalar::Whole(whole) => whole_number(*whole),
        Scalar::Real(real) => Any::from(*real),
        Scalar::Bool(flag) => Any::Bool(*flag),
        Scalar::Digest(bytes) => Any::Buffer(Arc::from(bytes.as_slice())),
        Scalar::Time(seconds) => whole_number(*seconds as i64),
        Scalar::Nested(value) => nested(value),
    }
}

/// Whole numbers as such: shorter than with a point.
fn whole_number(whole: i64) -> Any {
    Any::Number(whole.into())
}

fn nested(value: &Value) -> Any {
    match value {
        Value::Null => Any::Null,
        Value::Bool(flag) => Any::Bool(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole_number(whole),
            None => Any::from(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => Any::Array(items.iter().map(nested).collect()),
        Value::Object(fields) => {
            Any::Map(Arc::new(fields.iter().map(|(name, value)| (name.clone(), nested(value))).collect()))
        }
    }
}

fn note_value(note: &Note) -> Any {
    Any::Array(Arc::from([whole_number(note.at_ms as i64), note.text.as_str().into()]))
}

fn put(parent: &MapRef, transaction: &mut TransactionMut, id: &str, record: &Record) {
    let map = parent.insert(transaction, id, MapPrelim::default());
    for (name, field) in record {
        let entries: Vec<(&str, Any)> = match field {
            Field::One(scalar) => {
                map.insert(transaction, name.as_str(), value(scalar));
                continue;
            }
            Field::Set(members) => members.iter().map(|member| (member.as_str(), Any::Bool(true))).collect(),
            Field::Map(map) => map.iter().map(|(key, scalar)| (key.as_str(), value(scalar))).collect(),
            Field::Counts(counts) => counts.iter().map(|(who, count)| (who.as_str(), whole_number(*count))).collect(),
            Field::Notes(notes) => notes.iter().map(|(key, note)| (key.as_str(), note_value(note))).collect(),
        };
        let inner = map.insert(transaction, name.as_str(), MapPrelim::default());
        for (key, value) in entries {
            inner.insert(transaction, key, value);
        }
    }
}

impl<const FORMAT: u8> Yrs<FORMAT> {
    fn new(writer: u64) -> Self {
        let doc = Doc::with_client_id(writer);
        let root = doc.get_or_insert_map(ROOT);
        Self { doc, root }
    }

    fn encoded(&self, since: &StateVector) -> Vec<u8> {
        let transaction = self.doc.transact();
        match FORMAT {
            1 => transaction.encode_diff_v1(since),
            _ => transaction.encode_diff_v2(since),
        }
    }
}

fn change(root: &MapRef, transaction: &mut TransactionMut, change: &Change) {
    match change {
        Change::Put { id, record } => put(root, transaction, id, record),
        Change::Remove { id } => {
            root.remove(transaction, id);
        }
        Change::Set { id, field, value: scalar } => {
            let record: MapRef = root.get_or_init(transaction, id.as_str());
            record.insert(transaction, field.as_str(), value(scalar));
        }
        Change::SetIn { id, field, key, value: scalar } => {
            let record: MapRef = root.get_or_init(transaction, id.as_str());
            let map: MapRef = record.get_or_init(transaction, field.as_str());
            map.insert(transaction, key.as_str(), value(scalar));
        }
        Change::Unset { id, field } => {
            let record: MapRef = root.get_or_init(transaction, id.as_str());
            record.remove(transaction, field);
        }
        Change::Note { id, key, note } => {
            let record: MapRef = root.get_or_init(transaction, id.as_str());
            let notes: MapRef = record.get_or_init(transaction, NOTES);
            notes.insert(transaction, key.as_str(), note_value(note));
        }
    }
}

impl<const FORMAT: u8> Document for Yrs<FORMAT> {
    type Version = StateVector;

    fn empty(writer: u64) -> Self {
        Self::new(writer)
    }

    fn commit(&mut self, event: &Event) -> Result<(), Failure> {
        let mut transaction = self.doc.transact_mut();
        for one in &event.changes {
            change(&self.root, &mut transaction, one);
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, Failure> {
        Ok(self.encoded(&StateVector::default()))
    }

    fn load(snapshot: &[u8], writer: u64) -> Result<Self, Failure> {
        let mut document = Self::new(writer);
        document.apply(snapshot)?;
        Ok(document)
    }

    fn version(&mut self) -> StateVector {
        self.doc.transact().state_vector()
    }

    fn updates(&mut self, since: &StateVector) -> Result<Vec<u8>, Failure> {
        Ok(self.encoded(since))
    }

    fn apply(&mut self, updates: &[u8]) -> Result<(), Failure> {
        let update = match FORMAT {
            1 => Update::decode_v1(updates),
            _ => Update::decode_v2(updates),
        };
        self.doc.transact_mut().apply_update(update.during(DOING)?).during(DOING)
    }

    fn read(&mut self) -> Result<Value, Failure> {
        let shown = self.root.to_json(&self.doc.transact());
        let shown = serde_json::to_value(&shown).during(DOING)?;
        Ok(super::shape::records(Some(&shown)))
    }
}
