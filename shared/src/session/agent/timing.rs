//! How long the agent's session waits for what.

use crate::session::{Jitter, Ms};

/// A slow answer makes the next wait at most so many times the usual one: it may also have been a slow link.
const SLOW_TIMES_MAX: u64 = 8;

/// Times of the agent's session, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long the first hello waits for its answer; each further one up to twice as long.
    pub answer_ms: u64,
    /// The longest wait for an answer.
    pub answer_ms_max: u64,
    /// How long a catch-up or an upload may stand still before it is asked for again.
    pub stall_ms: u64,
    /// How often it is asked for again before a new hello.
    pub stalls_max: u32,
    /// How long a missing batch may be late.
    pub gap_ms: u64,
    /// How long what is held may be behind what a heartbeat names before it is asked for.
    pub lag_ms: u64,
    /// Over which time agents spread what they all would do at once.
    pub spread_ms: u64,
    /// Over which time acknowledgements are spread and gathered.
    pub acknowledge_ms: u64,
    /// How often the hub is asked whether it holds the same, while nothing else makes the agent ask.
    pub prove_ms: u64,
    /// How long to wait when a hub cannot be believed.
    pub behind_ms: u64,
    /// The heartbeat's period until the hub has named it.
    pub heartbeat_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer_ms: 5_000,
            answer_ms_max: 300_000,
            stall_ms: 5_000,
            stalls_max: 3,
            gap_ms: 500,
            lag_ms: 500,
            spread_ms: 1_000,
            acknowledge_ms: 2_000,
            prove_ms: 600_000,
            behind_ms: 30_000,
            heartbeat_ms: 10_000,
        }
    }
}

impl Timing {
    /// For a device that wakes for seconds: nothing is spread, nothing is gathered.
    #[must_use]
    pub const fn hurried(self) -> Self {
        Self {
            spread_ms: 0,
            acknowledge_ms: 0,
            ..self
        }
    }

    /// How long the next hello waits for its answer, after so many that had none. An answer that took long makes the
    /// wait long at once, so that a hub under load is not asked twice what it is about to answer.
    pub(super) fn answer_wait_ms(&self, attempts: u32, took: Ms, jitter: &mut Jitter) -> u64 {
        let slow = took.saturating_mul(2).min(self.answer_ms * SLOW_TIMES_MAX);
        let longest = (self.answer_ms << attempts.min(16)).max(slow).min(self.answer_ms_max);
        longest / 2 + jitter.up_to(longest / 2)
    }
}
