//! A hub that follows a real PostgreSQL: what goes wrong with logical replication, and does not go wrong here.
//!
//! Each trap of `docs/postgres.md` has a test.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "postgres/brake.rs"]
mod brake;
#[path = "postgres/chain.rs"]
mod chain;
#[path = "postgres/changes.rs"]
mod changes;
#[path = "postgres/crash.rs"]
mod crash;
#[path = "postgres/dead_link.rs"]
mod dead_link;
#[path = "postgres/described.rs"]
mod described;
#[path = "postgres/detour.rs"]
mod detour;
#[path = "postgres/doctor.rs"]
mod doctor;
#[path = "postgres/exchange.rs"]
mod exchange;
#[path = "postgres/history.rs"]
mod history;
#[path = "postgres/metrics.rs"]
mod metrics;
#[path = "postgres/mlflow.rs"]
mod mlflow;
#[path = "postgres/place.rs"]
mod place;
#[path = "postgres/present.rs"]
mod present;
#[path = "postgres/remembered.rs"]
mod remembered;
#[path = "postgres/residency.rs"]
mod residency;
#[path = "postgres/secured.rs"]
mod secured;
#[path = "postgres/setting.rs"]
mod setting;
#[path = "postgres/slot.rs"]
mod slot;
#[path = "postgres/standbys.rs"]
mod standbys;
#[path = "postgres/synchronous.rs"]
mod synchronous;
#[path = "postgres/tables.rs"]
mod tables;
#[path = "postgres/unknown.rs"]
mod unknown;
