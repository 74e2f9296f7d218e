//! What Headland's programs need of their host.
//!
//! Nothing in this crate knows Headland's protocol. Each module is one thing a daemon or its
//! command line takes from the machine it runs on: its configuration, its clock, its log, its
//! store file and its tables, its control socket, its service manager, its exit code, its completions for
//! shells, news of its network, and the link to an MQTT broker.

pub mod backoff;
pub mod broker_address;
pub mod clock;
pub mod completions;
pub mod config;
pub mod control;
pub mod database;
pub mod exit;
pub mod link;
pub mod log;
pub mod loopback_address;
pub mod network;
pub mod service;
pub mod store_file;
pub mod tables;
pub mod text;
