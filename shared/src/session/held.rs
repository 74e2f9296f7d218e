//! Live batches that wait: for the other scopes of their commits, or for an earlier batch.

use crate::delta::ScopeAlias;
use crate::epoch::{Head, Seq};
use crate::message::Batch;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The most bytes of live batches that wait: what a light agent can spare. Beyond it they are dropped, and the
/// heartbeat or the next batch shows what is missing.
pub const HELD_BYTES_MAX: usize = 512 * 1024;

/// What a held group is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// All of it is here and follows on what is applied.
    Ready,
    /// Some of it is missing.
    Incomplete,
    /// It must be asked for.
    Pull,
}

/// Batches by where they end.
#[derive(Debug, Default)]
pub struct Held {
    /// By the lineage too: a hub that was restored gives the same seq to another commit.
    groups: BTreeMap<Head, BTreeMap<ScopeAlias, Batch>>,
    bytes: usize,
}

impl Held {
    /// Holds a batch; drops all when they became too many.
    pub fn hold(&mut self, batch: Batch) {
        self.bytes += size(&batch);
        if self.bytes > HELD_BYTES_MAX {
            self.clear();
            return;
        }
        if let Some(twice) = self.groups.entry(batch.to).or_default().insert(batch.scope, batch) {
            self.bytes = self.bytes.saturating_sub(size(&twice));
        }
    }

    /// Drops all.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.bytes = 0;
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Drops groups that bring nothing new: every scope of them is applied as far.
    pub fn drop_applied(&mut self, cursor: impl Fn(ScopeAlias) -> Seq) {
        self.groups.retain(|to, group| {
            let old = group.keys().all(|scope| cursor(*scope) >= to.seq);
            if old {
                self.bytes = self.bytes.saturating_sub(group.values().map(size).sum());
            }
            !old
        });
    }

    /// What the earliest group is good for.
    pub fn readiness(
        &self,
        followed: impl Fn(ScopeAlias) -> Option<bool>,
        cursor: impl Fn(ScopeAlias) -> Seq,
    ) -> Option<Readiness> {
        let (to, group) = self.groups.first_key_value()?;
        let batch = group.values().next()?;
        let late = |(scope, head): &(ScopeAlias, Seq)| followed(*scope) == Some(true) && cursor(*scope) < *head;
        if group.values().any(|batch| batch.after.iter().any(late)) {
            return Some(Readiness::Incomplete);
        }
        let mut parts = batch.touched.clone();
        parts.push((batch.scope, batch.prev));
        for (scope, prev) in parts {
            match followed(scope) {
                Some(false) => continue,
                None => return Some(Readiness::Pull),
                Some(true) => {}
            }
            if cursor(scope) >= to.seq {
                continue;
            }
            match group.get(&scope) {
                Some(batch) if batch.delta.is_none() => return Some(Readiness::Pull),
                Some(_) if cursor(scope) >= prev => {}
                _ => return Some(Readiness::Incomplete),
            }
        }
        Some(Readiness::Ready)
    }

    /// Takes the earliest group.
    pub fn take_first(&mut self) -> Vec<Batch> {
        let Some((_, group)) = self.groups.pop_first() else {
            return Vec::new();
        };
        self.bytes = self.bytes.saturating_sub(group.values().map(size).sum());
        group.into_values().collect()
    }
}

fn size(batch: &Batch) -> usize {
    batch.delta.as_ref().map_or(0, Vec::len) + 64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::EpochTag;
    use alloc::vec;

    fn batch(scope: u32, prev: u64, to: u64, touched: Vec<(u32, u64)>) -> Batch {
        Batch {
            epoch: EpochTag(1),
            scope,
            prev: Seq(prev),
            to: Head {
                seq: Seq(to),
                ..Head::default()
            },
            touched: touched.into_iter().map(|(scope, prev)| (scope, Seq(prev))).collect(),
            after: vec![],
            delta: Some(vec![1]),
        }
    }

    #[test]
    fn a_later_commit_waits_for_an_earlier_one_of_another_scope() {
        let mut held = Held::default();
        let mut later = batch(1, 4, 9, vec![]);
        later.after = vec![(2, Seq(7))];
        held.hold(later);
        let cursor = |two: u64| move |scope| if scope == 2 { Seq(two) } else { Seq(5) };
        assert_eq!(held.readiness(|_| Some(true), cursor(6)), Some(Readiness::Incomplete));
        assert_eq!(held.readiness(|_| Some(true), cursor(7)), Some(Readiness::Ready));
        assert_eq!(
            held.readiness(|scope| Some(scope == 1), cursor(0)),
            Some(Readiness::Ready)
        );
    }

    #[test]
    fn a_group_is_ready_when_every_followed_scope_of_it_has_arrived() {
        let mut held = Held::default();
        let followed = |scope| Some(scope != 9);
        held.hold(batch(1, 4, 6, vec![(2, 5), (9, 1)]));
        assert_eq!(held.readiness(followed, |_| Seq(5)), Some(Readiness::Incomplete));
        held.hold(batch(2, 5, 6, vec![(1, 4), (9, 1)]));
        assert_eq!(held.readiness(followed, |_| Seq(5)), Some(Readiness::Ready));
        assert_eq!(held.readiness(followed, |_| Seq(4)), Some(Readiness::Incomplete));
        assert_eq!(held.readiness(|_| None, |_| Seq(5)), Some(Readiness::Pull));
        assert_eq!(held.take_first().len(), 2);
        assert!(held.is_empty());
    }

    #[test]
    fn what_is_applied_already_is_dropped() {
        let mut held = Held::default();
        held.hold(batch(1, 4, 6, vec![]));
        held.drop_applied(|_| Seq(6));
        assert!(held.is_empty());
    }

    #[test]
    fn beyond_the_limit_all_is_dropped() {
        let mut held = Held::default();
        for number in 0..9 {
            let mut big = batch(1, number, number + 1, vec![]);
            big.delta = Some(vec![0; HELD_BYTES_MAX / 8]);
            held.hold(big);
        }
        assert!(held.bytes <= HELD_BYTES_MAX);
    }
}
