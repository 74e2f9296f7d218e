//! Where writes go: what all ways of writing back have in common.

use super::gather::Looked;
use crate::store::Outlet;
use headland_host::tables::StoreError;
use headland_shared::key::RecordKey;
use std::fmt::Display;

/// What became of writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// How many of those that were given, from the first on, need not be made again. At least one.
    pub(super) taken: usize,
    /// How many of these changed something there.
    pub(super) written: u64,
    /// Why the registry will never take one of them, if so.
    pub(super) passed_over: Option<String>,
}

/// A registry that takes what devices wrote.
pub(super) trait Destination: Send + 'static {
    /// One write: a state under a name of its own, so that making it twice changes nothing.
    type Write: Send + Sync + 'static;
    /// Why writes were not made. They are tried again.
    type Error: Display + Send;

    /// Which cursor says how far the writing has come.
    const OUTLET: Outlet;

    /// The writes of a record that changed: none when the registry does not hold the model, all when it came after the
    /// base itself.
    fn writes_of(looked: &Looked<'_>, record: &RecordKey, blob: &[u8]) -> Result<Vec<Self::Write>, StoreError>;

    /// Makes writes: as many at once as suits it, of which there is at least one.
    fn write(&mut self, writes: &[Self::Write]) -> impl Future<Output = Result<Outcome, Self::Error>> + Send;

    /// Ends the connection, of which nothing is known any more, or which would only rest.
    fn hang_up(&mut self);
}
