//! Puts: the registry says something else of one element, if it still says of it what the writer has seen.
//!
//! The condition is looked at within the commit, and commits are made one after another. So of two writers that have
//! seen the same, one is too late and is told so. What was seen is named by its position in the registry's order, which
//! no other write has had or will have.

use super::change::{Held, RegistryCommit, Wanted};
use super::statement::REVOKED;
use crate::replica::{Commit, CommitError, Replica};
use crate::store::Origin;
use headland_host::tables::StoreError;
use headland_shared::element::State;
use headland_shared::epoch::Position;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{AliasName, ApprovalName, VersionName};
use headland_shared::query::Elements;
use headland_shared::register::Writer;
use headland_shared::resolve::AliasTarget;
use headland_shared::session::Now;
use headland_shared::value::Value;
use std::fmt;

/// An element that can be put by itself: where releases are decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// Which version is current.
    Current,
    /// Which version an alias names.
    Alias(AliasName),
    /// What a version is approved as.
    Approval(VersionName, ApprovalName),
}

/// What is to be said of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assertion {
    /// This version is current.
    Current(VersionName),
    /// The alias names this.
    Alias(AliasName, AliasTarget),
    /// The version has this outcome of the approval.
    Approval(VersionName, ApprovalName, String),
}

/// What the writer has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Nothing is said of the element.
    Nothing,
    /// Something is said of it, whatever it is.
    Anything,
    /// What is said of it was said at one of these positions.
    SaidAt(Vec<Position>),
}

/// What the registry says of an element, and where in its order it said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it says.
    pub value: Value,
    /// Where it said so.
    pub position: Position,
}

/// One put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Of which model.
    pub record: RecordKey,
    /// What is to be said.
    pub assertion: Assertion,
    /// The condition.
    pub expected: Expected,
}

/// Which element of which model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The model.
    pub record: RecordKey,
    /// The element.
    pub element: Element,
}

/// What a put did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutReport {
    /// The commit's seq; nothing when the registry said this already.
    pub seq: Option<u64>,
    /// What the registry says now.
    pub word: Word,
}

/// Why a put was refused. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The registry does not hold the model.
    #[error("setting {subject}: the registry does not hold the model; import it first")]
    UnknownModel {
        /// Of what.
        subject: Box<Subject>,
    },
    /// The model does not have the version.
    #[error("setting {subject}: it has no version {version}; import the version first, or name one that it has")]
    UnknownVersion {
        /// Of what.
        subject: Box<Subject>,
        /// The version.
        version: VersionName,
    },
    /// A revocation is for ever.
    #[error("setting {subject}: it is revoked, and stays so; release a new version and have that approved")]
    Revoked {
        /// Of what.
        subject: Box<Subject>,
    },
    /// Somebody else was faster, or the writer saw something old.
    #[error(
        "setting {subject}: what it says now is not what the condition expects; look at `present`, and put again with its `etag` if the change is still right"
    )]
    Stale {
        /// Of what.
        subject: Box<Subject>,
        /// What the registry says.
        present: Option<Word>,
    },
}

impl Element {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> ElementKey {
        match self {
            Self::Current => ElementKey::Current,
            Self::Alias(alias) => ElementKey::Alias(alias.clone()),
            Self::Approval(version, approval) => ElementKey::Approval(version.clone(), approval.clone()),
        }
    }

    /// What the registry says of it.
    #[must_use]
    pub fn word(&self, elements: &Elements) -> Option<Word> {
        let Some(State::Register(register)) = elements.get(&self.key()) else {
            return None;
        };
        let write = register.write_of(&Writer::Central)?;
        let value = write.value.clone()?;
        let position = write.position;
        Some(Word { value, position })
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("the current version"),
            Self::Alias(alias) => write!(f, "alias {alias}"),
            Self::Approval(version, approval) => write!(f, "approval {approval} of version {version}"),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of model {}", self.element, self.record)
    }
}

impl Assertion {
    /// Of what.
    #[must_use]
    pub fn element(&self) -> Element {
        match self {
            Self::Current(_) => Element::Current,
            Self::Alias(alias, _) => Element::Alias(alias.clone()),
            Self::Approval(version, approval, _) => Element::Approval(version.clone(), approval.clone()),
        }
    }

    /// The versions that the model must have for it.
    fn versions(&self) -> Vec<&VersionName> {
        match self {
            Self::Current(version) | Self::Approval(version, ..) => vec![version],
            Self::Alias(_, target) => target.versions().collect(),
        }
    }

    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Current(version) => Value::text(version.as_str()),
            Self::Alias(_, target) => target.to_value(),
            Self::Approval(.., outcome) => Value::text(outcome.as_str()),
        }
    }

    fn is_revocation(&self) -> bool {
        matches!(self, Self::Approval(.., outcome) if outcome == REVOKED)
    }
}

impl Expected {
    fn is_met_by(&self, present: Option<&Word>) -> bool {
        match (self, present) {
            (Self::Nothing, None) | (Self::Anything, Some(_)) => true,
            (Self::SaidAt(positions), Some(word)) => positions.contains(&word.position),
            (Self::Nothing | Self::Anything | Self::SaidAt(_), _) => false,
        }
    }
}

/// Makes the registry say it, as one commit, if the condition is met.
pub fn put(replica: &mut Replica, put: &Put, now: Now) -> Result<PutReport, PutError> {
    let (word, committed) = replica.commit(now, |commit| build(commit, put, now))?;
    let seq = committed.map(|committed| committed.seq.0);
    Ok(PutReport { seq, word })
}

fn build(commit: &mut Commit<'_, '_>, put: &Put, now: Now) -> Result<Word, PutError> {
    let Put { record, assertion, .. } = put;
    let element = assertion.element();
    let mut registry = RegistryCommit::begin(commit, now)?;
    let held = registry.held(record)?;
    let present = possible(&registry, &held, put)?;
    let value = assertion.value();
    if let Some(present) = present.filter(|present| present.value == value) {
        return Ok(present);
    }
    let wanted = Wanted {
        key: element.key(),
        value: Some(value.clone()),
        sticky: assertion.is_revocation(),
    };
    registry.set(record, &held, vec![wanted])?;
    let position = registry.position();
    registry.finish(Origin::Put(format!("{element} of {record}")))?;
    Ok(Word { value, position })
}

/// What the registry says before the put, if that may be done.
fn possible(registry: &RegistryCommit<'_, '_, '_>, held: &Held, put: &Put) -> Result<Option<Word>, PutError> {
    let key = put.assertion.element().key().encoded();
    let word = |(value, position)| Word { value, position };
    put.judge(&Known {
        alive: held.alive,
        has: &|version| held.central(&ElementKey::Version(version.clone()).encoded()).is_some(),
        revoked: registry.cannot_take_back(held, &key),
        present: held.central(&key).zip(held.position(&key)).map(word),
    })
}

/// What is known of the model and the element when a put is judged.
struct Known<'a> {
    alive: bool,
    has: &'a dyn Fn(&VersionName) -> bool,
    revoked: bool,
    present: Option<Word>,
}

impl Put {
    /// What is said before the put, if that may be done, as far as these elements say; nothing of a model that is not
    /// held.
    pub(crate) fn possible_with(&self, elements: Option<&Elements>) -> Result<Option<Word>, PutError> {
        let present = elements.and_then(|elements| self.assertion.element().word(elements));
        let is_approval = matches!(self.assertion, Assertion::Approval(..));
        let revoked = present.as_ref().is_some_and(|word| word.value == Value::text(REVOKED));
        self.judge(&Known {
            alive: elements.is_some(),
            has: &|version| elements.is_some_and(|elements| has_version(elements, version)),
            revoked: is_approval && revoked,
            present,
        })
    }

    fn judge(&self, known: &Known<'_>) -> Result<Option<Word>, PutError> {
        let Self {
            record,
            assertion,
            expected,
        } = self;
        let subject = Box::new(Subject {
            record: record.clone(),
            element: assertion.element(),
        });
        if !known.alive {
            return Err(PutError::UnknownModel { subject });
        }
        if let Some(version) = assertion.versions().into_iter().find(|version| !(known.has)(version)) {
            let version = version.clone();
            return Err(PutError::UnknownVersion { subject, version });
        }
        if known.revoked && !assertion.is_revocation() {
            return Err(PutError::Revoked { subject });
        }
        let present = known.present.clone();
        match expected.is_met_by(present.as_ref()) {
            true => Ok(present),
            false => Err(PutError::Stale { subject, present }),
        }
    }
}

fn has_version(elements: &Elements, version: &VersionName) -> bool {
    let state = elements.get(&ElementKey::Version(version.clone()));
    let Some(State::Register(register)) = state else {
        return false;
    };
    register
        .write_of(&Writer::Central)
        .is_some_and(|write| write.value.is_some())
}
