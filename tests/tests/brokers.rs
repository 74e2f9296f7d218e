//! Brokers that die, forget everything or remember too much: one story, told with real programs on both brokers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "brokers/crash.rs"]
mod crash;
#[path = "brokers/junk.rs"]
mod junk;
#[path = "brokers/region.rs"]
mod region;
#[path = "brokers/vandal.rs"]
mod vandal;
