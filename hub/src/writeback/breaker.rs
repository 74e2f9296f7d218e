//! The circuit breaker: a registry that is in trouble is left alone, and asked by a single write whether it is well
//! again (Nygard, *Release It!*, 2007).
//!
//! ```text
//!              failed, FAILURES_MAX in a row            it is time
//!   closed ------------------------------------> open -----------> half-open
//!     ^  ^--- written                              ^-- failed ---------|
//!     +------------------------- written -----------------------------+
//! ```
//!
//! Pure: time and randomness are handed in.

use headland_host::backoff::Backoff;
use headland_shared::session::Ms;

/// Failures in a row that open the breaker: one may be a connection that broke, three are the registry.
pub(super) const FAILURES_MAX: u32 = 3;

/// What the breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Everything, for all that is known.
    Closed,
    /// Nothing for now.
    Open,
    /// One write, to see whether the registry is well again.
    HalfOpen,
}

impl State {
    /// As the status names it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// Counts failures, and says when to write.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    state: State,
    failures: u32,
    /// Nothing is written before.
    not_before: Ms,
    backoff: Backoff,
}

impl Breaker {
    /// A closed breaker, which waits as `backoff` says.
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            state: State::Closed,
            failures: 0,
            not_before: 0,
            backoff,
        }
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    /// When to write next; nothing when now is as good.
    pub(super) fn wait_until(&self, now: Ms) -> Option<Ms> {
        (self.not_before > now).then_some(self.not_before)
    }

    /// A write is about to be made: the time to wait is over.
    pub(super) fn begins(&mut self) {
        if self.state == State::Open {
            self.state = State::HalfOpen;
        }
    }

    /// The registry has answered as it should.
    pub(super) fn succeeded(&mut self) {
        self.state = State::Closed;
        self.failures = 0;
        self.not_before = 0;
        self.backoff.reset();
    }

    /// The registry has not. `random` is uniform over all of `u64`.
    pub(super) fn failed(&mut self, now: Ms, random: u64) {
        self.failures = self.failures.saturating_add(1);
        if self.state == State::HalfOpen || self.failures >= FAILURES_MAX {
            self.state = State::Open;
        }
        self.not_before = now.saturating_add(self.backoff.delay_ms(random));
        self.backoff.lengthen();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Begins,
        Written,
        Failed,
    }
    use Event::{Begins, Failed, Written};

    fn after(events: &[Event]) -> Breaker {
        let mut breaker = Breaker::new(Backoff::new(100, 1_000));
        for event in events {
            match event {
                Begins => breaker.begins(),
                Written => breaker.succeeded(),
                Failed => breaker.failed(10_000, u64::MAX),
            }
        }
        breaker
    }

    #[test]
    fn the_breaker_goes_through_its_states_as_the_table_says() {
        let open = [Begins, Failed, Begins, Failed, Begins, Failed];
        let half = [&open[..], &[Begins]].concat();
        for (events, state, until) in [
            (vec![], State::Closed, None),
            (vec![Begins], State::Closed, None),
            (vec![Begins, Written], State::Closed, None),
            (vec![Begins, Failed], State::Closed, Some(10_100)),
            (vec![Begins, Failed, Begins, Failed], State::Closed, Some(10_200)),
            (open.to_vec(), State::Open, Some(10_400)),
            (half.clone(), State::HalfOpen, Some(10_400)),
            // One failure of the probe is enough, and the wait goes on growing.
            ([&half[..], &[Failed]].concat(), State::Open, Some(10_800)),
            (
                [&half[..], &[Failed, Begins, Failed]].concat(),
                State::Open,
                Some(11_000),
            ),
            ([&half[..], &[Written]].concat(), State::Closed, None),
            // A registry that is well again has all its chances again.
            (
                [&half[..], &[Written, Begins, Failed]].concat(),
                State::Closed,
                Some(10_100),
            ),
            // Failures count in a row only.
            (
                vec![Begins, Failed, Begins, Failed, Begins, Written, Begins, Failed],
                State::Closed,
                Some(10_100),
            ),
        ] {
            let breaker = after(&events);
            assert_eq!(
                (breaker.state(), breaker.wait_until(10_000)),
                (state, until),
                "{events:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn the_breaker_never_waits_for_ever_and_one_answer_closes_it(
            events in prop::collection::vec(prop_oneof![Just(Begins), Just(Written), Just(Failed)], 0..64),
        ) {
            let mut breaker = after(&events);
            prop_assert_eq!(breaker.wait_until(11_000), None);
            breaker.begins();
            prop_assert_ne!(breaker.state(), State::Open);
            breaker.succeeded();
            prop_assert_eq!((breaker.state(), breaker.wait_until(0)), (State::Closed, None));
        }
    }
}
