//! Reading the cache: the catalogue as the hub delivered it, with urgent facts that are ahead of the feed and this
//! agent's own writes laid over it.

mod task;

use crate::store::{Standing, Store, Views};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::Namespace;
use headland_shared::schema::Declaration;
use headland_shared::view::Model;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

type Elements = BTreeMap<ElementKey, State>;

/// Answers from the store; may be used beside the replica.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Store,
    overlay: bool,
}

/// A page of models.
#[derive(Debug, Clone)]
pub struct Page {
    /// The models, by namespace and name.
    pub models: Vec<Model>,
    /// The key after which the next page begins, if there is one.
    pub next: Option<RecordKey>,
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

    /// One model, as it is seen here.
    pub fn model(&self, key: &RecordKey) -> Result<Option<Model>, StoreError> {
        let views = self.store.read()?;
        let Some((_, blob)) = views.record(&key.encoded())? else {
            return Ok(None);
        };
        self.read(&views, key, &blob).map(Some)
    }

    /// Models of a namespace, or of all, that `wanted` accepts: at most `count`, after the key `after`.
    pub fn models(
        &self,
        namespace: Option<&Namespace>,
        after: Option<&RecordKey>,
        count: usize,
        wanted: impl Fn(&Model) -> bool,
    ) -> Result<Page, StoreError> {
        let views = self.store.read()?;
        let prefix = namespace.map_or_else(Vec::new, RecordKey::prefix);
        let after = after.map(RecordKey::encoded);
        let mut page = Page {
            models: Vec::new(),
            next: None,
        };
        views.each_record(&prefix, after.as_deref(), |key, blob| {
            let key = RecordKey::decode(key).map_err(|error| StoreError::corrupt("records-1", error))?;
            let model = self.read(&views, &key, blob)?;
            if !wanted(&model) {
                return Ok::<_, StoreError>(ControlFlow::Continue(()));
            }
            if page.models.len() == count {
                let last = page.models.last();
                page.next = last.and_then(key_of);
                return Ok(ControlFlow::Break(()));
            }
            page.models.push(model);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(page)
    }

    fn read(&self, views: &Views, key: &RecordKey, blob: &[u8]) -> Result<Model, StoreError> {
        let corrupt = |error| StoreError::corrupt("records-1", error);
        let mut elements = Elements::new();
        for entry in Blob::parse(blob).map_err(corrupt)?.entries() {
            let entry = entry.map_err(corrupt)?;
            let element = ElementKey::decode(entry.key).map_err(corrupt)?;
            elements.insert(element, State::decode(entry.state).map_err(corrupt)?);
        }
        let record = key.encoded();
        if self.overlay {
            for fact in views.ahead_of(&record)? {
                if is_of_use(&fact.element, &elements) {
                    lay_over(&mut elements, fact.element, fact.state);
                }
            }
        }
        for write in views.own_of(&record)? {
            if write.standing == Standing::Taken {
                lay_over(&mut elements, write.element, write.state);
            }
        }
        let declared = |name: &str| declaration(views, name);
        Ok(Model::read(key, &elements, declared))
    }

    /// How many models are held.
    pub fn count(&self) -> Result<u64, StoreError> {
        self.store.read()?.record_count()
    }
}

fn key_of(model: &Model) -> Option<RecordKey> {
    Some(RecordKey {
        namespace: model.namespace.parse().ok()?,
        name: model.name.parse().ok()?,
    })
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

/// A declaration that cannot be read shows the attribute by the plain rule rather than hiding the model.
fn declaration(views: &Views, name: &str) -> Option<Declaration> {
    views
        .declaration(name)
        .ok()
        .flatten()
        .or_else(|| Declaration::built_in(name))
}
