//! How fresh an answer must be, and whether it is.

use crate::parameters::Parameters;
use crate::problem::Refusal;
use axum::http::StatusCode;
use headland_host::text::words::duration;
use serde::{Deserialize, Serialize};

/// How long a read waits for the present when nobody says how long, and at most, in milliseconds: a link by satellite
/// answers within the one, and nobody waits for a page longer than the other.
const TIMEOUT_MS_DEFAULT: u64 = 5_000;
const TIMEOUT_MS_MAX: u64 = 60_000;

/// The parameters, for the description of an API.
pub const PARAMETERS: [(&str, &str); 4] = [
    (
        "consistency",
        "How fresh the answer must be: eventual (the default), bounded or strong.",
    ),
    (
        "max_staleness",
        "How old the answer may be, such as 500ms, 5s, 10m or 2h; by itself it means bounded.",
    ),
    (
        "on_stale",
        "What to do when it is not that fresh: refuse (the default) or warn.",
    ),
    (
        "timeout",
        "How long to wait for the present when consistency is strong, such as 5s.",
    ),
];

/// How fresh an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Consistency {
    /// However old it is.
    #[default]
    Eventual,
    /// Not older than was said.
    Bounded,
    /// As the registry's state was when it was asked for, or later.
    Strong,
}

/// What to do when an answer is not as fresh as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnStale {
    /// Refuse to answer.
    #[default]
    Refuse,
    /// Answer with a warning.
    Warn,
}

/// How fresh an answer somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// How fresh.
    pub consistency: Consistency,
    /// Of `bounded`: how old it may be, in milliseconds.
    pub max_staleness_ms: Option<u64>,
    /// What to do when it is not.
    pub on_stale: OnStale,
    /// Of `strong`: how long to wait for the present, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            consistency: Consistency::Eventual,
            max_staleness_ms: None,
            on_stale: OnStale::Refuse,
            timeout_ms: TIMEOUT_MS_DEFAULT,
        }
    }
}

/// A wish for freshness that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// It is none of the three.
    #[error("reading consistency: {0:?} is none; use eventual, bounded or strong")]
    Consistency(String),
    /// It is neither of the two.
    #[error("reading on_stale: {0:?} is none; use refuse or warn")]
    OnStale(String),
    /// It has no unit, or is no number.
    #[error("reading {0}: {1:?} is no duration; use a whole number with its unit, such as 500ms, 5s, 10m or 2h")]
    Duration(&'static str, String),
    /// Nobody waits so long.
    #[error("reading timeout: it is more than {} s; wait for less, and ask again", TIMEOUT_MS_MAX / 1_000)]
    TooPatient,
    /// Nobody knows how old it may be.
    #[error("reading consistency: bounded needs to know how old an answer may be; say max_staleness, such as 5s")]
    NoBound,
    /// It contradicts the rest.
    #[error("reading max_staleness: {0} has no such bound; leave it out, or ask for consistency=bounded")]
    NeedlessBound(&'static str),
}

impl Demand {
    /// Takes what was asked for out of the parameters of a request.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn take(asked: &mut Parameters) -> Result<Self, Refusal> {
        let consistency = asked.take("consistency")?;
        let max_staleness = asked.take("max_staleness")?;
        let on_stale = asked.take("on_stale")?;
        let timeout = asked.take("timeout")?;
        Self::read(
            consistency.as_deref(),
            max_staleness.as_deref(),
            on_stale.as_deref(),
            timeout.as_deref(),
        )
        .map_err(Refusal::bad_request)
    }

    /// Reads what was asked for. A bound by itself means `bounded`.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read, or they contradict each other.
    pub fn read(
        consistency: Option<&str>,
        max_staleness: Option<&str>,
        on_stale: Option<&str>,
        timeout: Option<&str>,
    ) -> Result<Self, DemandError> {
        let max_staleness_ms = max_staleness
            .map(|text| milliseconds("max_staleness", text))
            .transpose()?;
        let consistency = match (consistency, max_staleness_ms) {
            (None, None) => Consistency::Eventual,
            (None | Some("bounded"), Some(_)) => Consistency::Bounded,
            (Some("bounded"), None) => return Err(DemandError::NoBound),
            (Some("eventual"), None) => Consistency::Eventual,
            (Some("strong"), None) => Consistency::Strong,
            (Some("eventual"), Some(_)) => return Err(DemandError::NeedlessBound("eventual")),
            (Some("strong"), Some(_)) => return Err(DemandError::NeedlessBound("strong")),
            (Some(other), _) => return Err(DemandError::Consistency(other.to_owned())),
        };
        let on_stale = match on_stale {
            None | Some("refuse") => OnStale::Refuse,
            Some("warn") => OnStale::Warn,
            Some(other) => return Err(DemandError::OnStale(other.to_owned())),
        };
        let timeout_ms = match timeout {
            Some(text) => milliseconds("timeout", text)?,
            None => TIMEOUT_MS_DEFAULT,
        };
        if timeout_ms > TIMEOUT_MS_MAX {
            return Err(DemandError::TooPatient);
        }
        Ok(Self {
            consistency,
            max_staleness_ms,
            on_stale,
            timeout_ms,
        })
    }

    /// What is wrong with an answer of this age; nothing if it is as fresh as it must be. `absent` says why the present
    /// could not be had.
    #[must_use]
    pub fn shortfall(&self, age_ms: Option<u64>, absent: Option<&str>) -> Option<String> {
        match self.consistency {
            Consistency::Eventual => None,
            Consistency::Strong => absent.map(str::to_owned),
            Consistency::Bounded => {
                let bound = self.max_staleness_ms.unwrap_or_default();
                match age_ms {
                    Some(ms) if ms <= bound => None,
                    Some(ms) => Some(format!(
                        "the catalogue may be {} old, and at most {} was asked for",
                        duration(ms),
                        duration(bound)
                    )),
                    None => Some(format!(
                        "nobody knows how old the catalogue is, and at most {} was asked for",
                        duration(bound)
                    )),
                }
            }
        }
    }
}

/// An answer that is not as fresh as it must be, and so is not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("answering with {consistency} consistency: {reason}; try again, ask for less, or say on_stale=warn", consistency = self.name())]
pub struct Stale {
    /// How fresh it was to be.
    pub consistency: Consistency,
    /// What is wrong.
    pub reason: String,
    /// How old it is, in milliseconds; nothing when that is not known.
    pub age_ms: Option<u64>,
    /// How old it might be.
    pub max_staleness_ms: Option<u64>,
}

impl Stale {
    /// The refusal of an answer that is not as fresh as it must be.
    #[must_use]
    pub fn into_refusal(self) -> Refusal {
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stale", "Not fresh enough", &self);
        refusal
            .with("age_ms", self.age_ms)
            .with("max_staleness_ms", self.max_staleness_ms)
            .with("consistency", self.consistency.name())
            .with("reason", self.reason)
    }

    fn name(&self) -> &'static str {
        self.consistency.name()
    }
}

impl Consistency {
    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eventual => "eventual",
            Self::Bounded => "bounded",
            Self::Strong => "strong",
        }
    }
}

fn milliseconds(what: &'static str, text: &str) -> Result<u64, DemandError> {
    let error = || DemandError::Duration(what, text.chars().take(40).collect());
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().map_err(|_| error())?;
    let unit_ms = match &text[end..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(error()),
    };
    number.checked_mul(unit_ms).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, ms) in [
            ("500ms", 500),
            ("5s", 5_000),
            ("0s", 0),
            ("10m", 600_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(milliseconds("timeout", text), Ok(ms));
        }
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "1.5s",
            "5 s",
            "5d",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert!(milliseconds("timeout", text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bound_by_itself_means_bounded_and_contradictions_are_refused() {
        let bounded = Demand::read(None, Some("5s"), None, None).unwrap();
        assert_eq!(
            (bounded.consistency, bounded.max_staleness_ms),
            (Consistency::Bounded, Some(5_000))
        );
        assert_eq!(Demand::read(None, None, None, None), Ok(Demand::default()));
        for (consistency, bound, on_stale, timeout) in [
            (Some("bounded"), None, None, None),
            (Some("strong"), Some("5s"), None, None),
            (Some("eventual"), Some("5s"), None, None),
            (Some("certain"), None, None, None),
            (None, None, Some("cry"), None),
            (Some("strong"), None, None, Some("2h")),
        ] {
            assert!(Demand::read(consistency, bound, on_stale, timeout).is_err());
        }
    }

    #[test]
    fn an_age_at_the_bound_holds_and_an_unknown_one_never_does() {
        let bounded = Demand::read(None, Some("5s"), None, None).unwrap();
        let falls_short = |age: Option<u64>| bounded.shortfall(age, None).is_some();
        assert!(!falls_short(Some(5_000)));
        assert!(falls_short(Some(5_001)));
        assert!(falls_short(None));
    }
}
