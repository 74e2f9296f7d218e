//! Reading the cache: the catalogue as the hub delivered it, with urgent facts that are ahead of the feed and this
//! agent's own writes laid over it.

mod page;
mod remembered;
mod task;

pub use page::{Page, Place, Wanted};
pub use remembered::{Remembered, Resolved};

use crate::store::{Standing, Store, Views};
use headland_host::tables::StoreError;
use headland_shared::actor::ActorId;
use headland_shared::blob::Blob;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::schema::Declaration;
use headland_shared::view::Model;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What is known of one record: each element and its state.
pub type Elements = BTreeMap<ElementKey, State>;

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
        Ok(Moment {
            overlay: self.overlay && views.ahead_count()? > 0,
            own: views.own_count()? > 0,
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
    views: Views,
    /// Whether urgent facts are ahead of the feed.
    overlay: bool,
    /// Whether anything was written here.
    own: bool,
    /// What was looked up of the schema.
    declared: RefCell<BTreeMap<String, Option<Declaration>>>,
}

impl Moment {
    /// One model.
    pub fn model(&self, key: &RecordKey) -> Result<Option<Model>, StoreError> {
        let elements = self.elements(key)?;
        Ok(elements.map(|elements| self.read(key, &elements)))
    }

    /// The models that are wanted.
    pub fn models(&self, wanted: &Wanted) -> Result<Page, StoreError> {
        page::read(self, wanted)
    }

    /// The tables.
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// What is known of one record.
    pub fn elements(&self, key: &RecordKey) -> Result<Option<Elements>, StoreError> {
        let record = key.encoded();
        match self.views.record(&record)? {
            Some((_, blob)) => self.lay_together(&record, &blob).map(Some),
            None => Ok(None),
        }
    }

    /// Reads a record by the rules of its attributes.
    #[must_use]
    pub fn read(&self, key: &RecordKey, elements: &Elements) -> Model {
        Model::read(key, elements, |name| self.declaration(name))
    }

    /// How many models are held.
    pub fn count(&self) -> Result<u64, StoreError> {
        self.views.record_count()
    }

    /// Who writes here.
    pub fn actor(&self) -> Result<Option<ActorId>, StoreError> {
        self.views.actor()
    }

    /// The region of the hub whose catalogue this is.
    pub fn region(&self) -> Result<Option<String>, StoreError> {
        Ok(self.views.placed()?.map(|placed| placed.region))
    }

    /// How an attribute behaves. A declaration that cannot be read shows the attribute by the plain rule rather than
    /// hiding the model.
    #[must_use]
    pub fn declaration(&self, name: &str) -> Option<Declaration> {
        if let Some(known) = self.declared.borrow().get(name) {
            return *known;
        }
        let stored = self.views.declaration(name).ok().flatten();
        let declaration = stored.or_else(|| Declaration::built_in(name));
        self.declared.borrow_mut().insert(name.to_owned(), declaration);
        declaration
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
                if write.standing == Standing::Taken {
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

/// Merges, so that nothing that is known already is taken back.
fn lay_over(elements: &mut Elements, element: ElementKey, state: State) {
    match elements.get_mut(&element) {
        Some(held) => held.merge(state),
        None => {
            elements.insert(element, state);
        }
    }
}
