//! Following the tables of a PostgreSQL database: a task that reads everything once, then each commit as it comes, and
//! has the replica apply it.
//!
//! ```text
//!            +---------------------------- waits, longer each time <----------+
//!            v                                                                |
//!   examination --> copying --> following --+--> the connection is lost ------+
//!     |    |                       ^        +--> too much would go: held -----+
//!     |    +-- held what is so ----+        +--> the slot or the history is --+
//!     +--> something must be mended: halted      no longer the same
//! ```
//!
//! The position in the database's log is stored in the transaction that stores what it brought, and confirmed to the
//! server only after that: whatever dies whenever, each commit takes effect once.

mod assembler;
mod barrier;
mod copying;
mod ending;
mod silence;
mod start;
mod streaming;
mod task;
mod watcher;

pub(crate) use barrier::PREFIX_REQUEST;
pub(crate) use task::Bridge;

use crate::postgres::{Plan, Server};
use crate::registry::Removals;
use crate::registry::bridge::{BridgeApplied, BridgeError, Mapping, RowsHeard};
use std::path::PathBuf;
use std::sync::Arc;

/// A database whose tables are followed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Database {
    pub(crate) server: Server,
    pub(crate) plan: Plan,
    pub(crate) mapping: Mapping,
    /// Where transactions wait that are too large for memory.
    pub(crate) directory: PathBuf,
}

/// What the database said, on its way to the replica.
#[derive(Debug)]
pub(crate) struct Told {
    /// One commit after another.
    pub(crate) heard: Vec<RowsHeard>,
    pub(crate) mapping: Arc<Mapping>,
    /// Whether a person has released what the brake holds.
    pub(crate) removals: Removals,
}

/// What the replica made of it.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) told: Box<Told>,
    /// For each commit, or why none of them was taken over.
    pub(crate) result: Result<Vec<BridgeApplied>, BridgeError>,
}
