//! Finding models in the store: by task or by words where a listing says enough, and one by one where it does not.

use super::{Elements, Moment};
use headland_host::tables::StoreError;
use headland_shared::actor::ActorId;
use headland_shared::key::RecordKey;
use headland_shared::name::ReplicaName;
use headland_shared::query::{Catalogue, Narrowed};
use headland_shared::schema::Declaration;
use headland_shared::view::Model;
use std::ops::ControlFlow;

impl Catalogue for Moment {
    type Error = StoreError;

    fn elements(&self, key: &RecordKey) -> Result<Option<Elements>, StoreError> {
        let record = key.encoded();
        match self.views.record(&record)? {
            Some((_, blob)) => self.lay_together(&record, &blob).map(Some),
            None => Ok(None),
        }
    }

    /// A declaration that cannot be read shows the attribute by the plain rule rather than hiding the model.
    fn declaration(&self, name: &str) -> Option<Declaration> {
        if let Some(known) = self.declared.borrow().get(name) {
            return *known;
        }
        let stored = self.views.declaration(name).ok().flatten();
        let declaration = stored.or_else(|| Declaration::built_in(name));
        self.declared.borrow_mut().insert(name.to_owned(), declaration);
        declaration
    }

    fn count(&self) -> Result<u64, StoreError> {
        self.views.record_count()
    }

    fn writer(&self) -> Result<Option<ActorId>, StoreError> {
        self.views.actor()
    }

    fn here(&self) -> Option<&ReplicaName> {
        self.here.as_ref()
    }

    fn each_candidate(
        &self,
        narrowed: &Narrowed<'_>,
        visit: &mut dyn FnMut(RecordKey, Model) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut look = |record: &[u8], blob: &[u8]| -> Result<ControlFlow<()>, StoreError> {
            let key = RecordKey::decode(record).map_err(|error| StoreError::corrupt("records-1", error))?;
            let model = self.read(&key, &self.lay_together(record, blob)?);
            Ok(visit(key, model))
        };
        let views = &self.views;
        let mut look_up = |record: &[u8]| match views.record(record)? {
            Some((_, blob)) => look(record, &blob),
            None => Err(StoreError::corrupt("finding-1", "a key without its record")),
        };
        let (prefix, after) = (&narrowed.prefix, narrowed.after.as_deref());
        match &narrowed.task {
            Some(task) => views.each_of_task(task, prefix, after, look_up),
            None if narrowed.words.is_empty() => views.each_record(prefix, after, look),
            None => views.each_text(prefix, after, |hit| {
                match narrowed.words.are_in(&[hit.name, hit.texts]) {
                    true => look_up(hit.key),
                    false => Ok(ControlFlow::Continue(())),
                }
            }),
        }
    }
}
