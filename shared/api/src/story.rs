//! Answers about parts of a model, and about how a value came to be.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Uses of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Usage {
    /// Uses counted by everybody.
    pub usage: i64,
    /// What this device has counted of them; absent where no device answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<i64>,
    /// All counts of the model, by attribute.
    pub counts: BTreeMap<String, i64>,
}

/// Whether a model may be used and can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Availability {
    /// Whether it can be reached, as whoever has the last word says; null when nobody says.
    pub availability: Option<Value>,
    /// What the registry says of it, such as "deprecated".
    pub status: Option<Value>,
    /// The rule by which the availability was chosen.
    pub rule: String,
    /// Who said what is shown of the availability, and when.
    pub by: Option<WriteStory>,
    /// What others say.
    pub against: Vec<WriteStory>,
}

/// One write, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WriteStory {
    /// Who wrote it: "registry", or a replica's name.
    pub actor: String,
    /// Which life of that replica's store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// With which authority: automation, operator or person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<String>,
    /// In which life of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<u32>,
    /// With which of its revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Which of the replica's writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<u64>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// When, in UTC.
    pub at: Option<String>,
    /// The member of a set that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// What was written; null when the value was taken away.
    pub value: Option<Value>,
    /// Whether no later write of the same life of the registry may take it back.
    pub sticky: bool,
    /// Why it is shown, or why not.
    pub because: String,
}

/// What one replica has counted in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TallyStory {
    /// Which replica.
    pub actor: String,
    /// Which life of its store.
    pub incarnation: String,
    /// In which region.
    pub region: String,
    /// What it added up.
    pub added: u64,
    /// What it took back.
    pub removed: u64,
}

/// Why an attribute shows what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Why {
    /// The attribute.
    pub attribute: String,
    /// The rule by which its value is chosen.
    pub rule: String,
    /// What is shown; null when nothing is.
    pub value: Option<Value>,
    /// The writes that are shown: one, or one for each member of a set.
    pub won: Vec<WriteStory>,
    /// The writes that are not.
    pub against: Vec<WriteStory>,
    /// What a count is the sum of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counted: Vec<TallyStory>,
    /// All of it in a sentence.
    pub sentence: String,
}
