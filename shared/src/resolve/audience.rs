//! Which devices are meant, by their labels.

use super::Device;
use super::device::DEVICE_LABEL;
use crate::value::Value;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// The label that a text in `access` is about.
const ACCESS_LABEL: &str = "access";
/// What `access` says of a model that every device may use.
const PUBLIC: &str = "public";

/// Conditions on labels, all of which must hold: each label must have one of these values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels(BTreeMap<String, BTreeSet<String>>);

impl Labels {
    /// Reads a map of label to value, or to a list of values.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let Value::Map(fields) = value else {
            return None;
        };
        let read = |(name, value): (&String, &Value)| Some((name.clone(), texts(value)?));
        fields.iter().map(read).collect::<Option<_>>().map(Self)
    }

    /// The map that [`Self::of`] reads.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let list = |values: &BTreeSet<String>| Value::List(values.iter().map(Value::text).collect());
        Value::Map(
            self.0
                .iter()
                .map(|(name, values)| (name.clone(), list(values)))
                .collect(),
        )
    }

    /// Whether nothing is asked of a device.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a device is meant. The label `device` is every device's name.
    #[must_use]
    pub fn mean(&self, device: &Device) -> bool {
        self.0.iter().all(|(name, values)| {
            let held = match name.as_str() {
                DEVICE_LABEL => Some(device.name.as_str()),
                _ => device.description.label(name),
            };
            held.is_some_and(|held| values.contains(held))
        })
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, values)) in self.0.iter().enumerate() {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let and = if index == 0 { "" } else { " and " };
            write!(f, "{and}{name} = {}", values.join(" or "))?;
        }
        Ok(())
    }
}

/// Which devices may use a model, as its attribute `access` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// All.
    Everyone,
    /// Those that any of these means.
    OneOf(Vec<Labels>),
}

impl Audience {
    /// Reads `access`; nothing when it says what no version of Headland understands, and nobody may be let in.
    #[must_use]
    pub fn of(access: &Value) -> Option<Self> {
        let items = match access {
            Value::List(items) => items.as_slice(),
            one => core::slice::from_ref(one),
        };
        let mut admitted = Vec::new();
        for item in items {
            match item {
                Value::Text(text) if text == PUBLIC => return Some(Self::Everyone),
                Value::Text(text) => {
                    let values = BTreeSet::from([text.clone()]);
                    admitted.push(Labels(BTreeMap::from([(ACCESS_LABEL.to_string(), values)])));
                }
                // An empty map would let everybody in by saying nothing.
                other => admitted.push(Labels::of(other).filter(|labels| !labels.is_empty())?),
            }
        }
        Some(Self::OneOf(admitted))
    }

    /// Whether a device is let in.
    #[must_use]
    pub fn admits(&self, device: &Device) -> bool {
        match self {
            Self::Everyone => true,
            Self::OneOf(admitted) => admitted.iter().any(|labels| labels.mean(device)),
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("every device"),
            Self::OneOf(admitted) if admitted.is_empty() => f.write_str("no device"),
            Self::OneOf(admitted) => {
                let admitted: Vec<String> = admitted.iter().map(ToString::to_string).collect();
                write!(f, "devices with {}", admitted.join(", or with "))
            }
        }
    }
}

/// A text, or a list of texts.
pub(super) fn texts(value: &Value) -> Option<BTreeSet<String>> {
    match value {
        Value::Text(text) => Some(BTreeSet::from([text.clone()])),
        Value::List(items) => items
            .iter()
            .map(|item| item.as_text().map(ToString::to_string))
            .collect(),
        _ => None,
    }
}
