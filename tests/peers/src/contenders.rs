//! The contenders: documents that hold the catalogue, and what they send to each other.

pub(crate) mod automerge;
pub(crate) mod json;
pub(crate) mod loro;
mod shape;
pub(crate) mod yrs;

use crate::failure::Failure;
use crate::model::Event;
use serde_json::Value;

/// A replica of the catalogue in some library.
pub(crate) trait Document: Sized {
    /// What a replica must tell of itself to be sent what it lacks.
    type Version;

    /// An empty one that writes under this number.
    fn empty(writer: u64) -> Self;

    /// Applies an event: one commit, where the library has commits.
    fn commit(&mut self, event: &Event) -> Result<(), Failure>;

    /// All of it, for a fresh replica.
    fn snapshot(&mut self) -> Result<Vec<u8>, Failure>;

    /// A replica that was loaded from a snapshot and writes under this number.
    fn load(snapshot: &[u8], writer: u64) -> Result<Self, Failure>;

    fn version(&mut self) -> Self::Version;

    /// What came after a version.
    fn updates(&mut self, since: &Self::Version) -> Result<Vec<u8>, Failure>;

    /// Takes in what another replica sent.
    fn apply(&mut self, updates: &[u8]) -> Result<(), Failure>;

    /// Everything that it shows, in the words of the plain catalogue.
    fn read(&mut self) -> Result<Value, Failure>;
}
