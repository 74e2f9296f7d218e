//! A live batch as it is published: short, since most say one thing.

use super::Batch;
use crate::defect::{Defect, planted};
use crate::digest::hash_128;
use crate::epoch::{EpochTag, Life};

/// Hub to everybody: what changed in one scope, live. It does not name the registry's life and the run of the hub,
/// which who receives it knows from the hub's last answer. A batch of another epoch, life or run is not for it: a hub
/// that was restored does not know that yet, and says other things under the same epoch and seqs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The batch; in place of its epoch, a mark of epoch, life and run.
    marked: Batch,
}

impl Live {
    /// A batch whose delta leaves out this life, of the run `boot` of the hub.
    #[must_use]
    pub fn of(batch: Batch, life: Life, boot: u64) -> Self {
        let mark = in_run(batch.epoch, life, boot);
        Self {
            marked: Batch { epoch: mark, ..batch },
        }
    }

    /// The batch, for a receiver that holds this epoch's and life's state and was last answered by the run `boot`;
    /// nothing if any of these is another. Earlier hubs do not say of which run they are.
    #[must_use]
    pub fn batch_of(self, epoch: EpochTag, life: Life, boot: u64) -> Option<Batch> {
        let mark = self.marked.epoch;
        let known = mark == in_run(epoch, life, boot) || mark == in_any_run(epoch, life);
        (known || planted(Defect::StaleEpochAccepted)).then_some(Batch { epoch, ..self.marked })
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

fn in_run(tag: EpochTag, life: Life, boot: u64) -> EpochTag {
    EpochTag(tag.0 ^ hash_128(&[&life.0.to_be_bytes(), &boot.to_be_bytes()]) as u32)
}

fn in_any_run(tag: EpochTag, life: Life) -> EpochTag {
    EpochTag(tag.0 ^ hash_128(&[&life.0.to_be_bytes()]) as u32)
}
