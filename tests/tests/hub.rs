//! A hub and its agents, with real programs: what both answer, and what is left after a backup is restored.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "hub/asking.rs"]
mod asking;
#[path = "hub/region.rs"]
mod region;
#[path = "hub/restoring.rs"]
mod restoring;
