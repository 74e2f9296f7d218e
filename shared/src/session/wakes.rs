//! When a device that sleeps between contacts wakes, and when it may sleep again.
//!
//! ```text
//!          all is done, or awake for too long
//! awake ---------------------------------------> asleep
//!   ^                                               |
//!   +----------- its time has come, or somebody wants it
//! ```
//!
//! The first time awake is at the start, so that a device that was installed has its catalogue soon. The second comes
//! somewhere within the period, so that a fleet that was switched on together does not wake together for ever; all
//! others keep the period from there. Waking early, for somebody, moves none of them.

use super::{Jitter, Ms};
use core::num::NonZeroU64;

/// How a device wakes and sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WakeTimes {
    /// From one wake to the next, in milliseconds.
    pub every_ms: NonZeroU64,
    /// How long it stays awake at most, in milliseconds, when it cannot get done.
    pub awake_ms_max: u64,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The link is wanted.
    Wake,
    /// The link is not wanted any more.
    Sleep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Awake { until: Ms },
    Asleep,
}

/// When to wake and when to sleep.
#[derive(Debug)]
pub struct Wakes {
    times: WakeTimes,
    state: State,
    /// When it wakes by its own plan.
    planned: Ms,
    /// When somebody wants it to be awake.
    wanted: Option<Ms>,
}

impl Wakes {
    /// Begins awake.
    #[must_use]
    pub fn new(times: WakeTimes, seed: u64, now: Ms) -> Self {
        let first = Jitter::seeded(seed).up_to(times.every_ms.get() - 1) + 1;
        Self {
            times,
            state: State::Awake {
                until: now + times.awake_ms_max,
            },
            planned: now + first,
            wanted: None,
        }
    }

    /// Whether the device is awake.
    #[must_use]
    pub const fn is_awake(&self) -> bool {
        matches!(self.state, State::Awake { .. })
    }

    /// When it wakes next; nothing while it is awake.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Ms> {
        match self.state {
            State::Awake { .. } => None,
            State::Asleep => Some(self.wanted.map_or(self.planned, |wanted| wanted.min(self.planned))),
        }
    }

    /// Somebody wants the device to be awake at `at`, or soon after.
    pub fn want(&mut self, at: Ms) {
        self.wanted = Some(self.wanted.map_or(at, |earlier| earlier.min(at)));
    }

    /// When [`Self::turn`] must be called.
    #[must_use]
    pub fn deadline(&self) -> Ms {
        match self.state {
            State::Awake { until } => until,
            State::Asleep => self.wakes_at().unwrap_or(self.planned),
        }
    }

    /// Looks whether it is time to wake or to sleep; `done` when nothing is left to do on the link.
    pub fn turn(&mut self, now: Ms, done: bool) -> Option<Turn> {
        match self.state {
            State::Asleep if self.deadline() <= now => {
                self.pass(now);
                self.state = State::Awake {
                    until: now + self.times.awake_ms_max,
                };
                Some(Turn::Wake)
            }
            State::Asleep => None,
            State::Awake { until } => {
                // Whoever wants it awake now has it so; what it still wants done keeps `done` from being true.
                self.pass(now);
                if !done && now < until {
                    return None;
                }
                self.state = State::Asleep;
                Some(Turn::Sleep)
            }
        }
    }

    /// Wishes and plans that have come are done with.
    fn pass(&mut self, now: Ms) {
        self.wanted = self.wanted.filter(|wanted| *wanted > now);
        if self.planned <= now {
            let every = self.times.every_ms.get();
            self.planned += ((now - self.planned) / every + 1) * every;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVERY: u64 = 21_600_000;

    fn wakes(seed: u64) -> Wakes {
        let times = WakeTimes {
            every_ms: NonZeroU64::new(EVERY).unwrap(),
            awake_ms_max: 120_000,
        };
        Wakes::new(times, seed, 1_000)
    }

    #[test]
    fn a_device_begins_awake_sleeps_when_all_is_done_and_wakes_by_its_plan() {
        let mut wakes = wakes(7);
        assert_eq!(wakes.turn(2_000, false), None);
        assert_eq!(wakes.turn(3_000, true), Some(Turn::Sleep));
        let first = wakes.wakes_at().unwrap();
        assert!((3_000..=1_000 + EVERY).contains(&first), "{first}");
        assert_eq!(wakes.turn(first - 1, false), None);
        assert_eq!(wakes.turn(first, false), Some(Turn::Wake));
        assert_eq!(wakes.turn(first + 500, true), Some(Turn::Sleep));
        assert_eq!(wakes.wakes_at(), Some(first + EVERY));
    }

    #[test]
    fn a_device_that_cannot_get_done_sleeps_all_the_same() {
        let mut wakes = wakes(7);
        assert_eq!(wakes.turn(120_999, false), None);
        assert_eq!(wakes.turn(121_000, false), Some(Turn::Sleep));
    }

    #[test]
    fn whoever_wants_it_wakes_it_early_and_moves_no_plan() {
        let mut wakes = wakes(7);
        wakes.turn(3_000, true);
        let planned = wakes.wakes_at().unwrap();
        wakes.want(9_000);
        wakes.want(12_000);
        assert_eq!(wakes.wakes_at(), Some(9_000));
        assert_eq!(wakes.turn(9_000, false), Some(Turn::Wake));
        assert_eq!(wakes.turn(9_100, true), Some(Turn::Sleep));
        assert_eq!(wakes.wakes_at(), Some(planned));
    }

    #[test]
    fn a_wish_for_later_outlives_the_time_awake() {
        let mut wakes = wakes(7);
        wakes.want(50_000);
        assert_eq!(wakes.turn(3_000, true), Some(Turn::Sleep));
        assert_eq!(wakes.wakes_at(), Some(50_000));
    }

    #[test]
    fn a_device_that_was_suspended_past_its_plan_wakes_once() {
        let mut wakes = wakes(7);
        wakes.turn(3_000, true);
        let planned = wakes.wakes_at().unwrap();
        let late = planned + 5 * EVERY + 17;
        assert_eq!(wakes.turn(late, false), Some(Turn::Wake));
        assert_eq!(wakes.turn(late + 1, true), Some(Turn::Sleep));
        assert_eq!(wakes.wakes_at(), Some(planned + 6 * EVERY));
    }

    proptest! {
        #[test]
        fn a_device_is_never_asleep_for_longer_than_its_period(
            seed in any::<u64>(),
            steps in prop::collection::vec((1..4_000_000_u64, any::<bool>(), prop::option::of(0..9_000_000_u64)), 1..200),
        ) {
            let mut wakes = wakes(seed);
            let (mut now, mut slept_at) = (1_000, None);
            for (step, done, wish) in steps {
                // Woken when it must be, as by a driver.
                now = (now + step).min(wakes.deadline().max(now));
                if let Some(wish) = wish {
                    wakes.want(now + wish);
                }
                match wakes.turn(now, done) {
                    Some(Turn::Sleep) => slept_at = Some(now),
                    Some(Turn::Wake) => {
                        let slept = now - slept_at.take().unwrap_or(now);
                        prop_assert!(slept <= EVERY, "{slept}");
                    }
                    None => {}
                }
                prop_assert!(wakes.deadline() > now || wakes.is_awake());
            }
        }
    }
}
