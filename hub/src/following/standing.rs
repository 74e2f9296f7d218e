//! How the following of a registry stands, for status and log.

use crate::answer::{DatabaseStanding, Follow, FollowState};
use crate::registry::follow::{Behind, Held};
use headland_shared::session::Ms;
use std::fmt;
use std::path::PathBuf;

/// Whose registry is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leader {
    /// The hub with this socket.
    Hub(PathBuf),
    /// A database.
    Database(String),
}

impl Leader {
    /// With what it is, for a sentence.
    pub(crate) fn named(&self) -> String {
        match self {
            Self::Hub(socket) => format!("the hub at {}", socket.display()),
            Self::Database(url) => format!("database {url}"),
        }
    }
}

impl fmt::Display for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub(socket) => socket.display().fmt(f),
            Self::Database(url) => f.write_str(url),
        }
    }
}

/// What the following is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing was heard yet.
    Connecting,
    /// Everything is read anew.
    Copying {
        /// How many rows were read.
        rows: u64,
    },
    /// All that the registry says is here.
    Following,
    /// The last commit of the database is not confirmed by its standbys.
    Unconfirmed,
    /// What it says would withdraw too much, and waits for a person.
    Held(Held),
    /// What it says must not be believed.
    Behind(Behind),
    /// It cannot be followed before somebody has mended something.
    Halted {
        /// What.
        reason: String,
    },
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
    /// On this hub's clock, when a database that is followed last said anything.
    pub(crate) message_at: Option<Ms>,
    /// How a database stands that is followed.
    pub(crate) database: DatabaseStanding,
}

impl State {
    const fn told(&self) -> FollowState {
        match self {
            Self::Connecting => FollowState::Connecting,
            Self::Copying { .. } => FollowState::Copying,
            Self::Following => FollowState::Following,
            Self::Unconfirmed => FollowState::Waiting,
            Self::Held(_) => FollowState::Held,
            Self::Behind(_) => FollowState::Behind,
            Self::Halted { .. } => FollowState::Halted,
            Self::BackingOff { .. } => FollowState::BackingOff,
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Connecting | Self::Following => None,
            Self::Unconfirmed => Some("the standbys of the database have not confirmed its last commit".to_owned()),
            Self::Copying { rows } => Some(format!("{rows} rows read so far")),
            Self::Held(held) => Some(held.to_string()),
            Self::Behind(behind) => Some(behind.to_string()),
            Self::Halted { reason } | Self::BackingOff { reason, .. } => Some(reason.clone()),
        }
    }

    /// Whether another state would be told in the log though this one was.
    pub(super) fn is_another(&self, other: &Self) -> bool {
        self.told() != other.told()
    }
}

impl Standing {
    /// Nothing was heard yet.
    pub(super) fn new() -> Self {
        Self {
            state: State::Connecting,
            as_of: None,
            message_at: None,
            database: DatabaseStanding::default(),
        }
    }

    /// For the status of a hub that runs.
    pub(super) fn described(&self, leader: &Leader, now: Ms) -> Follow {
        let retry_in_ms = match &self.state {
            State::BackingOff { retry_at, .. } => Some(retry_at.saturating_sub(now)),
            _ => None,
        };
        Follow {
            leader: leader.to_string(),
            state: self.state.told(),
            detail: self.state.detail(),
            heard_ms_ago: self.as_of.map(|as_of| now.saturating_sub(as_of)),
            retry_in_ms,
            database: match leader {
                Leader::Database(_) => Some(self.database_at(now)),
                Leader::Hub(_) => None,
            },
        }
    }
}

impl Standing {
    fn database_at(&self, now: Ms) -> DatabaseStanding {
        let copying_rows = match self.state {
            State::Copying { rows } => Some(rows),
            _ => None,
        };
        DatabaseStanding {
            copying_rows,
            message_ms_ago: self.message_at.map(|at| now.saturating_sub(at)),
            ..self.database.clone()
        }
    }
}

/// For the status of a hub that does not run.
pub(crate) fn at_rest(leader: &Leader) -> Follow {
    Follow {
        leader: leader.to_string(),
        state: FollowState::Stopped,
        detail: None,
        heard_ms_ago: None,
        retry_in_ms: None,
        database: None,
    }
}
