//! A live batch as it is published: short, since most say one thing.

use super::Batch;
use crate::digest::hash_128;
use crate::epoch::{EpochTag, Life};

/// Hub to everybody: what changed in one scope, live. It does not name the registry's life, which who receives it
/// knows. A batch of another life is taken for one of another epoch, and passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The batch; in place of its epoch, a mark of epoch and life.
    marked: Batch,
}

impl Live {
    /// A batch whose delta leaves out this life.
    #[must_use]
    pub fn of(batch: Batch, life: Life) -> Self {
        Self {
            marked: Batch {
                epoch: marked(batch.epoch, life),
                ..batch
            },
        }
    }

    /// The batch, for a receiver that holds this life's state.
    #[must_use]
    pub fn batch_in(self, life: Life) -> Batch {
        Batch {
            epoch: marked(self.marked.epoch, life),
            ..self.marked
        }
    }

    /// The batch with the mark in place of its epoch, for framing.
    pub(crate) fn marked(&self) -> &Batch {
        &self.marked
    }

    /// A batch that carries a mark in place of its epoch.
    pub(crate) fn of_marked(marked: Batch) -> Self {
        Self { marked }
    }
}

/// The mark of an epoch, and the epoch of a mark.
fn marked(tag: EpochTag, life: Life) -> EpochTag {
    EpochTag(tag.0 ^ hash_128(&[&life.0.to_be_bytes()]) as u32)
}
