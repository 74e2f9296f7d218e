//! Parts that were cut and sealed already: agents that come back with one cursor share one encoded catch-up.

use super::conversation::Transfer;
use super::moment::Moment;
use headland_shared::delta::ScopeAlias;
use headland_shared::epoch::{Mark, Seq};
use headland_shared::frame::SharedPart;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Bytes of sealed parts that are kept: the whole of a large catalogue for a few sets of patterns, or the last release
/// for some hundred cursors.
const SEALED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// All that a part depends on, beside the moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cut {
    from: Mark,
    bytes_max: usize,
    /// Of a snapshot: from when on it is told what left.
    started: Option<Seq>,
    /// The filter of agents that follow a part of their scopes.
    sieve: Option<Arc<str>>,
    /// The followed scopes in which something is missing, with the cursors there. The others give no row.
    lacking: Vec<(ScopeAlias, Seq)>,
}

impl Cut {
    /// What is to be cut next; nothing when it is of use to this agent alone.
    pub(super) fn of(moment: &Moment, transfer: &Transfer, from: Mark, bytes_max: usize) -> Option<Self> {
        if transfer.repair.is_some() || transfer.kept.is_some() {
            return None;
        }
        Some(Self {
            from,
            bytes_max,
            started: transfer.snapshot.then_some(transfer.started),
            sieve: transfer.sieve.as_ref().map(|sieve| Arc::clone(sieve.text())),
            lacking: transfer.lacking(moment).collect(),
        })
    }

    /// How long the part may become before it is compressed, in bytes.
    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }
}

/// The sealed parts of one moment.
#[derive(Debug, Default)]
pub(super) struct Sealed {
    writes: u64,
    bytes: usize,
    parts: BTreeMap<Arc<Cut>, Arc<SharedPart>>,
    order: VecDeque<Arc<Cut>>,
}

impl Sealed {
    /// A part that was sealed in this moment. What is of another one is forgotten: each write may change what a part
    /// says, or where it ends.
    pub(super) fn get(&mut self, moment: &Moment, cut: &Cut) -> Option<Arc<SharedPart>> {
        if !moment.is_of(self.writes) {
            *self = Self {
                writes: moment.writes(),
                ..Self::default()
            };
        }
        self.parts.get(cut).cloned()
    }

    /// Keeps a part for those who come with the same cursors; the ones kept longest give way.
    pub(super) fn keep(&mut self, cut: Cut, part: &Arc<SharedPart>) {
        self.bytes += part.bytes();
        let cut = Arc::new(cut);
        self.parts.insert(Arc::clone(&cut), Arc::clone(part));
        self.order.push_back(cut);
        while self.bytes > SEALED_BYTES_MAX {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            if let Some(part) = self.parts.remove(&oldest) {
                self.bytes -= part.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headland_shared::message::Part;
    use headland_shared::session::Jitter;

    fn cut(seq: u64) -> Cut {
        Cut {
            from: Mark::after(Seq(seq)),
            bytes_max: 1,
            started: None,
            sieve: None,
            lacking: Vec::new(),
        }
    }

    #[test]
    fn the_oldest_parts_give_way_to_new_ones() {
        let mut jitter = Jitter::seeded(1);
        let part = Arc::new(SharedPart::seal(Part {
            nonce: 0,
            from: Mark::default(),
            to: Mark::default(),
            end: None,
            delta: (0..900 * 1024).map(|_| jitter.next_u64() as u8).collect(),
        }));
        let mut sealed = Sealed::default();
        for seq in 0..40 {
            sealed.keep(cut(seq), &part);
        }
        assert!(sealed.bytes <= SEALED_BYTES_MAX);
        assert_eq!(sealed.bytes, sealed.parts.len() * part.bytes());
        assert!(sealed.parts.contains_key(&cut(39)) && !sealed.parts.contains_key(&cut(0)));
    }
}
