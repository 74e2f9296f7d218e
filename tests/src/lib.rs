//! Headland's fleet: the simulator, the demo, and what tests with several programs need.

pub mod disk;
pub mod mosquitto;
pub mod ports;
pub mod proxy;
pub mod simulator;
