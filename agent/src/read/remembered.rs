//! Answers to questions of the device, remembered for as long as nothing that they depend on has changed.
//!
//! An answer looks at each model of its task and says of each why it was refused, which takes time that grows with
//! them. A device asks the same few questions again and again, and its catalogue changes now and then.

#[cfg(test)]
mod tests;
mod told;

pub use told::{Reasons, Told};

use super::Moment;
use crate::store::{CHANGED_KEYS_MAX, Position, Since, Store};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::digest::hash_128;
use headland_shared::key::RecordKey;
use headland_shared::resolve::{Device, Question, Resolver};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many answers are remembered: a device has few tasks, and one answer may take 300 kB, most of it reasons,
/// which are kept as they are told.
const ANSWERS_MAX: usize = 4;
/// The most models of a task whose answer is remembered, eight bytes each.
const MODELS_MAX: usize = 16_384;

/// What a question came to.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What the device should use, and why nothing else.
    pub told: Told,
    /// How many models were looked at.
    pub considered: u64,
}

/// A question, its answer, and what the answer depends on.
#[derive(Debug)]
struct Kept {
    question: Question,
    /// Up to where nothing has changed that the answer depends on.
    position: Position,
    /// Hashes of the keys of the models that were looked at, in order.
    looked_at: Vec<u64>,
    resolved: Resolved,
}

/// Answers the questions of one device from its store.
#[derive(Debug)]
pub struct Remembered {
    device: Device,
    /// The one that was asked for last is the last.
    kept: Mutex<VecDeque<Kept>>,
}

impl Remembered {
    /// Nothing was asked yet.
    #[must_use]
    pub fn new(device: Device) -> Self {
        Self {
            device,
            kept: Mutex::default(),
        }
    }

    /// Whose questions these are.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The answer to a question. `moment` was read after the store stood at `position`.
    pub fn resolve(
        &self,
        store: &Store,
        position: Position,
        moment: &Moment,
        question: &Question,
    ) -> Result<Resolved, StoreError> {
        let before = self.take(question);
        let kept = match before {
            Some(mut kept) if kept.holds(store, moment)? => {
                kept.position = position;
                kept
            }
            _ => self.ask(position, moment, question)?,
        };
        let resolved = kept.resolved.clone();
        if kept.looked_at.len() <= MODELS_MAX {
            self.keep(kept);
        }
        Ok(resolved)
    }

    fn ask(&self, position: Position, moment: &Moment, question: &Question) -> Result<Kept, StoreError> {
        let mut resolver = Resolver::new(question, &self.device);
        let mut looked_at = Vec::new();
        let considered = moment.each_for(question, |key, model| {
            looked_at.push(hash_of(key));
            resolver.consider(model);
        })?;
        looked_at.sort_unstable();
        Ok(Kept {
            question: question.clone(),
            position,
            looked_at,
            resolved: Resolved {
                told: Told::of(resolver.finish()).map_err(|error| StoreError::corrupt("records-1", error))?,
                considered,
            },
        })
    }

    /// Takes an answer out. Who asks the same meanwhile finds it out anew.
    fn take(&self, question: &Question) -> Option<Kept> {
        let mut kept = self.kept();
        let place = kept.iter().position(|kept| kept.question == *question)?;
        kept.remove(place)
    }

    fn keep(&self, newest: Kept) {
        let mut kept = self.kept();
        kept.retain(|other| other.question != newest.question);
        while kept.len() >= ANSWERS_MAX {
            kept.pop_front();
        }
        kept.push_back(newest);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Whether nothing has changed that the answer depends on: a model that was looked at, or one that would be now.
    fn holds(&self, store: &Store, moment: &Moment) -> Result<bool, StoreError> {
        let Since::Keys(changed) = store.changed_since(self.position, CHANGED_KEYS_MAX) else {
            return Ok(false);
        };
        for (_, key) in changed {
            if self.looked_at.binary_search(&hash_of(&key)).is_ok() || self.looks_at(moment, &key)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn looks_at(&self, moment: &Moment, key: &[u8]) -> Result<bool, StoreError> {
        let namespace = self.question.namespace.as_ref();
        if namespace.is_some_and(|namespace| !key.starts_with(&RecordKey::prefix(namespace))) {
            return Ok(false);
        }
        let Some((_, blob)) = moment.views().record(key)? else {
            return Ok(false);
        };
        let blob = Blob::parse(&blob).map_err(|error| StoreError::corrupt("records-1", error))?;
        Ok(blob.head.task.as_ref() == Some(&self.question.task))
    }
}

fn hash_of(key: &[u8]) -> u64 {
    hash_128(&[key]) as u64
}
