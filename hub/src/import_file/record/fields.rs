//! The fields of one JSON object, taken one by one.

use serde_json::{Map, Value};

use super::super::error::{RecordError, shown};

/// A field: its name, and how a message describes what it holds.
type Known = (&'static str, &'static str);

const RECORD: [Known; 6] = [
    ("id", "text, such as \"timm/vit_tiny\""),
    ("attributes", "an object by attribute name"),
    ("versions", "a list of objects"),
    ("current", "text: one of the record's versions"),
    (
        "aliases",
        "an object by alias: a version, or at most 64 of {\"version\": \"1.6\", \"labels\": {\"ring\": \"canary\"}}",
    ),
    ("namespace", "text"),
];

const VERSION: [Known; 3] = [
    ("version", "text, such as \"1.2\""),
    ("manifest", "an object"),
    ("approvals", "an object of text, such as {\"field-use\": \"approved\"}"),
];

/// An object whose fields are all known.
pub(super) struct Fields {
    place: &'static str,
    known: &'static [Known],
    fields: Map<String, Value>,
}

impl Fields {
    /// The fields of a record.
    pub(super) fn of_record(json: Value) -> Result<Self, RecordError> {
        Self::new("the record", &RECORD, json)
    }

    /// The fields of one of its versions.
    pub(super) fn of_version(json: Value) -> Result<Self, RecordError> {
        Self::new("an entry of `versions`", &VERSION, json)
    }

    fn new(place: &'static str, known: &'static [Known], json: Value) -> Result<Self, RecordError> {
        let names = || {
            let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            names.join(", ")
        };
        let Value::Object(mut fields) = json else {
            let known = names();
            return Err(RecordError::NotObject { place, known });
        };
        let is_known = |field: &String| known.iter().any(|(name, _)| name == field);
        if let Some(field) = fields.keys().find(|field| !is_known(field)) {
            return Err(RecordError::UnknownField {
                place,
                field: shown(field),
                known: names(),
            });
        }
        fields.retain(|_, value| !value.is_null());
        Ok(Self { place, known, fields })
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, field: &'static str) -> Result<String, RecordError> {
        self.text_optional(field)?.ok_or_else(|| self.missing(field))
    }

    /// A text.
    pub(super) fn text_optional(&mut self, field: &'static str) -> Result<Option<String>, RecordError> {
        match self.fields.remove(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.kind(field)),
        }
    }

    /// An object that must be there.
    pub(super) fn object(&mut self, field: &'static str) -> Result<Map<String, Value>, RecordError> {
        match self.fields.remove(field) {
            None => Err(self.missing(field)),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(self.kind(field)),
        }
    }

    /// An object, empty if it is not there.
    pub(super) fn object_optional(&mut self, field: &'static str) -> Result<Map<String, Value>, RecordError> {
        match self.fields.remove(field) {
            None => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(_) => Err(self.kind(field)),
        }
    }

    /// A list, empty if it is not there.
    pub(super) fn list_optional(&mut self, field: &'static str) -> Result<Vec<Value>, RecordError> {
        match self.fields.remove(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.kind(field)),
        }
    }

    /// An object of texts, empty if it is not there.
    pub(super) fn texts_optional(&mut self, field: &'static str) -> Result<Vec<(String, String)>, RecordError> {
        let texts = match self.fields.remove(field) {
            None => return Ok(Vec::new()),
            Some(Value::Object(texts)) => texts,
            Some(_) => return Err(self.kind(field)),
        };
        let text = |(name, value): (String, Value)| match value {
            Value::String(text) => Ok((name, text)),
            _ => Err(self.kind(field)),
        };
        texts.into_iter().map(text).collect()
    }

    fn missing(&self, field: &'static str) -> RecordError {
        RecordError::MissingField {
            place: self.place,
            field,
            expected: self.expected(field),
        }
    }

    /// That a field holds something else than it should.
    pub(super) fn kind(&self, field: &'static str) -> RecordError {
        RecordError::FieldKind {
            place: self.place,
            field,
            expected: self.expected(field),
        }
    }

    fn expected(&self, field: &str) -> &'static str {
        let known = self.known.iter().find(|(name, _)| *name == field);
        known.map_or("a value", |(_, expected)| expected)
    }
}
