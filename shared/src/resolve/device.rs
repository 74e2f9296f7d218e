//! What a device says of itself: its labels and its facts.

use crate::bytes::{DecodeError, Reader};
use crate::name::{FactName, LabelName, LabelValue, ReplicaName};
use crate::value::{Number, Value};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The most labels of one device.
pub const LABELS_MAX: usize = 32;
/// The most facts of one device.
pub const FACTS_MAX: usize = 32;
/// The most texts of one fact, such as runtimes that a device has.
pub const FACT_ITEMS_MAX: usize = 32;
/// The longest text of a fact, in bytes.
const FACT_TEXT_BYTES_MAX: usize = 128;
/// The longest description, encoded: it travels in a hello, which should stay small, and a hub keeps one for each of
/// a hundred thousand devices.
pub const DESCRIPTION_BYTES_MAX: usize = 4 * 1024;
/// The label that every device has: its name. It cannot be set.
pub const DEVICE_LABEL: &str = "device";

const LABELS: &str = "labels";
const FACTS: &str = "facts";

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Plain", into = "Plain")]
pub enum Fact {
    /// Whether the device has something.
    Flag(bool),
    /// How much of something it has.
    Number(Number),
    /// Which of something it has.
    Texts(BTreeSet<String>),
}

/// How facts are written.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a fact is true or false, a number, a text or a list of texts")]
enum Plain {
    Flag(bool),
    Whole(i64),
    Real(f64),
    Text(String),
    Texts(Vec<String>),
}

/// A fact that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// A number that is none.
    #[error("a fact is not a finite number; write how much there is")]
    NotFinite,
    /// Too many texts, or a text that is too long.
    #[error(
        "a fact holds more than {FACT_ITEMS_MAX} texts, or one that is empty or longer than {FACT_TEXT_BYTES_MAX} bytes; shorten it"
    )]
    TooLong,
}

/// What a device says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Description {
    labels: BTreeMap<LabelName, LabelValue>,
    facts: BTreeMap<FactName, Fact>,
}

/// A description that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// Too many labels.
    #[error("a device has at most {LABELS_MAX} labels; leave some out")]
    Labels,
    /// Too many facts.
    #[error("a device has at most {FACTS_MAX} facts; leave some out")]
    Facts,
    /// A label that every device has by itself.
    #[error("label {DEVICE_LABEL:?} is the device's name and cannot be set; give the label another name")]
    Reserved,
    /// Too much in all.
    #[error("labels and facts of a device take {0} bytes of the {DESCRIPTION_BYTES_MAX} that they may; shorten them")]
    TooLong(usize),
    /// Not a description at all.
    #[error("this is no description of a device: {0}")]
    Unreadable(#[from] DecodeError),
}

/// A device that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: ReplicaName,
    /// What it says of itself.
    pub description: Description,
}

impl TryFrom<Plain> for Fact {
    type Error = FactError;

    fn try_from(plain: Plain) -> Result<Self, FactError> {
        let texts = match plain {
            Plain::Flag(flag) => return Ok(Self::Flag(flag)),
            Plain::Whole(whole) => return Ok(Self::Number(Number::Whole(whole))),
            Plain::Real(real) => return Number::from_f64(real).map(Self::Number).ok_or(FactError::NotFinite),
            Plain::Text(text) => Vec::from([text]),
            Plain::Texts(texts) => texts,
        };
        let fits = |text: &String| !text.is_empty() && text.len() <= FACT_TEXT_BYTES_MAX;
        if texts.len() > FACT_ITEMS_MAX || !texts.iter().all(fits) {
            return Err(FactError::TooLong);
        }
        Ok(Self::Texts(texts.into_iter().collect()))
    }
}

impl From<Fact> for Plain {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::Flag(flag) => Self::Flag(flag),
            Fact::Number(Number::Whole(whole)) => Self::Whole(whole),
            Fact::Number(Number::Real(real)) => Self::Real(real),
            Fact::Texts(texts) => Self::Texts(texts.into_iter().collect()),
        }
    }
}

impl Fact {
    /// The fact as a value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Number(number) => Value::Number(*number),
            Self::Texts(texts) => Value::List(texts.iter().map(Value::text).collect()),
        }
    }

    fn of(value: &Value) -> Option<Self> {
        let plain = match value {
            Value::Bool(flag) => Plain::Flag(*flag),
            Value::Number(number) => return Some(Self::Number(*number)),
            value => Plain::Texts(super::audience::texts(value)?.into_iter().collect()),
        };
        Self::try_from(plain).ok()
    }
}

impl Description {
    /// Checks and takes labels and facts.
    pub fn new(
        labels: BTreeMap<LabelName, LabelValue>,
        facts: BTreeMap<FactName, Fact>,
    ) -> Result<Self, DescriptionError> {
        if labels.len() > LABELS_MAX {
            return Err(DescriptionError::Labels);
        }
        if facts.len() > FACTS_MAX {
            return Err(DescriptionError::Facts);
        }
        if labels.keys().any(|name| name.as_str() == DEVICE_LABEL) {
            return Err(DescriptionError::Reserved);
        }
        let description = Self { labels, facts };
        let length = description.encoded().len();
        if length > DESCRIPTION_BYTES_MAX {
            return Err(DescriptionError::TooLong(length));
        }
        Ok(description)
    }

    /// What a label says.
    #[must_use]
    pub fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(label, _)| label.as_str() == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A fact.
    #[must_use]
    pub fn fact(&self, name: &str) -> Option<&Fact> {
        self.facts
            .iter()
            .find(|(fact, _)| fact.as_str() == name)
            .map(|(_, fact)| fact)
    }

    /// The stable encoding: a map of two maps, to which later versions may add.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let labels = self
            .labels
            .iter()
            .map(|(name, value)| (name.to_string(), Value::text(value.as_str())));
        let facts = self
            .facts
            .iter()
            .map(|(name, fact)| (name.to_string(), fact.to_value()));
        let parts = [
            (LABELS, Value::Map(labels.collect())),
            (FACTS, Value::Map(facts.collect())),
        ];
        let mut out = Vec::new();
        Value::Map(parts.map(|(name, part)| (name.to_string(), part)).into()).encode(&mut out);
        out
    }

    /// Reads the stable encoding. What a later version added is passed over.
    pub fn decode(bytes: &[u8]) -> Result<Self, DescriptionError> {
        const INVALID: DecodeError = DecodeError::Invalid("description of a device");
        if bytes.len() > DESCRIPTION_BYTES_MAX {
            return Err(DescriptionError::TooLong(bytes.len()));
        }
        let Value::Map(parts) = Value::decode(&mut Reader::new(bytes))? else {
            return Err(INVALID.into());
        };
        let (Some(Value::Map(labels)), Some(Value::Map(facts))) = (parts.get(LABELS), parts.get(FACTS)) else {
            return Err(INVALID.into());
        };
        let label = |(name, value): (&String, &Value)| {
            let name = LabelName::new(name.as_str()).ok()?;
            Some((name, LabelValue::new(value.as_text()?).ok()?))
        };
        let fact = |(name, value): (&String, &Value)| Some((FactName::new(name.as_str()).ok()?, Fact::of(value)?));
        let labels: Option<_> = labels.iter().map(label).collect();
        // A kind of fact that a later version brought is left out, and so never satisfies anything.
        let facts = facts.iter().filter_map(fact).collect();
        Self::new(labels.ok_or(INVALID)?, facts)
    }
}
