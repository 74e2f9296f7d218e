//! Measuring: times by medians of medians, sizes as they are.

pub(crate) mod headland;
pub(crate) mod history;
pub(crate) mod library;
pub(crate) mod untrusted;

use crate::failure::Failure;
use std::time::{Duration, Instant};

/// How often a series is repeated, to see how far it spreads.
pub(crate) const ROUNDS: usize = 3;
/// Runs of one series.
pub(crate) const RUNS: usize = 9;

/// A time: the median of the rounds' medians, with the least and the greatest of these.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    pub(crate) median: Duration,
    pub(crate) least: Duration,
    pub(crate) most: Duration,
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

impl Time {
    /// Of all runs in their order, round after round.
    pub(crate) fn of(times: &[Duration]) -> Self {
        let rounds = times.chunks(times.len().div_ceil(ROUNDS).max(1));
        let mut medians: Vec<Duration> = rounds.map(|round| median(round.to_vec())).collect();
        medians.sort_unstable();
        Self { median: medians[medians.len() / 2], least: medians[0], most: medians[medians.len() - 1] }
    }

    /// Prepares without the clock and acts under it, round after round.
    pub(crate) fn measured<T>(
        mut prepare: impl FnMut() -> Result<T, Failure>,
        mut act: impl FnMut(&mut T) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let mut times = Vec::new();
        for _ in 0..ROUNDS * RUNS {
            let mut ready = prepare()?;
            let begun = Instant::now();
            act(&mut ready)?;
            times.push(begun.elapsed());
        }
        Ok(Self::of(&times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_median_of_medians_with_its_spread() {
        let times: Vec<_> = [1, 2, 90, 3, 4, 5, 6, 7, 80].map(Duration::from_micros).to_vec();
        let time = Time::of(&times);
        let of = Duration::from_micros;
        assert_eq!((time.median, time.least, time.most), (of(4), of(2), of(7)));
    }
}
