//! The catalogue as all contenders hold it, and the changes that they exchange.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One value. Each contender stores it in whatever form of its own is shortest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Text(String),
    Whole(i64),
    Real(f64),
    Bool(bool),
    /// A SHA-256.
    Digest([u8; 32]),
    /// Seconds since 1970.
    Time(u64),
    /// A list or a map that changes as one value, as in the real catalogues.
    Nested(Value),
}

/// A note: never changed once written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) at_ms: u64,
    pub(crate) text: String,
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    One(Scalar),
    Set(BTreeSet<String>),
    Map(BTreeMap<String, Scalar>),
    /// What each writer has counted.
    Counts(BTreeMap<String, i64>),
    /// Notes by their names: `writer-number`.
    Notes(BTreeMap<String, Note>),
}

pub(crate) type Record = BTreeMap<String, Field>;
pub(crate) type Catalogue = BTreeMap<String, Record>;

/// One change of one record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Put { id: String, record: Record },
    Remove { id: String },
    Set { id: String, field: String, value: Scalar },
    SetIn { id: String, field: String, key: String, value: Scalar },
    Unset { id: String, field: String },
    Note { id: String, key: String, note: Note },
}

impl Change {
    /// The model that it is about.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Put { id, .. }
            | Self::Remove { id }
            | Self::Set { id, .. }
            | Self::SetIn { id, .. }
            | Self::Unset { id, .. }
            | Self::Note { id, .. } => id,
        }
    }
}

/// What is committed together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) at_ms: u64,
    pub(crate) changes: Vec<Change>,
}

impl Event {
    /// All events as one.
    pub(crate) fn joined(events: &[Self]) -> Self {
        Self {
            at_ms: events.last().map_or(0, |event| event.at_ms),
            changes: events.iter().flat_map(|event| event.changes.clone()).collect(),
        }
    }
}

/// The field that holds a record's notes.
pub(crate) const NOTES: &str = "annotations";

/// Applies a change to the plain catalogue: what every contender must come to hold.
pub(crate) fn apply(catalogue: &mut Catalogue, change: &Change) {
    match change {
        Change::Put { id, record } => {
            catalogue.insert(id.clone(), record.clone());
        }
        Change::Remove { id } => {
            catalogue.remove(id);
        }
        Change::Set { id, field, value } => {
            record(catalogue, id).insert(field.clone(), Field::One(value.clone()));
        }
        Change::SetIn { id, field, key, value } => {
            let entry = record(catalogue, id).entry(field.clone());
            if let Field::Map(map) = entry.or_insert_with(|| Field::Map(BTreeMap::new())) {
                map.insert(key.clone(), value.clone());
            }
        }
        Change::Unset { id, field } => {
            record(catalogue, id).remove(field);
        }
        Change::Note { id, key, note } => {
            let entry = record(catalogue, id).entry(NOTES.to_owned());
            if let Field::Notes(notes) = entry.or_insert_with(|| Field::Notes(BTreeMap::new())) {
                notes.insert(key.clone(), note.clone());
            }
        }
    }
}

fn record<'a>(catalogue: &'a mut Catalogue, id: &str) -> &'a mut Record {
    catalogue.entry(id.to_owned()).or_default()
}

/// Applies events in order.
pub(crate) fn apply_all(catalogue: &mut Catalogue, events: &[Event]) {
    for change in events.iter().flat_map(|event| &event.changes) {
        apply(catalogue, change);
    }
}

impl Scalar {
    /// As JSON says it: digests as hexadecimal text, times as RFC 3339.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Whole(whole) => (*whole).into(),
            Self::Real(real) => real_json(*real),
            Self::Bool(flag) => (*flag).into(),
            Self::Digest(bytes) => digest_text(bytes).into(),
            Self::Time(seconds) => time_text(*seconds).into(),
            Self::Nested(value) => whole_numbers(value),
        }
    }
}

/// A whole number is written without a fraction: shorter, and what most contenders give back.
fn real_json(real: f64) -> Value {
    if real.fract() == 0.0 && real.abs() < WHOLE_MAX { (real as i64).into() } else { real.into() }
}

/// Up to here every whole number is a double of its own.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// The same with all whole numbers written as such.
pub(crate) fn whole_numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64().map_or(Value::Null, real_json),
        Value::Array(items) => items.iter().map(whole_numbers).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), whole_numbers(value))).collect(),
        other => other.clone(),
    }
}

/// `sha256:` and hexadecimal digits.
pub(crate) fn digest_text(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// `YYYY-MM-DDTHH:MM:SSZ`, by the civil calendar.
pub(crate) fn time_text(seconds: u64) -> String {
    let (days, of_day) = ((seconds / 86_400) as i64, seconds % 86_400);
    // Days are counted from 0000-03-01 in eras of 400 years, so that leap days come last.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

impl Note {
    pub(crate) fn json(&self) -> Value {
        serde_json::json!({ "at_ms": self.at_ms, "text": self.text })
    }
}

impl Field {
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::One(value) => value.json(),
            Self::Set(members) => members.iter().map(String::as_str).collect(),
            Self::Map(map) => map.iter().map(|(key, value)| (key.clone(), value.json())).collect(),
            Self::Counts(counts) => counts.iter().map(|(who, count)| (who.clone(), Value::from(*count))).collect(),
            Self::Notes(notes) => notes.iter().map(|(key, note)| (key.clone(), note.json())).collect(),
        }
    }

    /// How many leaf values it holds.
    pub(crate) fn leaves(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Set(members) => members.len(),
            Self::Map(map) => map.len(),
            Self::Counts(counts) => counts.len(),
            Self::Notes(notes) => notes.len() * 2,
        }
    }
}

pub(crate) fn record_json(record: &Record) -> Value {
    let fields: Map<String, Value> = record.iter().map(|(name, field)| (name.clone(), field.json())).collect();
    Value::Object(fields)
}

pub(crate) fn catalogue_json(catalogue: &Catalogue) -> Value {
    let records: Map<String, Value> = catalogue.iter().map(|(id, record)| (id.clone(), record_json(record))).collect();
    Value::Object(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_by_the_civil_calendar() {
        assert_eq!(time_text(0), "1970-01-01T00:00:00Z");
        assert_eq!(time_text(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(time_text(1_767_225_599), "2025-12-31T23:59:59Z");
    }

    #[test]
    fn changes_do_to_the_catalogue_what_they_say() {
        let mut catalogue = Catalogue::new();
        let text = |text: &str| Scalar::Text(text.to_owned());
        let (id, field) = ("a".to_owned(), "status".to_owned());
        let record = Record::from([("status".to_owned(), Field::One(text("staged")))]);
        apply(&mut catalogue, &Change::Put { id: id.clone(), record });
        apply(&mut catalogue, &Change::Set { id: id.clone(), field: field.clone(), value: text("approved") });
        let (metrics, key) = ("metrics".to_owned(), "accuracy".to_owned());
        apply(&mut catalogue, &Change::SetIn { id: id.clone(), field: metrics, key, value: Scalar::Real(0.5) });
        let wanted = serde_json::json!({"a": {"status": "approved", "metrics": {"accuracy": 0.5}}});
        assert_eq!(catalogue_json(&catalogue), wanted);
        apply(&mut catalogue, &Change::Unset { id: id.clone(), field });
        assert_eq!(catalogue_json(&catalogue), serde_json::json!({"a": {"metrics": {"accuracy": 0.5}}}));
        apply(&mut catalogue, &Change::Remove { id });
        assert!(catalogue.is_empty());
    }
}
