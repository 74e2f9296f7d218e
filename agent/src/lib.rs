//! Headland's agent: the daemon on a device.
//!
//! Two rings. The inner one is synchronous and is what the simulator drives: [`store`] holds the discovery cache,
//! [`replica`] is the only writer and commits before it hands out frames, [`read`] answers from the store. The outer
//! one gives it sockets, clocks and a command line.

pub mod read;
pub mod replica;
pub mod store;
