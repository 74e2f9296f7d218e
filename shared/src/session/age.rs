//! How old an answer is.
//!
//! The hub says at which moment of its own clock it last knew the registry's head. The agent maps that moment to its
//! own clock by the hello and its answer: the hub read its clock after the hello was sent, so taking the sending for
//! the reading makes an answer look older, never younger.

use super::Ms;

/// How far two clocks may drift apart, in parts per million: several times what cheap crystals do.
const DRIFT_PPM: u64 = 200;

/// The hub's clock as seen from the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockMap {
    /// Which run of the hub.
    pub boot: u64,
    sent: Ms,
    hub_ms: u64,
}

impl ClockMap {
    /// The mapping from a hello sent at `sent`, whose answer names the hub's clock as `hub_ms`.
    #[must_use]
    pub const fn new(boot: u64, sent: Ms, hub_ms: u64) -> Self {
        Self { boot, sent, hub_ms }
    }

    /// The agent's time of a moment on the hub's clock, with the drift since the mapping counted as age.
    #[must_use]
    pub const fn to_agent(&self, hub_ms: u64) -> Ms {
        if hub_ms >= self.hub_ms {
            let since = hub_ms - self.hub_ms;
            self.sent
                .saturating_add(since - since.saturating_mul(DRIFT_PPM) / 1_000_000)
        } else {
            self.sent.saturating_sub(self.hub_ms - hub_ms)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_answer_never_looks_younger_than_it_is(
            offset in 0..1_000_000_u64, sent in 0..1_000_000_u64, way in 0..9_000_u64, later in 0..100_000_000_u64,
        ) {
            // The two clocks run alike, `offset` apart; the hub read its own `way` after the hello was sent.
            let map = ClockMap::new(1, sent, sent + way + offset);
            let moment = sent + way + later;
            prop_assert!(map.to_agent(moment + offset) <= moment);
        }
    }
}
