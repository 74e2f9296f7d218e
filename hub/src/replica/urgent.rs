//! The fast path: what is urgent of a commit is published alone, before any batch.

use super::{Output, Replica};
use headland_shared::epoch::Seq;
use headland_shared::frame::encode_down;
use headland_shared::key::RecordKey;
use headland_shared::message::Down;
use headland_shared::scope::Scope;
use headland_shared::topic;
use headland_shared::urgent::{Fact, Urgent};
use std::collections::BTreeMap;

/// The most bytes of urgent facts of one commit: as much as one live batch. A commit that says more fills the
/// catalogue rather than corrects it, and its batch closes at once as well.
const COMMIT_BYTES_MAX: usize = 64 * 1024;

/// The urgent facts of a commit in the making, by record and element: the last state of each.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    facts: BTreeMap<(RecordKey, Vec<u8>), (Scope, Vec<u8>)>,
    bytes: usize,
}

impl Gathered {
    /// Takes one element's state in, of a record that the commit leaves in `scope`.
    pub(super) fn put(&mut self, record: &RecordKey, scope: &Scope, element: &[u8], state: &[u8]) {
        let bytes = self.bytes + record.name.as_str().len() + element.len() + state.len();
        if bytes <= COMMIT_BYTES_MAX {
            self.bytes = bytes;
            let key = (record.clone(), element.to_vec());
            self.facts.insert(key, (scope.clone(), state.to_vec()));
        }
    }

    /// Takes in what is urgent of the commit after: of each element the last state.
    pub(super) fn join(&mut self, later: Self) {
        for ((record, element), (scope, state)) in later.facts {
            self.put(&record, &scope, &element, &state);
        }
    }

    fn by_scope(self) -> BTreeMap<Scope, Vec<Fact>> {
        let mut scopes: BTreeMap<Scope, Vec<Fact>> = BTreeMap::new();
        for ((record, element), (scope, state)) in self.facts {
            let model = record.name;
            scopes.entry(scope).or_default().push(Fact { model, element, state });
        }
        scopes
    }
}

impl Replica {
    /// Publishes the urgent facts of a durable commit, in front of all that waits to be sent.
    pub(super) fn publish_urgent(&mut self, seq: Seq, gathered: Gathered) {
        for (scope, facts) in gathered.by_scope() {
            for urgent in Urgent::pack(self.epoch.tag(), seq, &scope.namespace, facts) {
                let topic = topic::urgent(&self.config.region, &scope);
                let frame = encode_down(&Down::Urgent(urgent));
                self.outputs.push_front(Output::Publish { topic, frame });
                self.counts.urgent += 1;
            }
        }
    }
}
