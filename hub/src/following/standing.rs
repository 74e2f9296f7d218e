//! How the following stands, for status and log.

use crate::answer::{Follow, FollowState};
use crate::registry::follow::{Behind, Held};
use headland_shared::session::Ms;
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
    const fn told(&self) -> FollowState {
        match self {
            Self::Connecting => FollowState::Connecting,
            Self::Following => FollowState::Following,
            Self::Held(_) => FollowState::Held,
            Self::Behind(_) => FollowState::Behind,
            Self::BackingOff { .. } => FollowState::BackingOff,
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
        self.told() != other.told()
    }
}

impl Standing {
    /// For the status of a hub that runs.
    pub(super) fn described(&self, leader: &Path, now: Ms) -> Follow {
        let retry_in_ms = match &self.state {
            State::BackingOff { retry_at, .. } => Some(retry_at.saturating_sub(now)),
            _ => None,
        };
        Follow {
            leader: leader.to_path_buf(),
            state: self.state.told(),
            detail: self.state.detail(),
            heard_ms_ago: self.as_of.map(|as_of| now.saturating_sub(as_of)),
            retry_in_ms,
        }
    }
}

/// For the status of a hub that does not run.
pub(crate) fn at_rest(leader: &Path) -> Follow {
    Follow {
        leader: leader.to_path_buf(),
        state: FollowState::Stopped,
        detail: None,
        heard_ms_ago: None,
        retry_in_ms: None,
    }
}
