//! How the registry of others is followed, and how what devices wrote reaches it.

use crate::store::Outlet;
use serde::{Deserialize, Serialize};

/// What the following of another's registry is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) enum FollowState {
    /// The hub does not run.
    #[serde(rename = "stopped")]
    Stopped,
    /// Nothing was heard yet.
    #[serde(rename = "connecting")]
    Connecting,
    /// Everything is read anew from a database.
    #[serde(rename = "copying")]
    Copying,
    /// All that the registry says is here.
    #[serde(rename = "following")]
    Following,
    /// The last commit of a database is not confirmed by its standbys.
    #[serde(rename = "waiting")]
    Waiting,
    /// What it says would withdraw too much, and waits for a person.
    #[serde(rename = "held")]
    Held,
    /// What it says must not be believed.
    #[serde(rename = "behind")]
    Behind,
    /// It cannot be followed before somebody has mended something.
    #[serde(rename = "halted")]
    Halted,
    /// It did not answer, or not so that it could be used.
    #[serde(rename = "backing off")]
    BackingOff,
}

impl FollowState {
    /// All of them, in the order in which they are told.
    pub(crate) const ALL: [Self; 9] = [
        Self::Stopped,
        Self::Connecting,
        Self::Copying,
        Self::Following,
        Self::Waiting,
        Self::Held,
        Self::Behind,
        Self::Halted,
        Self::BackingOff,
    ];

    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Connecting => "connecting",
            Self::Copying => "copying",
            Self::Following => "following",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Behind => "behind",
            Self::Halted => "halted",
            Self::BackingOff => "backing off",
        }
    }
}

/// How a database stands that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
    /// How much the catalogue could not hold since the hub was started.
    pub(crate) left_out: u64,
    /// The latest reason for that.
    pub(crate) left_out_last: Option<String>,
    /// Sessions with the database that were begun since the hub was started: each but the first is a reconnect.
    #[serde(default)]
    pub(crate) sessions: u64,
    /// Commits of it that were taken over since then.
    #[serde(default)]
    pub(crate) commits: u64,
    /// Rows of it that were taken over since then, those that were read anew too.
    #[serde(default)]
    pub(crate) rows: u64,
    /// Rows read so far, while everything is read anew.
    #[serde(default)]
    pub(crate) copying_rows: Option<u64>,
    /// Milliseconds since it last said anything; null before it did.
    #[serde(default)]
    pub(crate) message_ms_ago: Option<u64>,
    /// Barriers in its log that came back since the hub was started.
    #[serde(default)]
    pub(crate) barriers: u64,
    /// How long all of them took, in milliseconds.
    #[serde(default)]
    pub(crate) barriers_ms: u64,
}

/// How the following of another's registry stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Follow {
    /// The socket of the leading hub, or the address of the database.
    pub(crate) leader: String,
    /// What it is at.
    pub(crate) state: FollowState,
    /// Why, where that needs a word.
    pub(crate) detail: Option<String>,
    /// Milliseconds since what is held here was the leading registry's state; null before that was heard once.
    pub(crate) heard_ms_ago: Option<u64>,
    /// When it is asked again, in milliseconds from now.
    pub(crate) retry_in_ms: Option<u64>,
    /// More of a database that is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) database: Option<DatabaseStanding>,
}

/// How what devices wrote reaches the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WriteBack {
    /// Where it is written.
    pub(crate) target: String,
    /// What the writing is at: `stopped` while the hub does not run, else how its circuit breaker stands.
    pub(crate) state: String,
    /// Why, where that needs a word.
    pub(crate) detail: Option<String>,
    /// Up to here in the hub's order of changes everything is written.
    pub(crate) written_back: u64,
    /// How many changes that is behind.
    pub(crate) behind: u64,
    /// When it is tried again, in milliseconds from now.
    pub(crate) retry_in_ms: Option<u64>,
    /// Writes that were made since the hub was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) written: Option<u64>,
    /// Writes that the registry has no place for, since the hub was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) passed_over: Option<u64>,
    /// The latest of these, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) passed_over_last: Option<String>,
}

/// How the writing back stands, on each way that there is.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteBacks {
    /// To an MLflow.
    pub(crate) mlflow: Option<WriteBack>,
    /// To Headland's own tables.
    pub(crate) tables: Option<WriteBack>,
}

impl WriteBacks {
    /// Sets how one way stands.
    pub(crate) fn set(&mut self, outlet: Outlet, standing: WriteBack) {
        match outlet {
            Outlet::Mlflow => self.mlflow = Some(standing),
            Outlet::Tables => self.tables = Some(standing),
        }
    }
}
