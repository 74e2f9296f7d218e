//! Writing back: what devices wrote reaches the central registry.
//!
//! The store is the outbox. The index of changes says what has changed since a cursor, which says up to where all that
//! devices wrote is in the registry. Each write is a state under a name of its own, so that one that is made twice, or
//! again after a crash, changes nothing.
//!
//! ```text
//! index of changes --> gather: what devices wrote --> breaker --> MLflow
//!        ^                                                          |
//!        +------------- the cursor moves once all is there <--------+
//! ```

mod breaker;
mod gather;
mod http;
mod mlflow;
mod standing;
mod tags;
mod target;
mod task;

pub(crate) use standing::{STATES, Standing, at_rest};
pub(crate) use target::{Target, TargetError};
pub(crate) use task::WriteBack;
