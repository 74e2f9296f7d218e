//! Reading the region's state.

use crate::store::{Store, Views};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{AttributeName, Task};
use headland_shared::query::{Catalogue, Elements, Narrowed};
use headland_shared::schema::Declaration;
use headland_shared::view::Model;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

pub use headland_shared::query::{Page, Wanted};

/// Answers from the store; may be used beside the replica.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Store,
}

impl Reader {
    /// Reads from this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// One moment of the store.
    pub fn moment(&self) -> Result<Moment, StoreError> {
        let views = self.store.read()?;
        let rows = views.attributes()?;
        let declared = rows.into_iter().map(|(name, row)| (name, row.declaration)).collect();
        Ok(Moment { views, declared })
    }

    /// The models that are wanted.
    pub fn models(&self, wanted: &Wanted) -> Result<Page, StoreError> {
        self.moment()?.models(wanted)
    }
}

/// One moment of the store, in which everything that is read belongs together.
#[derive(Debug)]
pub struct Moment {
    views: Arc<Views>,
    declared: BTreeMap<AttributeName, Declaration>,
}

impl Moment {
    /// The tables.
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.views
    }
}

impl Catalogue for Moment {
    type Error = StoreError;

    fn elements(&self, key: &RecordKey) -> Result<Option<Elements>, StoreError> {
        let Some(handle) = self.views.handle(&key.encoded())? else {
            return Ok(None);
        };
        match self.views.record(handle)? {
            Some((_, blob)) => elements_of(&blob, None),
            None => Ok(None),
        }
    }

    fn declaration(&self, name: &str) -> Option<Declaration> {
        declaration(|name| self.declared.get(name).copied(), name)
    }

    fn count(&self) -> Result<u64, StoreError> {
        Ok(self.views.scopes()?.values().map(|row| row.models).sum())
    }

    /// Of other tasks no more than the head of the record is read; words are looked for by whoever asks.
    fn each_candidate(
        &self,
        narrowed: &Narrowed<'_>,
        visit: &mut dyn FnMut(RecordKey, Model) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let views = &self.views;
        views.each_handle(&narrowed.prefix, narrowed.after.as_deref(), |handle| {
            let Some((key, blob)) = views.record(handle)? else {
                return Ok(ControlFlow::Continue(()));
            };
            match elements_of(&blob, narrowed.task.as_ref())? {
                Some(elements) => Ok(visit(key.clone(), self.read(&key, &elements))),
                None => Ok(ControlFlow::Continue(())),
            }
        })
    }
}

/// Reads a record, if the registry holds it.
pub(crate) fn model(
    declared: impl Fn(&AttributeName) -> Option<Declaration>,
    key: &RecordKey,
    blob: &[u8],
) -> Result<Option<Model>, StoreError> {
    let elements = elements_of(blob, None)?;
    Ok(elements.map(|elements| Model::read(key, &elements, None, |name| declaration(&declared, name))))
}

/// How an attribute behaves, by what was declared of it.
fn declaration(declared: impl Fn(&AttributeName) -> Option<Declaration>, name: &str) -> Option<Declaration> {
    let known = AttributeName::new(name).ok().and_then(|name| declared(&name));
    known.or_else(|| Declaration::built_in(name))
}

/// What a record says; nothing of one that was withdrawn, or is of another task than is wanted.
fn elements_of(blob: &[u8], task: Option<&Task>) -> Result<Option<Elements>, StoreError> {
    let corrupt = |error| StoreError::corrupt("records-1", error);
    let blob = Blob::parse(blob).map_err(corrupt)?;
    match (&blob.head.task, task) {
        (None, _) => return Ok(None),
        (Some(held), Some(wanted)) if held != wanted => return Ok(None),
        (Some(_), _) => {}
    }
    let mut elements = Elements::new();
    for entry in blob.entries() {
        let entry = entry.map_err(corrupt)?;
        let element = ElementKey::decode(entry.key).map_err(corrupt)?;
        elements.insert(element, State::decode(entry.state).map_err(corrupt)?);
    }
    Ok(Some(elements))
}
