//! Reading the models of one task, no more of each than a question needs.

use super::{Elements, Moment, counts, is_of_use, lay_over};
use crate::store::Views;
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::query::Catalogue;
use headland_shared::resolve::Question;
use headland_shared::view::Model;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// What a question needs of each model.
struct Wanted<'q> {
    question: &'q Question,
    attributes: BTreeSet<&'q str>,
}

impl Wanted<'_> {
    fn is(&self, element: &ElementKey) -> bool {
        match element {
            ElementKey::Attribute(name) | ElementKey::Member(name, _) => self.attributes.contains(name.as_str()),
            ElementKey::Version(_) | ElementKey::Approval(..) | ElementKey::Current => true,
            ElementKey::Alias(alias) => self.question.alias.as_ref() == Some(alias),
            ElementKey::Life
            | ElementKey::Count(..)
            | ElementKey::Annotation(_)
            | ElementKey::Stub
            | ElementKey::Unknown(_) => false,
        }
    }

    /// The element, if it is needed. Most of a record is attributes that are not, which are told by their bytes.
    fn decode(&self, encoded: &[u8]) -> Result<Option<ElementKey>, StoreError> {
        let named = ElementKey::names_attribute(encoded).map(std::str::from_utf8);
        if let Some(Ok(name)) = named
            && !self.attributes.contains(name)
        {
            return Ok(None);
        }
        let element = ElementKey::decode(encoded).map_err(|error| StoreError::corrupt("records-1", error))?;
        Ok(Some(element).filter(|element| self.is(element)))
    }
}

impl Moment {
    /// Shows the models among which a question looks, as they are seen here, with all that the answer may depend on
    /// and nothing else, each with its encoded key. Gives their number.
    pub fn each_for(&self, question: &Question, mut visit: impl FnMut(&[u8], &Model)) -> Result<u64, StoreError> {
        let views = &self.views;
        let wanted = Wanted {
            question,
            attributes: question.attributes(),
        };
        let mut models = 0;
        let prefix = question.namespace.as_ref().map_or_else(Vec::new, RecordKey::prefix);
        views.each_of_task(&question.task, &prefix, None, |key| {
            let corrupt = || StoreError::corrupt("tasks-1", "a row without its record");
            let (_, blob) = views.record(key)?.ok_or_else(corrupt)?;
            let mut elements = elements(&wanted, &blob)?;
            if self.overlay {
                lay_ahead(views, &wanted, key, &mut elements)?;
            }
            if self.own {
                lay_own(views, &wanted, key, &mut elements)?;
            }
            let record = RecordKey::decode(key).map_err(|error| StoreError::corrupt("records-1", error))?;
            models += 1;
            visit(key, &self.read(&record, &elements));
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        Ok(models)
    }
}

fn elements(wanted: &Wanted<'_>, blob: &[u8]) -> Result<Elements, StoreError> {
    let corrupt = |error| StoreError::corrupt("records-1", error);
    let mut elements = Elements::new();
    for entry in Blob::parse(blob).map_err(corrupt)?.entries() {
        let entry = entry.map_err(corrupt)?;
        if let Some(element) = wanted.decode(entry.key)? {
            elements.insert(element, State::decode(entry.state).map_err(corrupt)?);
        }
    }
    Ok(elements)
}

fn lay_ahead(views: &Views, wanted: &Wanted<'_>, key: &[u8], elements: &mut Elements) -> Result<(), StoreError> {
    for fact in views.ahead_of(key)? {
        if wanted.is(&fact.element) && is_of_use(&fact.element, elements) {
            lay_over(elements, fact.element, fact.state);
        }
    }
    Ok(())
}

fn lay_own(views: &Views, wanted: &Wanted<'_>, key: &[u8], elements: &mut Elements) -> Result<(), StoreError> {
    for write in views.own_of(key)? {
        if counts(&write) && wanted.is(&write.element) {
            lay_over(elements, write.element, write.state);
        }
    }
    Ok(())
}
