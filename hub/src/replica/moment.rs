//! What every answer looks at: counters, scopes and attributes, read once between two writes.

use super::Replica;
use super::merge::each_followed;
use crate::store::{AttributeRow, Numbers, ScopeRow, Views};
use headland_host::tables::StoreError;
use headland_shared::delta::ScopeAlias;
use headland_shared::epoch::Seq;
use headland_shared::name::AttributeName;
use headland_shared::scope::Follow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The hub between two writes of its store.
#[derive(Debug)]
pub(super) struct Moment {
    writes: u64,
    pub(super) numbers: Numbers,
    pub(super) scopes: BTreeMap<ScopeAlias, ScopeRow>,
    pub(super) attributes: BTreeMap<AttributeName, AttributeRow>,
    /// Whether the hub was restored, and nobody has said since that it holds what it should.
    pub(super) restored: bool,
    /// When a scope or an attribute last began to exist.
    introduced: Seq,
}

impl Moment {
    fn read(views: &Views, writes: u64) -> Result<Self, StoreError> {
        let (scopes, attributes) = (views.scopes()?, views.attributes()?);
        let introduced = scopes.values().map(|row| row.introduced);
        let introduced = introduced.chain(attributes.values().map(|row| row.introduced)).max();
        Ok(Self {
            writes,
            numbers: views.numbers()?,
            scopes,
            attributes,
            restored: views.restored()?.is_some(),
            introduced: introduced.unwrap_or(Seq::START),
        })
    }

    /// Whether this is how the store is after so many writes.
    pub(super) fn is_of(&self, writes: u64) -> bool {
        self.writes == writes
    }

    /// After how many writes of the store this was read.
    pub(super) fn writes(&self) -> u64 {
        self.writes
    }

    /// The scopes that match some pattern.
    pub(super) fn followed<'a>(&'a self, follow: &'a [Follow]) -> impl Iterator<Item = &'a ScopeRow> {
        each_followed(&self.scopes, follow)
    }

    /// Whether scopes or attributes began to exist after `seq`.
    pub(super) fn introduces_after(&self, seq: Seq) -> bool {
        self.introduced > seq
    }
}

impl Replica {
    /// The present moment. The store is read only if it was written since; only the replica and what it is handed to
    /// write it, so it does not change under an answer.
    pub(super) fn moment(&mut self) -> Result<Arc<Moment>, StoreError> {
        let writes = self.store.writes();
        if let Some(moment) = self.moment.as_ref().filter(|moment| moment.is_of(writes)) {
            return Ok(Arc::clone(moment));
        }
        let moment = Arc::new(Moment::read(&*self.store.read()?, writes)?);
        self.moment = Some(Arc::clone(&moment));
        Ok(moment)
    }
}
