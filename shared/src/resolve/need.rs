//! What an application needs of one attribute.

use super::audience::texts;
use crate::value::{Number, Value};
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The most texts of one condition.
pub const NEED_ITEMS_MAX: usize = 64;
/// The longest text of a condition, in bytes.
pub const NEED_TEXT_BYTES_MAX: usize = 256;

/// A condition on one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Plain", into = "Plain")]
pub enum Need {
    /// It must be so.
    Flag(bool),
    /// A number within these bounds, of which at least one is set.
    Within(Option<Number>, Option<Number>),
    /// All of these texts: the attribute is the only one, or a list that holds them.
    All(BTreeSet<String>),
    /// At least one of these texts.
    Any(BTreeSet<String>),
}

/// How conditions are written.
#[derive(Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a need is true or false, a number (at least so much), a text, a list of texts (all of them), {\"min\": number, \"max\": number} or {\"any\": list of texts}"
)]
enum Plain {
    Flag(bool),
    Whole(i64),
    Real(f64),
    Text(String),
    All(Vec<String>),
    Bounds(Bounds),
    Any(Any),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<Real>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Real>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a bound is a number")]
enum Real {
    Whole(i64),
    Real(f64),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Any {
    any: Vec<String>,
}

/// A condition that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NeedError {
    /// A number that is none.
    #[error("a need is not a finite number; write how much is needed")]
    NotFinite,
    /// Neither bound.
    #[error("a need has neither `min` nor `max`; name one of them")]
    Unbounded,
    /// Too many texts, none at all, or a text that is too long.
    #[error(
        "a need holds no text, more than {NEED_ITEMS_MAX} of them, or one longer than {NEED_TEXT_BYTES_MAX} bytes; shorten it"
    )]
    Texts,
}

fn number(real: Real) -> Result<Number, NeedError> {
    match real {
        Real::Whole(whole) => Ok(Number::Whole(whole)),
        Real::Real(real) => Number::from_f64(real).ok_or(NeedError::NotFinite),
    }
}

fn real(number: Number) -> Real {
    match number {
        Number::Whole(whole) => Real::Whole(whole),
        Number::Real(real) => Real::Real(real),
    }
}

fn items(texts: Vec<String>) -> Result<BTreeSet<String>, NeedError> {
    let long = texts.iter().any(|text| text.len() > NEED_TEXT_BYTES_MAX);
    if texts.is_empty() || texts.len() > NEED_ITEMS_MAX || long {
        return Err(NeedError::Texts);
    }
    Ok(texts.into_iter().collect())
}

impl TryFrom<Plain> for Need {
    type Error = NeedError;

    fn try_from(plain: Plain) -> Result<Self, NeedError> {
        Ok(match plain {
            Plain::Flag(flag) => Self::Flag(flag),
            Plain::Whole(whole) => Self::Within(Some(Number::Whole(whole)), None),
            Plain::Real(least) => Self::Within(Some(number(Real::Real(least))?), None),
            Plain::Text(text) => Self::All(items(Vec::from([text]))?),
            Plain::All(texts) => Self::All(items(texts)?),
            Plain::Any(Any { any }) => Self::Any(items(any)?),
            Plain::Bounds(Bounds { min: None, max: None }) => return Err(NeedError::Unbounded),
            Plain::Bounds(Bounds { min, max }) => {
                Self::Within(min.map(number).transpose()?, max.map(number).transpose()?)
            }
        })
    }
}

impl From<Need> for Plain {
    fn from(need: Need) -> Self {
        match need {
            Need::Flag(flag) => Self::Flag(flag),
            Need::Within(min, max) => Self::Bounds(Bounds {
                min: min.map(real),
                max: max.map(real),
            }),
            Need::All(texts) => Self::All(texts.into_iter().collect()),
            Need::Any(any) => Self::Any(Any {
                any: any.into_iter().collect(),
            }),
        }
    }
}

impl Need {
    /// Whether a value is what is needed. A value of another kind is not.
    #[must_use]
    pub fn is_met_by(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Flag(wanted), Value::Bool(held)) => wanted == held,
            (Self::Within(min, max), Value::Number(held)) => {
                min.is_none_or(|min| at_least(*held, min)) && max.is_none_or(|max| at_least(max, *held))
            }
            (Self::All(wanted), value) => texts(value).is_some_and(|held| wanted.is_subset(&held)),
            (Self::Any(wanted), value) => texts(value).is_some_and(|held| !wanted.is_disjoint(&held)),
            _ => false,
        }
    }
}

/// Whether `held` is as much as `wanted`. [`Number`]'s own order tells kinds apart before sizes.
pub(super) fn at_least(held: Number, wanted: Number) -> bool {
    match (held, wanted) {
        (Number::Whole(held), Number::Whole(wanted)) => held >= wanted,
        (held, wanted) => held.as_f64().total_cmp(&wanted.as_f64()) != Ordering::Less,
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |texts: &BTreeSet<String>, word: &str| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            texts.join(word)
        };
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Within(Some(min), Some(max)) => write!(f, "{} to {}", min.as_f64(), max.as_f64()),
            Self::Within(Some(min), None) => write!(f, "at least {}", min.as_f64()),
            Self::Within(None, Some(max)) => write!(f, "at most {}", max.as_f64()),
            Self::Within(None, None) => f.write_str("a number"),
            Self::All(texts) => f.write_str(&joined(texts, " and ")),
            Self::Any(texts) => f.write_str(&joined(texts, " or ")),
        }
    }
}
