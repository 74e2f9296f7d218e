//! How old an answer is, in words.

use crate::answer::{AgeBasis, Freshness};
use headland_host::text::words::{duration, printable};

/// How old an answer is: "as of 3 min ago". `held` says whether there is anything that could have an age.
pub(super) fn as_of(freshness: &Freshness, held: bool) -> String {
    let age = age(freshness, held);
    match &freshness.warning {
        Some(warning) => format!("{age}; warning: {}", printable(warning)),
        None => age,
    }
}

fn age(freshness: &Freshness, held: bool) -> String {
    match (freshness.age_ms, freshness.age_basis) {
        (None, _) if held => "age unknown: no contact since this device was started".to_owned(),
        (None, _) => "age unknown: no contact yet".to_owned(),
        (Some(ms), Some(AgeBasis::WallClock)) => format!("as of {} ago by the wall clock", duration(ms)),
        (Some(ms), _) => format!("as of {} ago", duration(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Consistency, PhaseName};

    #[test]
    fn an_age_by_the_wall_clock_says_so_and_an_unknown_one_is_never_a_number() {
        let freshness = |age_ms, age_basis| Freshness {
            age_ms,
            age_basis,
            phase: PhaseName::Offline,
            as_of: None,
            source: None,
            consistency: Consistency::Eventual,
            max_staleness_ms: None,
            bound_holds: true,
            warning: None,
        };
        let days = freshness(Some(273_600_000), Some(AgeBasis::WallClock));
        assert_eq!(as_of(&days, true), "as of 3 d 4 h ago by the wall clock");
        assert_eq!(as_of(&freshness(None, None), false), "age unknown: no contact yet");
        assert!(!as_of(&freshness(None, None), true).contains("ago"));
    }
}
