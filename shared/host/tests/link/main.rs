//! A link against a real broker, and against brokers that misbehave.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod inbox;
mod misbehaving;
mod mosquitto;
mod with_mosquitto;
