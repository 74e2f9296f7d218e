//! How the following of a registry stands, for status and log.

use crate::registry::follow::{Behind, Held};
use headland_shared::session::Ms;
use serde_json::{Value, json};
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
    /// How a database stands that is followed.
    pub(crate) database: DatabaseStanding,
}

/// How a database stands that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DatabaseStanding {
    /// The replication slot.
    pub(crate) slot: String,
    /// How safe the log is that the slot needs, as the database says it.
    pub(crate) wal_status: Option<String>,
    /// How much log the database keeps for this hub, in bytes.
    pub(crate) kept_bytes: Option<i64>,
    /// How much more the database may write before the slot is lost, in bytes; nothing for no limit.
    pub(crate) safe_wal_bytes: Option<i64>,
    /// How far this hub is behind, in bytes of the database's log.
    pub(crate) behind_bytes: Option<u64>,
    /// Up to here everything is held.
    pub(crate) durable: Option<String>,
    /// Whether its commits wait for standbys.
    pub(crate) synchronous: bool,
    /// How often everything was read anew.
    pub(crate) copies: u64,
    /// How much the catalogue could not hold since the hub was started, and the latest reason.
    pub(crate) left_out: u64,
    pub(crate) left_out_last: Option<String>,
}

impl State {
    const fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Copying { .. } => "copying",
            Self::Following => "following",
            Self::Unconfirmed => "waiting",
            Self::Held(_) => "held",
            Self::Behind(_) => "behind",
            Self::Halted { .. } => "halted",
            Self::BackingOff { .. } => "backing off",
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
        self.name() != other.name()
    }
}

impl Standing {
    /// Nothing was heard yet.
    pub(super) fn new() -> Self {
        Self {
            state: State::Connecting,
            as_of: None,
            database: DatabaseStanding::default(),
        }
    }

    /// For the status of a hub that runs.
    pub(super) fn described(&self, leader: &Leader, now: Ms) -> Value {
        let retry_in_ms = match &self.state {
            State::BackingOff { retry_at, .. } => Some(retry_at.saturating_sub(now)),
            _ => None,
        };
        let mut answer = json!({
            "leader": leader.to_string(), "state": self.state.name(), "detail": self.state.detail(),
            "heard_ms_ago": self.as_of.map(|as_of| now.saturating_sub(as_of)), "retry_in_ms": retry_in_ms,
        });
        if let Leader::Database(_) = leader {
            let database = &self.database;
            answer["database"] = json!({
                "slot": database.slot, "wal_status": database.wal_status, "kept_bytes": database.kept_bytes,
                "safe_wal_bytes": database.safe_wal_bytes, "behind_bytes": database.behind_bytes,
                "durable": database.durable, "synchronous": database.synchronous, "copies": database.copies,
                "left_out": database.left_out, "left_out_last": database.left_out_last,
            });
        }
        answer
    }
}

/// For the status of a hub that does not run.
pub(crate) fn at_rest(leader: &Leader) -> Value {
    json!({ "leader": leader.to_string(), "state": "stopped", "detail": null, "heard_ms_ago": null, "retry_in_ms": null })
}
