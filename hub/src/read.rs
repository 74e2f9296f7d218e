//! Reading the region's state.

use crate::store::{Store, Views};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{AttributeName, Namespace};
use headland_shared::schema::Declaration;
use headland_shared::view::Model;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

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

    /// One model, if the registry holds it.
    pub fn model(&self, key: &RecordKey) -> Result<Option<Model>, StoreError> {
        let views = self.store.read()?;
        let Some(handle) = views.handle(&key.encoded())? else {
            return Ok(None);
        };
        let Some((key, blob)) = views.record(handle)? else {
            return Ok(None);
        };
        let declared = declarations(&views)?;
        model(|name| declared.get(name).copied(), &key, &blob)
    }

    /// Models of a namespace, or of all, that `wanted` accepts: at most `count`, after the key `after`. The flag says
    /// whether there are more.
    pub fn models(
        &self,
        namespace: Option<&Namespace>,
        after: Option<&RecordKey>,
        count: usize,
        wanted: impl Fn(&Model) -> bool,
    ) -> Result<(Vec<Model>, bool), StoreError> {
        let views = self.store.read()?;
        let declared = declarations(&views)?;
        let prefix = namespace.map_or_else(Vec::new, RecordKey::prefix);
        let after = after.map(RecordKey::encoded);
        let mut models = Vec::new();
        let mut more = false;
        views.each_handle(&prefix, after.as_deref(), |handle| {
            let Some((key, blob)) = views.record(handle)? else {
                return Ok(ControlFlow::Continue(()));
            };
            let Some(model) = model(|name| declared.get(name).copied(), &key, &blob)?.filter(&wanted) else {
                return Ok::<_, StoreError>(ControlFlow::Continue(()));
            };
            if models.len() == count {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            models.push(model);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((models, more))
    }
}

fn declarations(views: &Views) -> Result<BTreeMap<AttributeName, Declaration>, StoreError> {
    let rows = views.attributes()?;
    Ok(rows.into_iter().map(|(name, row)| (name, row.declaration)).collect())
}

/// Reads a record, if the registry holds it.
pub(crate) fn model(
    declared: impl Fn(&AttributeName) -> Option<Declaration>,
    key: &RecordKey,
    blob: &[u8],
) -> Result<Option<Model>, StoreError> {
    let corrupt = |error| StoreError::corrupt("records-1", error);
    let blob = Blob::parse(blob).map_err(corrupt)?;
    if blob.head.task.is_none() {
        return Ok(None);
    }
    let mut elements = BTreeMap::new();
    for entry in blob.entries() {
        let entry = entry.map_err(corrupt)?;
        let element = ElementKey::decode(entry.key).map_err(corrupt)?;
        elements.insert(element, State::decode(entry.state).map_err(corrupt)?);
    }
    let rule = |name: &str| {
        let known = AttributeName::new(name).ok().and_then(|name| declared(&name));
        known.or_else(|| Declaration::built_in(name))
    };
    Ok(Some(Model::read(key, &elements, rule)))
}

/// The key of a model that was read.
#[must_use]
pub fn key_of(model: &Model) -> Option<RecordKey> {
    Some(RecordKey {
        namespace: model.namespace.parse().ok()?,
        name: model.name.parse().ok()?,
    })
}
