//! A copy of the store as one stream of checked blocks, taken while the hub runs, and a store made out of it.

mod block;
mod file;
mod restore;
mod take;

pub(crate) use file::BackupFile;
pub(crate) use restore::{Existing, restore};
pub(crate) use take::take;

use serde::{Deserialize, Serialize};

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// The region that the hub serves.
    pub(crate) region: String,
    /// The version of the program that took it.
    pub(crate) version: String,
    /// When, in milliseconds since 1970 by the hub's clock.
    pub(crate) taken_ms: u64,
    /// The life of the hub's store.
    pub(crate) epoch: String,
    /// The latest change in it.
    pub(crate) head: u64,
    /// Models in it.
    pub(crate) models: u64,
    /// Agents in it.
    pub(crate) agents: u64,
}
