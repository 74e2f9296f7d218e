//! What an alias names: one version, or another for each kind of device.

use super::{Device, Labels};
use crate::name::VersionName;
use crate::value::Value;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

/// The most rules of one alias: a catalogue has a few rings of devices, not hundreds.
pub const ALIAS_RULES_MAX: usize = 64;

const VERSION: &str = "version";
const LABELS: &str = "labels";

/// One rule of a targeted alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasRule {
    /// Which devices are meant; all if it asks for nothing.
    pub labels: Labels,
    /// Which version the alias names for them.
    pub version: VersionName,
}

/// What an alias names. In the catalogue: a text, or a list of `{version, labels}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AliasTarget {
    /// This version, for every device.
    Version(VersionName),
    /// The version of the first rule that means the device.
    Rules(Vec<AliasRule>),
}

impl AliasTarget {
    /// Reads an alias's value; nothing when it says what cannot be understood.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Text(version) => VersionName::new(version.as_str()).ok().map(Self::Version),
            Value::List(rules) if rules.len() <= ALIAS_RULES_MAX && !rules.is_empty() => {
                rules.iter().map(AliasRule::of).collect::<Option<_>>().map(Self::Rules)
            }
            _ => None,
        }
    }

    /// The value that [`Self::of`] reads.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Version(version) => Value::text(version.as_str()),
            Self::Rules(rules) => Value::List(rules.iter().map(AliasRule::to_value).collect()),
        }
    }

    /// All versions that it names.
    pub fn versions(&self) -> impl Iterator<Item = &VersionName> {
        let (one, rules) = match self {
            Self::Version(version) => (Some(version), [].as_slice()),
            Self::Rules(rules) => (None, rules.as_slice()),
        };
        one.into_iter().chain(rules.iter().map(|rule| &rule.version))
    }

    /// The version that it names for a device.
    #[must_use]
    pub fn for_device(&self, device: &Device) -> Option<&VersionName> {
        match self {
            Self::Version(version) => Some(version),
            Self::Rules(rules) => {
                let rule = rules.iter().find(|rule| rule.labels.mean(device));
                rule.map(|rule| &rule.version)
            }
        }
    }
}

impl AliasRule {
    fn of(value: &Value) -> Option<Self> {
        let Value::Map(fields) = value else {
            return None;
        };
        // A condition that is not understood must not widen whom the rule means.
        if fields.keys().any(|name| name != VERSION && name != LABELS) {
            return None;
        }
        let labels = fields.get(LABELS).map_or_else(|| Some(Labels::default()), Labels::of)?;
        let version = VersionName::new(fields.get(VERSION)?.as_text()?).ok()?;
        Some(Self { labels, version })
    }

    fn to_value(&self) -> Value {
        let mut fields = BTreeMap::from([(VERSION.to_string(), Value::text(self.version.as_str()))]);
        if !self.labels.is_empty() {
            fields.insert(LABELS.to_string(), self.labels.to_value());
        }
        Value::Map(fields)
    }
}
