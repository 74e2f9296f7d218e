//! What the hub speaks with PostgreSQL.

mod lsn;
pub mod pgoutput;

pub use lsn::{Lsn, LsnError};
