//! The brake: a commit that withdraws much waits for a person.

use crate::registry::REMOVALS_PERCENT_MAX;
use crate::registry::follow::Held;
use crate::replica::Commit;
use headland_shared::epoch::Position;
use headland_shared::name::Namespace;
use std::collections::BTreeMap;

/// A commit that takes away a single model is somebody's decision, however few models there are.
const REMOVALS_MIN: u64 = 2;

/// How many models of each namespace there are, and how many of them go.
#[derive(Debug, Default)]
pub(super) struct Tally {
    namespaces: BTreeMap<Namespace, (u64, u64)>,
}

impl Tally {
    pub(super) fn of(commit: &Commit<'_, '_>) -> Self {
        let mut tally = Self::default();
        for row in commit.scopes.values() {
            tally.namespaces.entry(row.scope.namespace.clone()).or_default().0 += row.models;
        }
        tally
    }

    pub(super) fn count_gone(&mut self, namespace: &Namespace) {
        self.namespaces.entry(namespace.clone()).or_default().1 += 1;
    }

    /// What the brake holds back, if it must.
    pub(super) fn too_many(self, registry: Position) -> Option<Held> {
        let worst = self
            .namespaces
            .into_iter()
            .filter(|(_, (held, gone))| *gone >= REMOVALS_MIN && gone * 100 > held * REMOVALS_PERCENT_MAX)
            .max_by_key(|(_, (_, gone))| *gone);
        worst.map(|(namespace, (held, gone))| Held {
            registry,
            namespace,
            gone,
            held,
        })
    }
}
