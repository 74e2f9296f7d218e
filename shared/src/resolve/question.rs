//! The question.

use super::{Need, rules};
use crate::name::{AliasName, ApprovalName, AttributeName, Namespace, Task};
use alloc::collections::{BTreeMap, BTreeSet};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// The most conditions of one question.
pub const NEEDS_MAX: usize = 32;

/// Which version should be used for a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What the model shall do.
    pub task: Task,
    /// Whose model; anybody's unless named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// What is needed of its attributes.
    #[serde(default, deserialize_with = "needs", skip_serializing_if = "BTreeMap::is_empty")]
    pub need: BTreeMap<AttributeName, Need>,
    /// Only the versions that this alias names for the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<AliasName>,
    /// What the version must be approved for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalName>,
}

fn needs<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<AttributeName, Need>, D::Error> {
    let needs = BTreeMap::deserialize(from)?;
    if needs.len() > NEEDS_MAX {
        return Err(D::Error::custom(alloc::format!(
            "`need` names more than {NEEDS_MAX} attributes"
        )));
    }
    Ok(needs)
}

impl Question {
    /// A question for a task, without conditions.
    #[must_use]
    pub const fn of(task: Task) -> Self {
        Self {
            task,
            namespace: None,
            need: BTreeMap::new(),
            alias: None,
            approval: None,
        }
    }

    /// The attributes on which the answer may depend: a reader need not look at others.
    #[must_use]
    pub fn attributes(&self) -> BTreeSet<&str> {
        let needed = self.need.keys().map(AttributeName::as_str);
        rules::ATTRIBUTES.into_iter().chain(needed).collect()
    }
}
