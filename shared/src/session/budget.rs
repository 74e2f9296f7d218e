//! A budget of bytes over any 24 hours of running time.
//!
//! What is carried is added up by the hour. The hour that began a day ago, or of which a part lies within the last
//! day, still counts whole: so the sum is never less than what the last 24 hours carried. Time counts while the
//! program runs, by the monotonic clock alone, so that a wall clock that jumps forgives nothing.
//!
//! What is kept across restarts is ahead of what was carried by up to a step, and is written only when it is reached or
//! a quarter of an hour has passed: a crash forgets nothing that was carried, counts at most a step twice, and costs a
//! quarter of an hour of waiting at most. A day costs at most some 160 writes of the flash.

use super::Ms;
use crate::schema::Priority;
use alloc::vec::Vec;
use core::num::NonZeroU64;

/// The hour under way, and as many before it as the last 24 hours may reach into.
const HOURS: usize = 25;
const HOUR_MS: Ms = 3_600_000;
/// A device whose power goes after less than this never waits to the end.
const KEPT_EVERY_MS: Ms = HOUR_MS / 4;
/// A step of what is kept: this part of the budget.
const STEPS: u64 = 64;
/// Documentation and notes may use this part of the budget, and everything but what is urgent so many eighths.
const P2_PART: u64 = 2;
const P1_EIGHTHS: u64 = 7;
/// Below so many eighths what is not urgent is listened to again.
const AGAIN_EIGHTHS: u64 = 6;
/// The least budget, in bytes a day: ten contacts that bring nothing.
pub const BUDGET_BYTES_MIN: u64 = 32_768;

/// How much of the budget is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Enough for everything.
    Ample,
    /// Enough for what is not documentation.
    Short,
    /// Enough for what is urgent alone.
    Spent,
}

/// What is kept across restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Bytes by hour, that under way first.
    pub hours: Vec<u64>,
    /// How much of the hour under way is over, in milliseconds.
    pub into_hour_ms: Ms,
}

/// The budget, and what was carried of it.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    hours: [u64; HOURS],
    into_hour_ms: Ms,
    at: Ms,
    /// What is kept for the hour under way, and at which moment of it; nothing before it is kept at all.
    kept: Option<(u64, Ms)>,
    /// Whether what is not urgent is left out.
    spares: bool,
}

impl Budget {
    /// A budget of so many bytes a day, with what an earlier run kept of it.
    #[must_use]
    pub fn new(limit: NonZeroU64, ledger: Option<&Ledger>, now: Ms) -> Self {
        let mut hours = [0; HOURS];
        let known = ledger.map_or(&[] as &[u64], |ledger| &ledger.hours);
        for (hour, bytes) in hours.iter_mut().zip(known) {
            *hour = *bytes;
        }
        Self {
            limit: limit.get().max(BUDGET_BYTES_MIN),
            hours,
            into_hour_ms: ledger.map_or(0, |ledger| ledger.into_hour_ms.min(HOUR_MS - 1)),
            at: now,
            kept: ledger.map(|ledger| (hours[0], ledger.into_hour_ms)),
            spares: false,
        }
    }

    /// So many bytes a day.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// What the last day carried, rounded up to hours.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.hours.iter().fold(0, |sum, hour| sum.saturating_add(*hour))
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Ms) {
        self.into_hour_ms = self.into_hour_ms.saturating_add(now.saturating_sub(self.at));
        self.at = self.at.max(now);
        let hours = self.into_hour_ms / HOUR_MS;
        self.into_hour_ms %= HOUR_MS;
        for _ in 0..hours.min(HOURS as u64) {
            self.hours.rotate_right(1);
            self.hours[0] = 0;
            self.kept = None;
        }
    }

    /// Bytes were carried, either way.
    pub fn carry(&mut self, bytes: u64, now: Ms) {
        self.pass(now);
        self.hours[0] = self.hours[0].saturating_add(bytes);
    }

    /// What must be kept now, if what is kept does not cover what was carried.
    #[must_use]
    pub fn to_keep(&self) -> Option<Ledger> {
        let covers = self
            .kept
            .is_some_and(|(bytes, at)| bytes >= self.hours[0] && self.into_hour_ms < at + KEPT_EVERY_MS);
        if covers || self.carried() == 0 {
            return None;
        }
        let step = self.limit / STEPS;
        let mut ledger = self.ledger();
        let ahead = (self.hours[0] / step + 1) * step;
        // What is kept already for this hour is not raised by time alone.
        ledger.hours[0] = match self.kept {
            Some((bytes, _)) if bytes >= self.hours[0] => bytes,
            _ => ahead,
        };
        Some(ledger)
    }

    /// That is kept.
    pub fn keeps(&mut self, ledger: &Ledger) {
        self.kept = ledger.hours.first().map(|bytes| (*bytes, ledger.into_hour_ms));
    }

    /// What was carried, to the byte: for a program that ends in order.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger {
            hours: self.hours.to_vec(),
            into_hour_ms: self.into_hour_ms,
        }
    }

    /// What may be carried at most before `priority` has to wait.
    const fn share(&self, priority: Priority) -> u64 {
        match priority {
            Priority::P0 => u64::MAX,
            Priority::P1 => self.limit / 8 * P1_EIGHTHS,
            Priority::P2 => self.limit / P2_PART,
        }
    }

    /// How much is left.
    #[must_use]
    pub fn band(&self) -> Band {
        let carried = self.carried();
        if carried < self.share(Priority::P2) {
            Band::Ample
        } else if carried < self.share(Priority::P1) {
            Band::Short
        } else {
            Band::Spent
        }
    }

    /// Whether to listen to what is urgent alone: once the budget is spent, until an eighth of it is there again. So
    /// the change, which costs something itself, comes a few times a day at most.
    pub fn spares(&mut self) -> bool {
        let again = self.carried() < self.limit / 8 * AGAIN_EIGHTHS;
        self.spares = self.band() == Band::Spent || (self.spares && !again);
        self.spares
    }

    /// For how long something of this priority has to wait, in milliseconds; nothing if it need not. What begins may
    /// finish, so that a budget is passed by one thing at most.
    #[must_use]
    pub fn wait_ms(&self, priority: Priority) -> Option<NonZeroU64> {
        let share = self.share(priority);
        let mut carried = self.carried();
        let mut wait = 0;
        for (nth, hour) in self.hours.iter().rev().enumerate() {
            if carried < share {
                break;
            }
            carried = carried.saturating_sub(*hour);
            wait = HOUR_MS - self.into_hour_ms + nth as u64 * HOUR_MS;
        }
        NonZeroU64::new(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: u64 = 640_000;

    fn budget(ledger: Option<&Ledger>, now: Ms) -> Budget {
        Budget::new(NonZeroU64::new(LIMIT).unwrap(), ledger, now)
    }

    #[test]
    fn documentation_waits_first_then_everything_but_what_is_urgent() {
        for (carried, band, waits) in [
            (0, Band::Ample, [false, false, false]),
            (319_999, Band::Ample, [false, false, false]),
            (320_000, Band::Short, [false, false, true]),
            (559_999, Band::Short, [false, false, true]),
            (560_000, Band::Spent, [false, true, true]),
            (9_000_000, Band::Spent, [false, true, true]),
        ] {
            let mut budget = budget(None, 5);
            budget.carry(carried, 5);
            assert_eq!(budget.band(), band, "{carried}");
            let priorities = [Priority::P0, Priority::P1, Priority::P2];
            assert_eq!(
                priorities.map(|priority| budget.wait_ms(priority).is_some()),
                waits,
                "{carried}"
            );
        }
    }

    #[test]
    fn what_was_carried_a_day_ago_is_forgiven_by_the_hour() {
        let mut budget = budget(None, 0);
        budget.carry(300_000, 0);
        budget.carry(300_000, 5 * HOUR_MS);
        // The first hour goes when a whole day lies behind its end.
        let wait = budget.wait_ms(Priority::P1).unwrap().get();
        assert_eq!(wait, 20 * HOUR_MS);
        budget.pass(5 * HOUR_MS + wait - 1);
        assert_eq!(budget.band(), Band::Spent);
        budget.pass(5 * HOUR_MS + wait);
        assert_eq!((budget.band(), budget.carried()), (Band::Ample, 300_000));
        budget.pass(40 * HOUR_MS);
        assert_eq!(budget.carried(), 0);
    }

    #[test]
    fn what_is_not_urgent_is_listened_to_again_when_an_eighth_is_there() {
        let mut budget = budget(None, 0);
        budget.carry(150_000, 0);
        budget.carry(409_000, HOUR_MS);
        assert!(!budget.spares());
        budget.carry(1_000, HOUR_MS);
        assert!(budget.spares());
        budget.pass(25 * HOUR_MS);
        assert_eq!(budget.carried(), 410_000);
        assert!(!budget.spares());
    }

    #[test]
    fn an_idle_day_is_kept_by_few_writes_and_a_restart_forgets_nothing() {
        let mut budget = budget(None, 0);
        assert_eq!(budget.to_keep(), None);
        let (mut writes, mut ledger) = (0, None);
        for minute in 0..24 * 60 {
            budget.carry(300, minute * 60_000);
            if let Some(keep) = budget.to_keep() {
                budget.keeps(&keep);
                ledger = Some(keep);
                writes += 1;
            }
        }
        assert!((24..=160).contains(&writes), "{writes}");
        let again = self::budget(ledger.as_ref(), 77);
        assert!(again.carried() >= budget.carried());
        assert!(again.carried() <= budget.carried() + LIMIT / STEPS);
    }

    #[test]
    fn a_device_whose_power_goes_every_half_hour_waits_to_the_end_all_the_same() {
        let mut budget = budget(None, 0);
        budget.carry(LIMIT, 0);
        let mut ledger = budget.to_keep().unwrap();
        for run in 1..=100 {
            let begun = run * 100 * HOUR_MS;
            budget = self::budget(Some(&ledger), begun);
            for minute in 0..30 {
                budget.pass(begun + minute * 60_000);
                if let Some(keep) = budget.to_keep() {
                    budget.keeps(&keep);
                    ledger = keep;
                }
            }
        }
        assert_eq!(budget.band(), Band::Ample);
    }

    /// What happens to a device.
    #[derive(Debug, Clone)]
    enum Happening {
        Passes(Ms),
        Asks(u64),
        Crashes,
        Ends,
    }

    fn happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            4 => (1..2 * HOUR_MS).prop_map(Happening::Passes),
            8 => (1..20_000_u64).prop_map(Happening::Asks),
            1 => Just(Happening::Crashes),
            1 => Just(Happening::Ends),
        ]
    }

    proptest! {
        #[test]
        fn no_day_of_running_time_carries_more_than_its_share_and_one_thing(
            happenings in prop::collection::vec(happening(), 1..400),
        ) {
            let mut budget = budget(None, 0);
            let (mut now, mut ledger, mut carried): (Ms, Option<Ledger>, Vec<(Ms, u64)>) = (0, None, Vec::new());
            for happening in happenings {
                match happening {
                    Happening::Passes(ms) => {
                        now += ms;
                        budget.pass(now);
                    }
                    Happening::Asks(bytes) => {
                        if budget.wait_ms(Priority::P1).is_none() {
                            budget.carry(bytes, now);
                            carried.push((now, bytes));
                        }
                    }
                    Happening::Crashes => budget = self::budget(ledger.as_ref(), now),
                    Happening::Ends => budget = self::budget(Some(&budget.ledger()), now),
                }
                if let Some(keep) = budget.to_keep() {
                    budget.keeps(&keep);
                    ledger = Some(keep);
                }
                let day = carried.iter().filter(|(at, _)| at + 24 * HOUR_MS > now);
                let day: u64 = day.map(|(_, bytes)| bytes).sum();
                prop_assert!(day <= LIMIT / 8 * P1_EIGHTHS + 20_000, "{day}");
            }
        }

        #[test]
        fn whoever_waited_as_long_as_was_said_need_not_wait(
            carried in prop::collection::vec((0..3 * HOUR_MS, 0..200_000_u64), 1..60),
        ) {
            let mut budget = budget(None, 0);
            let mut now = 0;
            for (ms, bytes) in carried {
                now += ms;
                budget.carry(bytes, now);
            }
            for priority in [Priority::P1, Priority::P2] {
                if let Some(wait) = budget.wait_ms(priority) {
                    budget.pass(now + wait.get() - 1);
                    prop_assert!(budget.wait_ms(priority).is_some());
                    now += wait.get();
                    budget.pass(now);
                    prop_assert_eq!(budget.wait_ms(priority), None);
                }
            }
        }
    }
}
