//! What is asked of a candidate, rule by rule.

use super::audience::texts;
use super::need::at_least;
use super::order::PREFERENCE;
use super::{AliasTarget, Audience, Device, Fact, Question, Refusal};
use crate::value::Value;
use crate::view::{Model, VersionView};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

const ACCESS: &str = "access";
const STATUS: &str = "status";
const DEPRECATED: &str = "deprecated";
const AVAILABILITY: &str = "availability";
const REQUIRES: &str = "requires";
const RUNTIME: &str = "runtime";

/// The attributes that are read of every model.
pub(super) const ATTRIBUTES: [&str; 6] = [ACCESS, STATUS, DEPRECATED, AVAILABILITY, REQUIRES, PREFERENCE];

/// The statuses of models that shall not be used any more.
const STATUSES_OVER: [&str; 4] = [DEPRECATED, "retired", "withdrawn", "revoked"];
/// What is said of models that are not there.
const NOT_THERE: [&str; 3] = ["unavailable", "down", "offline"];
/// The only outcome of an approval that approves, and the one that stays for ever.
const APPROVED: &str = "approved";
const REVOKED: &str = "revoked";

type Version<'v> = (&'v String, &'v VersionView);

/// One question of one device.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    question: &'a Question,
    device: &'a Device,
}

impl<'a> Rules<'a> {
    pub(super) const fn new(question: &'a Question, device: &'a Device) -> Self {
        Self { question, device }
    }

    pub(super) const fn asks_alias(&self) -> bool {
        self.question.alias.is_some()
    }

    /// Why a candidate is refused; nothing when it fits.
    pub(super) fn refusal(&self, model: &Model, version: Option<Version<'_>>) -> Option<Refusal> {
        self.alias(model, version)
            .or_else(|| self.access(model))
            .or_else(|| of_status(model))
            .or_else(|| of_availability(model))
            .or_else(|| self.approval(version))
            .or_else(|| self.requires(model, version))
            .or_else(|| self.need(model, version))
    }

    fn alias(&self, model: &Model, version: Option<Version<'_>>) -> Option<Refusal> {
        let alias = self.question.alias.as_ref()?.to_string();
        let Some(value) = model.aliases.get(&alias) else {
            return Some(Refusal::NoAlias { alias });
        };
        let Some(target) = AliasTarget::of(value) else {
            let what = format!("alias {alias}");
            return Some(Refusal::Unreadable { what });
        };
        match target.for_device(self.device) {
            None => Some(Refusal::AliasForOthers { alias }),
            Some(named) if version.is_some_and(|(name, _)| name == named.as_str()) => None,
            Some(named) => Some(Refusal::AliasElsewhere {
                alias,
                version: named.to_string(),
            }),
        }
    }

    fn access(&self, model: &Model) -> Option<Refusal> {
        match Audience::of(fact(model, ACCESS)?) {
            None => Some(unreadable(ACCESS)),
            Some(audience) if audience.admits(self.device) => None,
            Some(audience) => Some(Refusal::AccessDenied {
                allowed: audience.to_string(),
            }),
        }
    }

    /// Who asks for an approval wants exactly that one; for others a version of which any was revoked is none.
    fn approval(&self, version: Option<Version<'_>>) -> Option<Refusal> {
        let approvals = version.map(|(_, version)| &version.approvals);
        let Some(approval) = &self.question.approval else {
            let revoked = approvals?
                .iter()
                .find(|(_, outcome)| outcome.as_text() == Some(REVOKED));
            return revoked.map(|(approval, _)| Refusal::Revoked {
                approval: approval.clone(),
            });
        };
        let approval = approval.to_string();
        let outcome = approvals.and_then(|approvals| approvals.get(&approval));
        match outcome.map(Value::as_text) {
            Some(Some(APPROVED)) => None,
            Some(Some(REVOKED)) => Some(Refusal::Revoked { approval }),
            Some(Some(other)) => Some(Refusal::NotApproved {
                approval,
                found: Some(other.to_string()),
            }),
            Some(None) => {
                let what = format!("approval {approval}");
                Some(Refusal::Unreadable { what })
            }
            None => Some(Refusal::NotApproved { approval, found: None }),
        }
    }

    /// Both the model and the version's manifest may require something, and all of it must be there.
    fn requires(&self, model: &Model, version: Option<Version<'_>>) -> Option<Refusal> {
        let runtime = part(version, RUNTIME).and_then(|runtime| self.lacks(RUNTIME, runtime));
        let lists = [part(version, REQUIRES), fact(model, REQUIRES)];
        runtime.or_else(|| lists.into_iter().flatten().find_map(|list| self.lacks_any(list)))
    }

    fn lacks_any(&self, requires: &Value) -> Option<Refusal> {
        let Value::Map(requirements) = requires else {
            return Some(unreadable(REQUIRES));
        };
        requirements.iter().find_map(|(name, wanted)| self.lacks(name, wanted))
    }

    /// A requirement is held against the fact of its name, or of its plural.
    fn lacks(&self, name: &str, wanted: &Value) -> Option<Refusal> {
        let facts = &self.device.description;
        let held = facts.fact(name).or_else(|| facts.fact(&format!("{name}s")));
        let there = match (wanted, held) {
            (Value::Null, _) => true,
            (Value::Bool(wanted), held) => !wanted || held == Some(&Fact::Flag(true)),
            (Value::Number(wanted), Some(Fact::Number(held))) => at_least(*held, *wanted),
            (Value::Number(_), _) => false,
            (wanted, held) => {
                let Some(wanted) = texts(wanted) else {
                    return Some(unreadable(&format!("{REQUIRES}.{name}")));
                };
                matches!(held, Some(Fact::Texts(held)) if !wanted.is_disjoint(held))
            }
        };
        (!there).then(|| Refusal::RequiresMissing {
            what: name.to_string(),
            wanted: wanted.clone(),
            found: held.map(Fact::to_value),
        })
    }

    /// What the version's manifest says counts before what the model says.
    fn need(&self, model: &Model, version: Option<Version<'_>>) -> Option<Refusal> {
        self.question.need.iter().find_map(|(name, need)| {
            let held = part(version, name.as_str()).or_else(|| fact(model, name.as_str()));
            let met = held.is_some_and(|held| need.is_met_by(held));
            (!met).then(|| Refusal::NeedNotMet {
                attribute: name.to_string(),
                wanted: need.to_string(),
                found: held.cloned(),
            })
        })
    }
}

fn unreadable(what: &str) -> Refusal {
    Refusal::Unreadable { what: what.to_string() }
}

fn fact<'m>(model: &'m Model, name: &str) -> Option<&'m Value> {
    model.attributes.get(name).filter(|value| **value != Value::Null)
}

fn part<'v>(version: Option<Version<'v>>, name: &str) -> Option<&'v Value> {
    let Some(Value::Map(parts)) = version.and_then(|(_, version)| version.manifest.as_ref()) else {
        return None;
    };
    let parts: &BTreeMap<String, Value> = parts;
    parts.get(name).filter(|value| **value != Value::Null)
}

fn of_status(model: &Model) -> Option<Refusal> {
    let status = fact(model, STATUS).and_then(Value::as_text);
    let over = status.filter(|status| is_one_of(status, &STATUSES_OVER));
    let flagged = fact(model, DEPRECATED) == Some(&Value::Bool(true));
    let status = over.or_else(|| flagged.then_some(DEPRECATED))?.to_string();
    Some(Refusal::Deprecated { status })
}

fn of_availability(model: &Model) -> Option<Refusal> {
    let availability = fact(model, AVAILABILITY)?.as_text()?;
    is_one_of(availability, &NOT_THERE).then(|| Refusal::Unavailable {
        availability: availability.to_string(),
    })
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}
