//! The question that devices ask: which version should this one use now, and why none of the others?
//!
//! Nothing here looks anything up: models are handed over one by one ([`Resolver::consider`]), in any order, and the
//! answer is the same. Which attributes are read, and how, is told in `docs/resolve.md`.

mod alias;
mod audience;
mod device;
mod need;
mod order;
mod question;
mod refusal;
mod rules;
#[cfg(test)]
mod tests;

pub use alias::{ALIAS_RULES_MAX, AliasRule, AliasTarget};
pub use audience::{Audience, Labels};
pub use device::{
    DESCRIPTION_BYTES_MAX, DEVICE_LABEL, Description, DescriptionError, Device, FACT_ITEMS_MAX, FACTS_MAX, Fact,
    FactError, LABELS_MAX,
};
pub use need::{NEED_ITEMS_MAX, NEED_TEXT_BYTES_MAX, Need, NeedError};
pub use question::{NEEDS_MAX, Question};
pub use refusal::Refusal;

use crate::value::Value;
use crate::view::{Model, VersionView};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use order::Order;
use rules::Rules;
use serde::{Deserialize, Serialize};

/// The most candidates that one answer tells the reasons of; the others are only counted. Nobody reads a thousand
/// reasons, and an answer must not grow with the catalogue.
pub const REFUSED_MAX: usize = 1_000;

/// Something that a device might use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Whose model.
    pub namespace: String,
    /// The model.
    pub model: String,
    /// Its version; nothing for a model that has none, such as one that is only offered as a service.
    pub version: Option<String>,
}

/// By what a version was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// The alias that was asked for names it for this device.
    Alias,
    /// It is the model's current version.
    Current,
    /// The model has no versions.
    OnlyOne,
    /// It is another version of the model.
    Other,
}

/// What the device should use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen<V> {
    /// Which.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// By what it was found.
    pub found: Found,
    /// What was released as that version.
    pub manifest: Option<V>,
}

/// What the device should not use, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused<R> {
    /// Which.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// Why, for programs.
    pub reason: R,
    /// Why, for people.
    pub sentence: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution<V = Value, R = Refusal> {
    /// What the device should use; nothing when there is nothing that it may.
    pub answer: Option<Chosen<V>>,
    /// The others, those first that fit as well, then by order: [`REFUSED_MAX`] at most.
    pub refused: Vec<Refused<R>>,
    /// How many were refused for which kind of reason, also those that are not listed.
    pub refused_by: BTreeMap<String, u64>,
}

/// What is remembered of a candidate.
#[derive(Debug)]
struct Seen {
    candidate: Candidate,
    found: Found,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Fits(Option<Value>),
    Refused(Refusal),
}

/// Finds the answer to one question of one device.
#[derive(Debug)]
pub struct Resolver<'a> {
    rules: Rules<'a>,
    seen: BTreeMap<Order, Seen>,
    fitting: u64,
    refused_by: BTreeMap<&'static str, u64>,
}

impl<'a> Resolver<'a> {
    /// Begins.
    #[must_use]
    pub fn new(question: &'a Question, device: &'a Device) -> Self {
        Self {
            rules: Rules::new(question, device),
            seen: BTreeMap::new(),
            fitting: 0,
            refused_by: BTreeMap::new(),
        }
    }

    /// Looks at a model of the task that was asked for.
    pub fn consider(&mut self, model: &Model) {
        let current = model.current.as_ref().and_then(Value::as_text);
        let released = model.versions.iter().filter(|(_, version)| version.manifest.is_some());
        let mut any = false;
        for (name, version) in released {
            any = true;
            let found = match (self.rules.asks_alias(), current == Some(name.as_str())) {
                (true, _) => Found::Alias,
                (false, true) => Found::Current,
                (false, false) => Found::Other,
            };
            self.candidate(model, Some((name, version)), found);
        }
        if !any {
            self.candidate(model, None, Found::OnlyOne);
        }
    }

    fn candidate(&mut self, model: &Model, version: Option<(&String, &VersionView)>, found: Found) {
        let refusal = self.rules.refusal(model, version);
        match &refusal {
            None => self.fitting += 1,
            Some(refusal) => *self.refused_by.entry(refusal.kind()).or_default() += 1,
        }
        let name = version.map(|(name, _)| name.as_str());
        let order = Order::of(model, name, found, refusal.is_some());
        // One more than is told: the first may be the answer.
        let full = self.seen.len() > REFUSED_MAX;
        if full && self.seen.last_key_value().is_some_and(|(last, _)| *last < order) {
            return;
        }
        let outcome = match refusal {
            None => Outcome::Fits(version.and_then(|(_, version)| version.manifest.clone())),
            Some(refusal) => Outcome::Refused(refusal),
        };
        let candidate = Candidate {
            namespace: model.namespace.clone(),
            model: model.name.clone(),
            version: name.map(ToString::to_string),
        };
        self.seen.insert(
            order,
            Seen {
                candidate,
                found,
                outcome,
            },
        );
        if full {
            self.seen.pop_last();
        }
    }

    /// The answer, once all models of the task were looked at.
    #[must_use]
    pub fn finish(self) -> Resolution {
        let mut refused_by: BTreeMap<String, u64> = self
            .refused_by
            .into_iter()
            .map(|(kind, count)| (kind.to_string(), count))
            .collect();
        let mut answer: Option<Chosen<Value>> = None;
        let mut refused = Vec::new();
        for seen in self.seen.into_values() {
            let reason = match (seen.outcome, &answer) {
                (Outcome::Fits(manifest), None) => {
                    answer = Some(Chosen {
                        candidate: seen.candidate,
                        found: seen.found,
                        manifest,
                    });
                    continue;
                }
                (Outcome::Fits(_), Some(chosen)) => Refusal::Outranked {
                    by: chosen.candidate.clone(),
                },
                (Outcome::Refused(reason), _) => reason,
            };
            refused.push(Refused {
                candidate: seen.candidate,
                sentence: reason.to_string(),
                reason,
            });
        }
        refused.truncate(REFUSED_MAX);
        if self.fitting > 1 {
            refused_by.insert(Refusal::OUTRANKED.to_string(), self.fitting - 1);
        }
        Resolution {
            answer,
            refused,
            refused_by,
        }
    }
}

impl<V, R> Resolution<V, R> {
    /// How many candidates were refused, also those that are not listed.
    #[must_use]
    pub fn refused_count(&self) -> u64 {
        self.refused_by.values().sum()
    }
}
