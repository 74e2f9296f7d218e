//! Why a candidate was refused.

use super::Candidate;
use crate::value::{Number, Value};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::Serialize;

/// How much of a text from the catalogue a sentence repeats.
const TEXT_CHARS_MAX: usize = 80;

/// Why a candidate was refused: the first reason in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Refusal {
    /// The model has no such alias.
    NoAlias {
        /// The alias.
        alias: String,
    },
    /// The alias means other devices.
    AliasForOthers {
        /// The alias.
        alias: String,
    },
    /// The alias names another version for this device.
    AliasElsewhere {
        /// The alias.
        alias: String,
        /// The version that it names.
        version: String,
    },
    /// Other devices may use the model.
    AccessDenied {
        /// Which.
        allowed: String,
    },
    /// What the catalogue says is not understood, so that nothing is risked by it.
    Unreadable {
        /// Which attribute, or which part of the manifest.
        what: String,
    },
    /// The model shall not be used any more.
    Deprecated {
        /// What its status is.
        status: String,
    },
    /// The model is not there at present.
    Unavailable {
        /// What its availability is.
        availability: String,
    },
    /// The version's approval was revoked.
    Revoked {
        /// Which approval.
        approval: String,
    },
    /// The version is not approved for what was asked.
    NotApproved {
        /// For what.
        approval: String,
        /// What the approval says instead, if there is one.
        found: Option<String>,
    },
    /// The device lacks what the version needs.
    RequiresMissing {
        /// Of what.
        what: String,
        /// How much, or which.
        wanted: Value,
        /// How much, or which, the device declares.
        found: Option<Value>,
    },
    /// The version is not what the application needs.
    NeedNotMet {
        /// In which attribute.
        attribute: String,
        /// What is needed.
        wanted: String,
        /// What it is.
        found: Option<Value>,
    },
    /// It fits, and another that fits comes before it.
    Outranked {
        /// Which one.
        by: Candidate,
    },
}

impl Refusal {
    pub(super) const OUTRANKED: &str = "outranked";

    /// The kind of reason, as it is written.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NoAlias { .. } => "no-alias",
            Self::AliasForOthers { .. } => "alias-for-others",
            Self::AliasElsewhere { .. } => "alias-elsewhere",
            Self::AccessDenied { .. } => "access-denied",
            Self::Unreadable { .. } => "unreadable",
            Self::Deprecated { .. } => "deprecated",
            Self::Unavailable { .. } => "unavailable",
            Self::Revoked { .. } => "revoked",
            Self::NotApproved { .. } => "not-approved",
            Self::RequiresMissing { .. } => "requires-missing",
            Self::NeedNotMet { .. } => "need-not-met",
            Self::Outranked { .. } => Self::OUTRANKED,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAlias { alias } => write!(f, "the model has no alias {alias}"),
            Self::AliasForOthers { alias } => write!(f, "alias {alias} names no version for this device's labels"),
            Self::AliasElsewhere { alias, version } => {
                write!(f, "alias {alias} names version {version} for this device")
            }
            Self::AccessDenied { allowed } => write!(f, "access is for {}", cut(allowed)),
            Self::Unreadable { what } => write!(f, "{what} says what this agent does not understand"),
            Self::Deprecated { status } => write!(f, "the model is {}", cut(status)),
            Self::Unavailable { availability } => write!(f, "the model is {}", cut(availability)),
            Self::Revoked { approval } => write!(f, "approval {approval} of this version was revoked"),
            Self::NotApproved { approval, found: None } => write!(f, "this version is not approved for {approval}"),
            Self::NotApproved {
                approval,
                found: Some(found),
            } => write!(f, "approval {approval} of this version is {}", cut(found)),
            Self::RequiresMissing { what, wanted, found } => {
                let (wanted, found) = (shown(wanted, " or "), found.as_ref().map(|found| shown(found, ", ")));
                match found {
                    Some(found) => write!(f, "requires {what} {wanted}; the device has {found}"),
                    None => write!(f, "requires {what} {wanted}; the device declares none"),
                }
            }
            Self::NeedNotMet {
                attribute,
                wanted,
                found,
            } => match found.as_ref().map(|found| shown(found, ", ")) {
                Some(found) => write!(f, "{attribute} must be {}; it is {found}", cut(wanted)),
                None => write!(f, "{attribute} must be {}; it is not known", cut(wanted)),
            },
            Self::Outranked { by } => match &by.version {
                Some(version) => write!(f, "fits as well; {} {version} comes first", by.model),
                None => write!(f, "fits as well; {} comes first", by.model),
            },
        }
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= TEXT_CHARS_MAX {
        return text.to_string();
    }
    text.chars().take(TEXT_CHARS_MAX).chain(['…']).collect()
}

/// A value in a sentence.
fn shown(value: &Value, between: &str) -> String {
    cut(&match value {
        Value::Null => "nothing".to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(Number::Whole(whole)) => whole.to_string(),
        Value::Number(Number::Real(real)) => real.to_string(),
        Value::Text(text) => text.clone(),
        Value::List(items) if items.is_empty() => "none".to_string(),
        Value::List(items) => {
            let items: Vec<String> = items
                .iter()
                .take(TEXT_CHARS_MAX)
                .map(|item| shown(item, between))
                .collect();
            items.join(between)
        }
        Value::Map(_) => "something else".to_string(),
    })
}
