//! Headland's fleet: the simulator, the demo, the benchmarks, and what tests with several programs need.

pub mod bench;
pub mod demo;
pub mod disk;
pub mod ends;
pub mod explore;
pub mod fleet;
pub mod front;
pub mod mlflow;
pub mod mosquitto;
pub mod network;
pub mod postgres;
pub mod program;
pub mod proxy;
pub mod simulator;

pub use headland_trial::ports;
