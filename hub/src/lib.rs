//! Headland's hub: one region's replica.
//!
//! Two rings. The inner one is synchronous and is what the simulator drives: [`store`] holds the region's state,
//! [`replica`] is the only writer and commits before it hands out frames, [`registry`] is the embedded central
//! registry, [`read`] answers from the store. The outer one gives it sockets, clocks, a broker and a command line.

#[cfg(feature = "broker")]
pub mod broker;
pub mod import_file;
pub mod read;
pub mod registry;
pub mod replica;
pub mod store;
