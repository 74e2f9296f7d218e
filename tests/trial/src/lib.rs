//! Headland's programs as tests meet them from outside: commands that end, daemons whose log is watched, the ports and
//! tokens that they are given, and a service manager that listens. Knows nothing of what the programs do.
//!
//! All of it is for tests: what cannot be done panics.

#![allow(clippy::missing_panics_doc, reason = "a test fails by panicking")]

pub mod command;
pub mod daemon;
pub mod log;
pub mod loopback;
pub mod manager;
pub mod ports;
