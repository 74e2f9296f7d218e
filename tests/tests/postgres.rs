//! A hub that follows a real PostgreSQL: what goes wrong with logical replication, and does not go wrong here.
//!
//! Each trap of `docs/postgres.md` has a test.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "postgres/brake.rs"]
mod brake;
#[path = "postgres/changes.rs"]
mod changes;
#[path = "postgres/crash.rs"]
mod crash;
#[path = "postgres/doctor.rs"]
mod doctor;
#[path = "postgres/history.rs"]
mod history;
#[path = "postgres/metrics.rs"]
mod metrics;
#[path = "postgres/mlflow.rs"]
mod mlflow;
#[path = "postgres/place.rs"]
mod place;
#[path = "postgres/slot.rs"]
mod slot;
#[path = "postgres/standbys.rs"]
mod standbys;
