//! What is said when a cursor cannot be used, and when states are compared.

use super::More;
use crate::epoch::{EpochTag, Seq};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Agent to hub: cells of the sketch of what is held here (see [`crate::sketch`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cells {
    /// The nonce of the hello whose answer asked for them.
    pub nonce: u64,
    /// How many cells went before.
    pub from: u32,
    /// The cells, eight bytes each.
    pub cells: Vec<u8>,
    /// Fields of newer versions.
    pub more: More,
}

/// What a hub makes of a sketch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// More differs than so few cells tell.
    MoreCells {
        /// How many there must be altogether.
        cells: u32,
    },
    /// What differs is known, and follows: its first part names what the agent keeps (see [`crate::kept`]).
    Repair {
        /// The hub's head at which the two were compared.
        started: Seq,
    },
    /// Too much differs to tell it one by one: everything follows.
    Snapshot {
        /// The hub's head at which that begins.
        started: Seq,
    },
}

/// Hub to agent: what became of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The hello's.
    pub nonce: u64,
    /// What follows.
    pub verdict: Verdict,
    /// Fields of newer versions.
    pub more: More,
}

/// Hub to agent: whether what the agent has acknowledged is what the hub held there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Whose history.
    pub epoch: EpochTag,
    /// The base of the acknowledgement.
    pub base: Seq,
    /// Whether the digests are equal. If not, the agent must not trust its cursors.
    pub equal: bool,
    /// Fields of newer versions.
    pub more: More,
}
