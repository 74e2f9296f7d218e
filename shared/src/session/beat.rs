//! How often a hub's heartbeat comes: one topic for each period, so that a link pays for what it can afford.

use super::Ms;

/// The period of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beat {
    /// The one of the live feed, which the hub sets and names in its answers.
    Feed,
    /// Every minute.
    Minute,
    /// Every ten minutes.
    TenMinutes,
    /// Every hour.
    Hour,
}

impl Beat {
    /// All of them, the most frequent first.
    pub const ALL: [Self; 4] = [Self::Feed, Self::Minute, Self::TenMinutes, Self::Hour];

    /// The seconds of those whose period is not the hub's to set; part of their topics.
    #[must_use]
    pub const fn seconds(self) -> Option<u64> {
        match self {
            Self::Feed => None,
            Self::Minute => Some(60),
            Self::TenMinutes => Some(600),
            Self::Hour => Some(3_600),
        }
    }

    /// The period in milliseconds, where the hub has named `feed_ms` for that of its feed.
    #[must_use]
    pub const fn period_ms(self, feed_ms: Ms) -> Ms {
        match self.seconds() {
            Some(seconds) => seconds * 1_000,
            None => feed_ms,
        }
    }
}

/// When a hub's next heartbeats are due.
#[derive(Debug)]
pub struct Beats {
    feed_ms: Ms,
    due: [Ms; Beat::ALL.len()],
}

impl Beats {
    /// All are due at once: a hub that begins tells everybody that it lives.
    #[must_use]
    pub const fn from(feed_ms: Ms, now: Ms) -> Self {
        Self {
            feed_ms,
            due: [now; Beat::ALL.len()],
        }
    }

    /// When the next one is due.
    #[must_use]
    pub fn deadline(&self) -> Ms {
        self.due.into_iter().min().unwrap_or_default()
    }

    /// Takes those that are due; each is next due a period from now.
    pub fn take_due(&mut self, now: Ms) -> impl Iterator<Item = Beat> {
        let feed_ms = self.feed_ms;
        let due = Beat::ALL.into_iter().zip(&mut self.due);
        due.filter(move |(_, at)| **at <= now).map(move |(beat, at)| {
            *at = now + beat.period_ms(feed_ms);
            beat
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn each_heartbeat_comes_with_its_period() {
        let mut beats = Beats::from(15_000, 500);
        let mut counts = [0; Beat::ALL.len()];
        let mut now = 500;
        while now < 500 + 3_600_000 {
            for beat in beats.take_due(now) {
                counts[beat as usize] += 1;
            }
            assert!(beats.deadline() > now);
            now = beats.deadline();
        }
        assert_eq!(counts, [240, 60, 6, 1]);
        assert_eq!(beats.take_due(now).collect::<Vec<_>>(), Beat::ALL);
    }
}
