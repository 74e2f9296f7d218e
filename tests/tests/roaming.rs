//! Two hubs fed by one registry, and agents that roam between them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "roaming/fenced.rs"]
mod fenced;
#[path = "roaming/following.rs"]
mod following;
#[path = "roaming/hubs.rs"]
mod hubs;
#[path = "roaming/mistaken.rs"]
mod mistaken;
#[path = "roaming/moving.rs"]
mod moving;
#[path = "roaming/processes.rs"]
mod processes;
