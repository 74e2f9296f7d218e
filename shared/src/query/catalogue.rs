//! What models are asked of: one moment of a replica's store.

use super::page::{self, Page, Wanted};
use super::words::Words;
use crate::actor::ActorId;
use crate::element::State;
use crate::key::{ElementKey, RecordKey};
use crate::name::{ReplicaName, Task};
use crate::schema::Declaration;
use crate::view::Model;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::ControlFlow;

/// What is known of one record: each element and its state.
pub type Elements = BTreeMap<ElementKey, State>;

/// What a listing says of all models that it can hold, for a catalogue that finds them faster by it.
#[derive(Debug, Clone)]
pub struct Narrowed<'w> {
    /// What their encoded keys begin with.
    pub prefix: Vec<u8>,
    /// The encoded key that theirs come after.
    pub after: Option<Vec<u8>>,
    /// Their task.
    pub task: Option<Task>,
    /// The words in their texts.
    pub words: &'w Words,
}

/// One moment of a catalogue, in which everything that is read belongs together.
pub trait Catalogue {
    /// Why it cannot be read.
    type Error;

    /// What is known of one record; nothing of one that is not held.
    fn elements(&self, key: &RecordKey) -> Result<Option<Elements>, Self::Error>;

    /// How an attribute behaves.
    fn declaration(&self, attribute: &str) -> Option<Declaration>;

    /// How many models are held, of all namespaces.
    fn count(&self) -> Result<u64, Self::Error>;

    /// Who writes here, at a device.
    fn writer(&self) -> Result<Option<ActorId>, Self::Error> {
        Ok(None)
    }

    /// The device whose own reports count here.
    fn here(&self) -> Option<&ReplicaName> {
        None
    }

    /// Shows models in the order of their keys: at least those that `narrowed` describes, until the visitor says stop.
    fn each_candidate(
        &self,
        narrowed: &Narrowed<'_>,
        visit: &mut dyn FnMut(RecordKey, Model) -> ControlFlow<()>,
    ) -> Result<(), Self::Error>;

    /// Reads a record by the rules of its attributes.
    fn read(&self, key: &RecordKey, elements: &Elements) -> Model {
        Model::read(key, elements, self.here(), |name| self.declaration(name))
    }

    /// One model.
    fn model(&self, key: &RecordKey) -> Result<Option<Model>, Self::Error> {
        let elements = self.elements(key)?;
        Ok(elements.map(|elements| self.read(key, &elements)))
    }

    /// The models that are wanted.
    fn models(&self, wanted: &Wanted) -> Result<Page, Self::Error> {
        page::read(self, wanted)
    }
}
