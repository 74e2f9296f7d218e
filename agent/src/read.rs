//! Reading the cache: the catalogue as the hub delivered it, with urgent facts that are ahead of the feed and this
//! agent's own writes laid over it.

mod finding;
mod remembered;
mod task;

pub use headland_shared::query::{Elements, Page, Place, Wanted};
pub use remembered::{Reasons, Remembered, Resolved, Told};

use crate::store::{OwnWrite, Standing, Store, Views};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::ReplicaName;
use headland_shared::query::Catalogue;
use headland_shared::schema::Declaration;
use headland_shared::view::Model;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Answers from the store; may be used beside the replica.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Store,
    overlay: bool,
}

impl Reader {
    /// Reads from this store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store, overlay: true }
    }

    /// Reads what the feed has delivered, without urgent facts that are ahead of it: the registry's state after one
    /// commit, whole.
    #[must_use]
    pub fn of_the_feed(store: Store) -> Self {
        Self { store, overlay: false }
    }

    /// One moment of the store.
    pub fn moment(&self) -> Result<Moment, StoreError> {
        let views = self.store.read()?;
        let own = views.own_count()? > 0;
        Ok(Moment {
            overlay: self.overlay && views.ahead_count()? > 0,
            here: if own {
                views.actor()?.map(|actor| actor.name)
            } else {
                None
            },
            own,
            views,
            declared: RefCell::default(),
        })
    }

    /// One model, as it is seen here.
    pub fn model(&self, key: &RecordKey) -> Result<Option<Model>, StoreError> {
        self.moment()?.model(key)
    }

    /// The models that are wanted, as they are seen here.
    pub fn models(&self, wanted: &Wanted) -> Result<Page, StoreError> {
        self.moment()?.models(wanted)
    }
}

/// One moment of the store, in which everything that is read belongs together.
#[derive(Debug)]
pub struct Moment {
    views: Arc<Views>,
    /// Whether urgent facts are ahead of the feed.
    overlay: bool,
    /// Whether anything was written here.
    own: bool,
    /// The device's name, if it was.
    here: Option<ReplicaName>,
    /// What was looked up of the schema.
    declared: RefCell<BTreeMap<String, Option<Declaration>>>,
}

impl Moment {
    /// The tables.
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// The region of the hub whose catalogue this is.
    pub fn region(&self) -> Result<Option<String>, StoreError> {
        Ok(self.views.placed()?.map(|placed| placed.region))
    }

    fn lay_together(&self, record: &[u8], blob: &[u8]) -> Result<Elements, StoreError> {
        let corrupt = |error| StoreError::corrupt("records-1", error);
        let mut elements = Elements::new();
        for entry in Blob::parse(blob).map_err(corrupt)?.entries() {
            let entry = entry.map_err(corrupt)?;
            let element = ElementKey::decode(entry.key).map_err(corrupt)?;
            elements.insert(element, State::decode(entry.state).map_err(corrupt)?);
        }
        if self.overlay {
            for fact in self.views.ahead_of(record)? {
                if is_of_use(&fact.element, &elements) {
                    lay_over(&mut elements, fact.element, fact.state);
                }
            }
        }
        if self.own {
            for write in self.views.own_of(record)? {
                if counts(&write) {
                    lay_over(&mut elements, write.element, write.state);
                }
            }
        }
        Ok(elements)
    }
}

/// Whether an urgent fact says something here: an approval of a version does not that has not arrived yet.
fn is_of_use(element: &ElementKey, elements: &Elements) -> bool {
    match element {
        ElementKey::Approval(version, _) => {
            elements.contains_key(element) || elements.contains_key(&ElementKey::Version(version.clone()))
        }
        _ => true,
    }
}

/// Whether an own write shows. What a device reports of an attribute does, whether or not its hub has room to keep it.
fn counts(write: &OwnWrite) -> bool {
    write.standing == Standing::Taken || matches!(write.element, ElementKey::Attribute(_))
}

/// Merges, so that nothing that is known already is taken back.
fn lay_over(elements: &mut Elements, element: ElementKey, state: State) {
    match elements.get_mut(&element) {
        Some(held) => held.merge(state),
        None => {
            elements.insert(element, state);
        }
    }
}
