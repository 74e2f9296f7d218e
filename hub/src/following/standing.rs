//! How the following stands, for status and log.

use crate::registry::follow::{Behind, Held};
use headland_shared::session::Ms;
use serde_json::{Value, json};
use std::path::Path;

/// What the following is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing was heard yet.
    Connecting,
    /// All that the registry says is here.
    Following,
    /// What it says would withdraw too much, and waits for a person.
    Held(Held),
    /// What it says must not be believed.
    Behind(Behind),
    /// It did not answer, or not so that it could be used.
    BackingOff {
        /// Why.
        reason: String,
        /// When it is asked again.
        retry_at: Ms,
    },
}

/// How the following stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: State,
    /// On this hub's clock, when what is held here was the registry's state; nothing before it was heard once.
    pub(crate) as_of: Option<Ms>,
}

impl State {
    const fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Following => "following",
            Self::Held(_) => "held",
            Self::Behind(_) => "behind",
            Self::BackingOff { .. } => "backing off",
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Connecting | Self::Following => None,
            Self::Held(held) => Some(held.to_string()),
            Self::Behind(behind) => Some(behind.to_string()),
            Self::BackingOff { reason, .. } => Some(reason.clone()),
        }
    }

    /// Whether another state would be told in the log though this one was.
    pub(super) fn is_another(&self, other: &Self) -> bool {
        self.name() != other.name()
    }
}

impl Standing {
    /// For the status of a hub that runs.
    pub(crate) fn described(&self, leader: &Path, now: Ms) -> Value {
        let retry_in_ms = match &self.state {
            State::BackingOff { retry_at, .. } => Some(retry_at.saturating_sub(now)),
            _ => None,
        };
        json!({
            "leader": leader, "state": self.state.name(), "detail": self.state.detail(),
            "heard_ms_ago": self.as_of.map(|as_of| now.saturating_sub(as_of)), "retry_in_ms": retry_in_ms,
        })
    }
}

/// For the status of a hub that does not run.
pub(crate) fn at_rest(leader: &Path) -> Value {
    json!({ "leader": leader, "state": "stopped", "detail": null, "heard_ms_ago": null, "retry_in_ms": null })
}
