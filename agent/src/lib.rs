//! Headland's agent: the daemon on a device.
//!
//! Two rings. The inner one is synchronous and is what the simulator drives: [`store`] holds the discovery cache,
//! [`replica`] is the only writer and commits before it hands out frames, [`read`] answers from the store. The outer
//! one gives it sockets, clocks and a command line: [`program`] is the whole program, [`answer`] is what it answers,
//! [`device`] is one of many within another program.

pub mod answer;
mod api;
mod cli;
mod daemon;
pub mod device;
mod doctor;
mod driver;
mod hook;
mod once;
mod opening;
pub mod program;
pub mod read;
pub mod replica;
mod rescue;
mod resolving;
mod running;
mod settings;
mod status_line;
pub mod store;
mod uplink;
