//! Values: what an attribute can hold, in one canonical and compact encoding.
//!
//! Equal values have equal bytes, on every replica and in every version. Prices, times, dates and digests are
//! written as numbers and bytes instead of text, since a catalogue is full of them.

mod codec;
mod compact;
mod parts;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

pub use codec::skip;
pub(crate) use compact::time_text;
pub(crate) use parts::Parts;

/// The longest encoded value, in bytes: a description fits, an artifact does not belong here.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// How deep lists and maps may nest: deeper ones are not facts about a model, and recursion must end.
pub const DEPTH_MAX: usize = 16;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing, said explicitly.
    Null,
    /// True or false.
    Bool(bool),
    /// A number. Whole ones are exact up to 63 bits.
    Number(Number),
    /// A text.
    Text(String),
    /// Values in their order.
    List(Vec<Value>),
    /// Values by name.
    Map(BTreeMap<String, Value>),
}

/// A number: whole where it can be, so that `1` and `1.0` are one value.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A whole number.
    Whole(i64),
    /// Any other finite number.
    Real(f64),
}

impl Number {
    /// Whole numbers beyond this are not exact as a double, so a double beyond it stays a double.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

    /// Takes a double; not a number and infinity are no values.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let whole = value as i64;
        if value.abs() <= Self::EXACT_MAX && whole as f64 == value {
            return Some(Self::Whole(whole));
        }
        Some(Self::Real(value))
    }

    /// The number as a double.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(b),
            (Self::Whole(_), Self::Real(_)) => Ordering::Less,
            (Self::Real(_), Self::Whole(_)) => Ordering::Greater,
            (Self::Real(a), Self::Real(b)) => a.total_cmp(b),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A whole number.
    #[must_use]
    pub const fn whole(number: i64) -> Self {
        Self::Number(Number::Whole(number))
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How deep this value nests: 1 for a plain one.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(fields) => 1 + fields.values().map(Self::depth).max().unwrap_or(0),
            _ => 1,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::bytes::Reader;
    use proptest::prelude::*;

    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::whole),
            any::<f64>().prop_filter_map("finite", |f| Number::from_f64(f).map(Value::Number)),
            "[a-z0-9]{0,40}".prop_map(Value::Text),
            "20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(T[01][0-9]:[0-5][0-9]:[0-5][0-9]Z)?"
                .prop_map(Value::Text),
            "(sha256:)?[0-9a-f]{16,64}".prop_map(Value::Text),
            ".{0,20}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                proptest::collection::btree_map("[a-z_]{1,12}", inner, 0..5).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_comes_back_and_its_bytes_are_canonical(value in any_value()) {
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            let mut reader = Reader::new(&bytes);
            let back = Value::decode(&mut reader).unwrap();
            prop_assert!(reader.is_empty());
            prop_assert_eq!(&back, &value);
            let mut again = Vec::new();
            back.encode(&mut again);
            prop_assert_eq!(&again, &bytes);
            let mut skipped = Reader::new(&bytes);
            skip(&mut skipped).unwrap();
            prop_assert!(skipped.is_empty());
        }

        #[test]
        fn noise_is_refused_and_skip_agrees_with_decode(noise in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut decoding = Reader::new(&noise);
            let mut skipping = Reader::new(&noise);
            let decoded = Value::decode(&mut decoding);
            let skipped = skip(&mut skipping);
            prop_assert_eq!(decoded.is_ok(), skipped.is_ok());
            if decoded.is_ok() {
                prop_assert_eq!(decoding.rest(), skipping.rest());
            }
        }
    }

    #[test]
    fn one_and_one_point_zero_are_one_value() {
        assert_eq!(Number::from_f64(1.0), Some(Number::Whole(1)));
        assert_eq!(Number::from_f64(f64::NAN), None);
        assert_eq!(Number::from_f64(-0.0), Some(Number::Whole(0)));
    }

    #[test]
    fn what_a_catalogue_is_full_of_is_small() {
        let size = |value: &Value| {
            let mut bytes = Vec::new();
            value.encode(&mut bytes);
            bytes.len()
        };
        assert_eq!(size(&Value::Number(Number::Real(1.25e-6))), 4);
        assert_eq!(size(&Value::text("2026-11-23T19:08:28Z")), 6);
        assert_eq!(size(&Value::text("2026-11-23")), 4);
        assert_eq!(size(&Value::text("sha256:".to_owned() + &"ab".repeat(32))), 33);
        assert_eq!(size(&Value::whole(17)), 1);
        assert_eq!(size(&Value::text("chat")), 5);
    }

    extern crate std;
    use std::borrow::ToOwned;

    #[test]
    fn nesting_beyond_the_limit_is_refused() {
        let mut bytes = alloc::vec![codec::tag::LIST; 1];
        for _ in 0..DEPTH_MAX + 1 {
            bytes.push(1);
            bytes.push(codec::tag::LIST);
        }
        bytes.push(0);
        assert!(Value::decode(&mut Reader::new(&bytes)).is_err());
        assert!(skip(&mut Reader::new(&bytes)).is_err());
    }
}
