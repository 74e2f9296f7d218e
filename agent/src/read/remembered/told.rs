//! An answer as it is told: who asks again gets the same letters.

use headland_shared::resolve::{Chosen, Resolution};
use headland_shared::value::Value;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A [`Resolution`] whose reasons are written as JSON already. There may be a thousand of them, and to write them takes
/// longer than all else that an answer takes which is remembered.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// What the device should use; nothing when there is nothing that it may.
    pub answer: Option<Chosen<Value>>,
    /// The others, with the reasons.
    pub refused: Reasons,
    /// How many were refused for which kind of reason, also those that are not listed.
    pub refused_by: BTreeMap<String, u64>,
}

/// A list of [`headland_shared::resolve::Refused`] as JSON.
#[derive(Debug, Clone)]
pub struct Reasons(Arc<RawValue>);

impl Told {
    pub(super) fn of(resolution: Resolution) -> Result<Self, serde_json::Error> {
        Ok(Self {
            answer: resolution.answer,
            refused: Reasons(serde_json::value::to_raw_value(&resolution.refused)?.into()),
            refused_by: resolution.refused_by,
        })
    }
}

impl Reasons {
    /// The list.
    #[must_use]
    pub fn json(&self) -> &str {
        self.0.get()
    }
}

impl Serialize for Reasons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (*self.0).serialize(serializer)
    }
}
