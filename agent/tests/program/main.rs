//! The agent's program as people and init systems meet it, with no hub to be found.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod completing;
mod damaged;
mod device;
mod doctor;
mod hook;
mod looking_after;
mod loopback;
mod misusing;
mod offline;
mod querying;
mod refusals;
mod reporting;
mod resolving;
mod retrying;
mod running;
mod socket;
mod supervised;
mod watching;
