//! The hub's program as people, init systems and agents meet it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asking;
mod backup;
mod completing;
mod loopback;
mod offline;
mod putting;
mod refusals;
mod region;
mod running;
mod storm;
mod supervised;
