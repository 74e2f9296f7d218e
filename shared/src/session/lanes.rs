//! When a batch closes: priority decides how soon a change travels, never with what.

use super::Ms;
use crate::schema::Priority;

/// How long a change may wait for company, by priority. Urgent ones never wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneTimes {
    /// Metrics and capabilities, in milliseconds.
    pub p1_ms_max: u64,
    /// Documentation, in milliseconds.
    pub p2_ms_max: u64,
}

impl Default for LaneTimes {
    fn default() -> Self {
        Self {
            p1_ms_max: 1_000,
            p2_ms_max: 10_000,
        }
    }
}

/// A store that has failed is not asked more often than this, in milliseconds.
const PUT_OFF_MS_MIN: u64 = 200;

/// Whose change a commit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The registry's: until it is published, agents do not hold the registry's state.
    Registry,
    /// Devices'.
    Devices,
}

/// The batch that is open.
#[derive(Debug, Default)]
pub struct Lanes {
    times: LaneTimes,
    close_at: Option<Ms>,
    oldest: Option<Ms>,
}

impl Lanes {
    /// No batch is open yet.
    #[must_use]
    pub const fn new(times: LaneTimes) -> Self {
        Self {
            times,
            close_at: None,
            oldest: None,
        }
    }

    /// A commit of this priority has joined the open batch.
    pub fn note(&mut self, priority: Priority, author: Author, now: Ms) {
        let wait = match priority {
            Priority::P0 => 0,
            Priority::P1 => self.times.p1_ms_max,
            Priority::P2 => self.times.p2_ms_max,
        };
        let at = now + wait;
        self.close_at = Some(self.close_at.map_or(at, |earlier| earlier.min(at)));
        if author == Author::Registry {
            self.oldest.get_or_insert(now);
        }
    }

    /// When the batch must close.
    #[must_use]
    pub const fn deadline(&self) -> Option<Ms> {
        self.close_at
    }

    /// When the oldest change of the registry was made that has not been published.
    #[must_use]
    pub const fn oldest(&self) -> Option<Ms> {
        self.oldest
    }

    /// Whether the batch must close now.
    #[must_use]
    pub fn is_due(&self, now: Ms) -> bool {
        self.close_at.is_some_and(|at| at <= now)
    }

    /// The batch could not be published: it stays open, and is tried again, though not at once.
    pub fn put_off(&mut self, now: Ms) {
        self.close_at = Some(now + self.times.p1_ms_max.max(PUT_OFF_MS_MIN));
    }

    /// The batch was published.
    pub fn closed(&mut self) {
        self.close_at = None;
        self.oldest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_change_closes_the_batch_for_all() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.deadline(), None);
        lanes.note(Priority::P2, Author::Registry, 100);
        assert_eq!(lanes.deadline(), Some(10_100));
        lanes.note(Priority::P1, Author::Registry, 200);
        assert_eq!(lanes.deadline(), Some(1_200));
        lanes.note(Priority::P2, Author::Registry, 300);
        assert_eq!(lanes.deadline(), Some(1_200));
        assert!(!lanes.is_due(1_199));
        lanes.note(Priority::P0, Author::Registry, 400);
        assert!(lanes.is_due(400));
        assert_eq!(lanes.oldest(), Some(100));
        lanes.closed();
        lanes.note(Priority::P2, Author::Devices, 500);
        assert_eq!(lanes.oldest(), None);
        lanes.closed();
        assert_eq!(lanes.deadline(), None);
    }
}
