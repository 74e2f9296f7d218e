//! How long to wait before trying again.

/// Exponential backoff with full jitter: each delay is uniform between nothing and a ceiling that
/// doubles up to a maximum.
///
/// Full jitter, because after a broker comes back every machine of a site tries again, and only
/// delays spread over the whole interval keep them from arriving together. The randomness is
/// handed in, so that the schedule is a pure function.
#[derive(Debug, Clone)]
pub struct Backoff {
    ms_base: u64,
    ms_max: u64,
    failures: u32,
}

impl Backoff {
    /// A backoff whose first ceiling is `ms_base` and whose ceiling never exceeds `ms_max`, both
    /// in milliseconds.
    #[must_use]
    pub fn new(ms_base: u64, ms_max: u64) -> Self {
        Self {
            ms_base,
            ms_max,
            failures: 0,
        }
    }

    /// The longest the next delay can be, in milliseconds.
    #[must_use]
    pub fn ceiling_ms(&self) -> u64 {
        let doubled = 1_u64
            .checked_shl(self.failures)
            .map_or(u64::MAX, |factor| self.ms_base.saturating_mul(factor));
        doubled.min(self.ms_max)
    }

    /// The next delay in milliseconds, uniform in `0..=ceiling_ms()` when `random` is uniform over
    /// all of `u64`. Does not change the ceiling.
    #[must_use]
    pub fn delay_ms(&self, random: u64) -> u64 {
        let choices = u128::from(self.ceiling_ms()) + 1;
        let delay = (u128::from(random) * choices) >> u64::BITS;
        u64::try_from(delay).expect("a product shifted by 64 bits is at most the ceiling")
    }

    /// Doubles the ceiling, up to the maximum. Call it after a failure.
    pub fn lengthen(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// Returns to the first ceiling. Call it after a success.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use proptest::prelude::*;

    #[test]
    fn ceiling_doubles_up_to_the_maximum() {
        let mut backoff = Backoff::new(500, 3_000);
        let ceilings: Vec<u64> = (0..5)
            .map(|_| {
                let ceiling = backoff.ceiling_ms();
                backoff.lengthen();
                ceiling
            })
            .collect();
        assert_eq!(ceilings, [500, 1_000, 2_000, 3_000, 3_000]);
    }

    #[test]
    fn success_returns_to_the_first_ceiling() {
        let mut backoff = Backoff::new(500, 30_000);
        backoff.lengthen();
        backoff.lengthen();
        backoff.reset();
        assert_eq!(backoff.ceiling_ms(), 500);
    }

    #[test]
    fn extremes_of_randomness_give_nothing_and_the_ceiling() {
        let backoff = Backoff::new(500, 30_000);
        assert_eq!(backoff.delay_ms(0), 0);
        assert_eq!(backoff.delay_ms(u64::MAX), 500);
        assert_eq!(backoff.delay_ms(u64::MAX / 2), 250);
    }

    proptest! {
        #[test]
        fn delay_never_exceeds_the_ceiling_nor_the_ceiling_the_maximum(
            ms_base in any::<u64>(),
            ms_max in any::<u64>(),
            failures in any::<u32>(),
            random in any::<u64>(),
        ) {
            let backoff = Backoff { ms_base, ms_max, failures };
            prop_assert!(backoff.delay_ms(random) <= backoff.ceiling_ms());
            prop_assert!(backoff.ceiling_ms() <= ms_max);
        }

        #[test]
        fn failures_never_shorten_the_ceiling(
            ms_base in any::<u64>(),
            ms_max in any::<u64>(),
            failures in 0..200_u32,
        ) {
            let mut backoff = Backoff { ms_base, ms_max, failures };
            let before = backoff.ceiling_ms();
            backoff.lengthen();
            prop_assert!(backoff.ceiling_ms() >= before);
        }
    }
}
