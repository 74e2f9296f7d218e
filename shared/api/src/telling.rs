//! Answers about models out of one moment of a catalogue.

use crate::answer::{Facts, Listing, One};
use crate::story::{Availability, Usage, Why};
use crate::why;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::query::{Catalogue, Listed};
use headland_shared::view::Model;

/// One moment, and what is to be said of how fresh it is.
#[derive(Debug)]
pub struct Telling<'a, C, F> {
    /// The moment.
    pub catalogue: &'a C,
    /// How fresh it is.
    pub freshness: &'a F,
    /// Where to watch from, at an agent: the moment holds all changes up to there.
    pub position: Option<String>,
}

impl<C: Catalogue, F: Clone> Telling<'_, C, F> {
    /// One model; nothing when it is not held.
    ///
    /// # Errors
    ///
    /// As for all here: when the catalogue cannot be read.
    pub fn model(&self, key: &RecordKey) -> Result<Option<One<Model, F>>, C::Error> {
        let model = self.catalogue.model(key)?;
        Ok(model.map(|model| One {
            model,
            freshness: self.freshness.clone(),
        }))
    }

    /// A page of models.
    pub fn models(&self, listed: &Listed) -> Result<Listing<Model, F>, C::Error> {
        let mut page = self.catalogue.models(&listed.wanted)?;
        if let Some(mask) = &listed.mask {
            page.models.iter_mut().for_each(|model| mask.apply(model));
        }
        Ok(Listing {
            next_page_token: page.next.as_ref().map(|place| listed.token_of(place)),
            models: page.models,
            models_held: self.catalogue.count()?,
            position: self.position.clone(),
            freshness: self.freshness.clone(),
        })
    }

    /// A part of one model; nothing when the model is not held.
    pub fn part<P: for<'m> From<&'m Model>>(&self, key: &RecordKey) -> Result<Option<Facts<P, F>>, C::Error> {
        let model = self.catalogue.model(key)?;
        Ok(model.map(|model| self.facts(key, P::from(&model))))
    }

    fn facts<P>(&self, key: &RecordKey, part: P) -> Facts<P, F> {
        Facts {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            part,
            freshness: self.freshness.clone(),
        }
    }

    /// Uses of a model; nothing when it is not held.
    pub fn usage(&self, key: &RecordKey) -> Result<Option<Facts<Usage, F>>, C::Error> {
        let Some(elements) = self.catalogue.elements(key)? else {
            return Ok(None);
        };
        let writer = self.catalogue.writer()?;
        let own = |actor| {
            let counted = elements.iter().filter_map(|(element, state)| match (element, state) {
                (ElementKey::Count(name, who, _), State::Tally(tally)) if name.as_str() == "usage" && *who == actor => {
                    Some(i128::from(tally.added) - i128::from(tally.removed))
                }
                _ => None,
            });
            i64::try_from(counted.sum::<i128>()).unwrap_or(i64::MAX)
        };
        let counts = self.catalogue.read(key, &elements).counts;
        let usage = Usage {
            usage: counts.get("usage").copied().unwrap_or(0),
            device: writer.map(own),
            counts,
        };
        Ok(Some(self.facts(key, usage)))
    }

    /// Why an attribute of a model shows what it shows; nothing when the model is not held, and nothing within when
    /// nobody has ever written the attribute.
    pub fn why(&self, key: &RecordKey, attribute: &str) -> Result<Option<Option<Facts<Why, F>>>, C::Error> {
        let elements = self.catalogue.elements(key)?;
        let story = elements.map(|elements| why::why(self.catalogue, &elements, attribute));
        Ok(story.map(|story| story.map(|story| self.facts(key, story))))
    }

    /// Whether a model may be used and can be reached; nothing when it is not held.
    pub fn availability(&self, key: &RecordKey) -> Result<Option<Facts<Availability, F>>, C::Error> {
        let Some(elements) = self.catalogue.elements(key)? else {
            return Ok(None);
        };
        let told = |attribute| why::why(self.catalogue, &elements, attribute);
        let rule = || {
            let declared = self.catalogue.declaration("availability");
            declared.map(|declared| declared.rule.to_string())
        };
        let status = told("status").and_then(|story| story.value);
        let availability = match told("availability") {
            Some(story) => Availability {
                availability: story.value,
                status,
                rule: story.rule,
                by: story.won.into_iter().next(),
                against: story.against,
            },
            None => Availability {
                availability: None,
                status,
                rule: rule().unwrap_or_default(),
                by: None,
                against: Vec::new(),
            },
        };
        Ok(Some(self.facts(key, availability)))
    }
}
