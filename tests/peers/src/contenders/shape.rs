//! What a library shows, in the words of the plain catalogue: so that all are held against the same.

use crate::model::{NOTES, Note, Scalar, whole_numbers};
use serde_json::{Map, Value};

/// All records.
pub(super) fn records(shown: Option<&Value>) -> Value {
    let records = shown.and_then(Value::as_object).into_iter().flatten();
    let records: Map<String, Value> = records.map(|(id, fields)| (id.clone(), record(fields))).collect();
    Value::Object(records)
}

fn record(fields: &Value) -> Value {
    let fields = fields.as_object().into_iter().flatten();
    let fields: Map<String, Value> = fields.map(|(name, value)| (name.clone(), field(name, value))).collect();
    Value::Object(fields)
}

fn field(name: &str, value: &Value) -> Value {
    match (name, value) {
        ("created_at" | "updated_at", Value::Number(_)) => Scalar::Time(whole(value).unsigned_abs()).json(),
        ("sha256", Value::Array(bytes)) => digest(bytes),
        ("tags", Value::Object(members)) => {
            let mut members: Vec<&String> = members.keys().collect();
            members.sort_unstable();
            members.into_iter().map(String::as_str).collect()
        }
        (NOTES, Value::Object(notes)) => notes.iter().map(|(key, held)| (key.clone(), note(held))).collect(),
        (_, other) => whole_numbers(other),
    }
}

fn digest(bytes: &[Value]) -> Value {
    let bytes: Vec<u8> = bytes.iter().map(|byte| whole(byte) as u8).collect();
    <[u8; 32]>::try_from(bytes).map_or(Value::Null, |bytes| Scalar::Digest(bytes).json())
}

fn note(held: &Value) -> Value {
    let part = |index: usize, name: &str| held.get(index).or_else(|| held.get(name)).unwrap_or(&Value::Null);
    let text = part(1, "text").as_str().unwrap_or_default().to_owned();
    let at_ms = whole(part(0, "at_ms")).unsigned_abs();
    Note { at_ms, text }.json()
}

fn whole(value: &Value) -> i64 {
    value.as_i64().or_else(|| value.as_f64().map(|real| real as i64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_libraries_keep_is_told_in_plain_words() {
        let shown = json!({"a": {
            "created_at": 0.0, "sha256": [7; 32], "tags": {"b": true, "a": true}, "price": 12.0,
            "annotations": {"x-1": [5, "good"], "x-2": {"at_ms": 6, "text": "bad"}},
        }});
        let plain = json!({"a": {
            "created_at": "1970-01-01T00:00:00Z", "sha256": format!("sha256:{}", "07".repeat(32)),
            "tags": ["a", "b"], "price": 12,
            "annotations": {"x-1": {"at_ms": 5, "text": "good"}, "x-2": {"at_ms": 6, "text": "bad"}},
        }});
        assert_eq!(records(Some(&shown)), plain);
    }
}
