//! Headland's hub: one region's replica.
//!
//! Two rings. The inner one is synchronous and is what the simulator drives: [`store`] holds the region's state,
//! [`replica`] is the only writer and commits before it hands out frames, [`registry`] is the embedded central
//! registry, [`read`] answers from the store. The outer one gives it sockets, clocks, a broker and a command line:
//! [`program`] is the whole program.

mod answer;
mod api;
mod backup;
mod bridging;
#[cfg(feature = "broker")]
pub mod broker;
mod cli;
mod credential;
mod daemon;
mod driver;
mod edge;
mod following;
pub mod import_file;
mod opening;
mod operation;
pub mod postgres;
pub mod program;
pub mod read;
mod registrar;
pub mod registry;
pub mod replica;
mod report;
mod settings;
mod status_line;
pub mod store;
mod tls;
mod uplink;
mod writeback;
