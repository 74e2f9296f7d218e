//! Requests to set something in a database, as they are remembered.

use headland_shared::epoch::Position;
use headland_shared::key::RecordKey;
use serde::{Deserialize, Serialize};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRow {
    /// Its place among the others: later ones have higher numbers.
    pub number: u64,
    /// What was to be set; nothing of a request that was made at another hub.
    pub put: Option<PutRow>,
    /// How far it is.
    pub stage: RequestStage,
}

/// What a request was to set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRow {
    /// Of which model.
    pub record: RecordKey,
    /// The encoded key of the element.
    pub element: Vec<u8>,
    /// What was to be said of it.
    pub value: String,
    /// The condition.
    pub expected: ExpectedRow,
}

/// What whoever made a request had seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpectedRow {
    /// Nothing is said of the element.
    Nothing,
    /// Something is said of it.
    Anything,
    /// What is said of it was said at one of these positions.
    SaidAt(Vec<Position>),
}

/// How far a request is. One that has not come to a commit is not remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestStage {
    /// The database is asked to commit it, or was: what came of it is not known here.
    Asked {
        /// The cluster's identifier.
        system: u64,
        /// The timeline within it.
        timeline: u32,
        /// The number of the transaction.
        transaction: u64,
    },
    /// It is committed, and held here.
    Landed {
        /// Where it is in the registry's order.
        position: Position,
        /// The hub's commit; nothing when nothing visible has changed.
        seq: Option<u64>,
    },
    /// It is committed, and something else has been said since.
    Superseded,
    /// It was not done.
    NotDone {
        /// Why.
        reason: String,
    },
}
