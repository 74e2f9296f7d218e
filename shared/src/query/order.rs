//! The order of a listing: by fields, what has none last, and by key where they are equal.

use super::evaluate::numeric;
use super::filter::Path;
use super::lookup::{Found, find};
use super::parse::Parser;
use super::{ORDER_KEYS_MAX, QueryError};
use crate::bytes::{DecodeError, Reader};
use crate::value::Value;
use crate::view::Model;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

/// How much of a text decides about its place, in characters: what is longer is prose, and a page token carries it.
const SORTED_CHARS_MAX: usize = 64;

/// By what to order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    keys: Vec<Key>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    path: Path,
    descending: bool,
}

/// What a model is ordered by: its values in the order of the keys, nothing where it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey(Vec<Option<Value>>);

impl Order {
    /// Reads `field [asc|desc], …`.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if let Some(error) = QueryError::too_long(text, "order") {
            return Err(error);
        }
        let mut parser = Parser::new(text);
        let mut keys = Vec::new();
        if parser.is_at_end() {
            return Ok(Self::default());
        }
        loop {
            if keys.len() == ORDER_KEYS_MAX {
                return Err(parser.expected(alloc::format!("at most {ORDER_KEYS_MAX} fields")));
            }
            let path = parser.path("a field to order by")?;
            let descending = parser.keyword("desc");
            if !descending {
                parser.keyword("asc");
            }
            keys.push(Key { path, descending });
            if parser.is_at_end() {
                return Ok(Self { keys });
            }
            if !parser.eat(",") {
                return Err(parser.expected("desc, asc, a comma or the end"));
            }
        }
    }

    /// Whether there is nothing to order by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What a model is ordered by.
    #[must_use]
    pub fn key_of(&self, model: &Model) -> SortKey {
        SortKey(self.keys.iter().map(|key| sorted(find(model, &key.path)?)).collect())
    }

    /// Compares two models by what they are ordered by.
    #[must_use]
    pub fn compare(&self, a: &SortKey, b: &SortKey) -> Ordering {
        let pairs = self.keys.iter().zip(a.0.iter().zip(&b.0));
        let mut orders = pairs.map(|(key, pair)| match pair {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) if key.descending => by_value(b, a),
            (Some(a), Some(b)) => by_value(a, b),
        });
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// The value that decides, if it is one that can.
fn sorted(found: Found<'_>) -> Option<Value> {
    let cut = |text: &str| Value::Text(text.chars().take(SORTED_CHARS_MAX).collect::<String>());
    match found {
        Found::Text(text) => Some(cut(text)),
        Found::Whole(whole) => Some(Value::whole(whole)),
        Found::Value(Value::Text(text)) => Some(cut(text)),
        Found::Value(value @ (Value::Bool(_) | Value::Number(_))) => Some(value.clone()),
        Found::Value(Value::Null | Value::List(_) | Value::Map(_)) | Found::Texts(_) => None,
    }
}

fn by_value(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        // Equal in size, a whole number and another are told apart, so that this is a total order.
        (Value::Number(a), Value::Number(b)) => a
            .as_f64()
            .total_cmp(&b.as_f64())
            .then_with(|| numeric(*a, *b))
            .then(a.cmp(b)),
        _ => a.cmp(b),
    }
}

impl SortKey {
    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.0.len() as u8);
        for value in &self.0 {
            out.push(u8::from(value.is_some()));
            if let Some(value) = value {
                value.encode(out);
            }
        }
    }

    /// Reads the encoding.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = usize::from(reader.byte()?);
        if count > ORDER_KEYS_MAX {
            return Err(DecodeError::TooLong);
        }
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            let there = reader.byte()? == 1;
            values.push(if there { Some(Value::decode(reader)?) } else { None });
        }
        Ok(Self(values))
    }
}
