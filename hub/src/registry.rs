//! The embedded registry: the default central registry, inside the hub's own store.
//!
//! It has a life and revisions of its own. An import states what some namespaces shall hold; the difference to what
//! they hold becomes one commit. Every commit stays in the history, and a revert is a new commit.

pub mod bridge;
mod change;
pub mod follow;
mod import;
mod put;
mod revert;
mod statement;

pub use import::{ImportError, ImportOptions, ImportReport, NewAttribute, Removals, import};
pub use put::{Assertion, Element, Expected, Put, PutError, PutReport, Word, put};
pub use revert::{RevertError, RevertReport, revert};

/// Commits that can be reverted: what each of them replaced is kept. Older ones stay in the history.
pub const UNDOS_MAX: u64 = 1_000;
/// A commit that removes more than this many percent of a namespace is held back, unless removals are allowed.
pub const REMOVALS_PERCENT_MAX: u64 = 5;
