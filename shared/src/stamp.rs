//! Hybrid stamps: wall time where it is known, order where it is not.
//!
//! A stamp is 48 bits of milliseconds since 1970 and a 16 bit counter (Kulkarni et al., "Logical Physical Clocks",
//! 2014). It orders writes of several actors under the `latest` rule and tells people when something was written;
//! nothing else depends on it. A hub never takes a device's stamp further ahead than its own clock allows.

use crate::defect::{Defect, planted};
use crate::value::time_text;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// One moment of a hybrid clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Stamp(pub u64);

/// How far a device's stamp may be ahead of the hub that takes it, in milliseconds: more than any sane clock drifts
/// in the days that a device is away, less than would let a broken clock win for long.
pub const AHEAD_MS_MAX: u64 = 60_000;

impl Stamp {
    /// The first stamp of a millisecond.
    #[must_use]
    pub const fn at_ms(ms: u64) -> Self {
        Self((ms & 0xffff_ffff_ffff) << 16)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.0 >> 16
    }

    /// The stamp that a hub fixes for a device's write: the device's own, but not beyond the hub's bound.
    #[must_use]
    pub fn bounded(self, hub_now_ms: u64) -> Self {
        if planted(Defect::DeviceOrderKey) {
            return self;
        }
        self.min(Self::at_ms(hub_now_ms.saturating_add(AHEAD_MS_MAX)))
    }
}

/// A moment as RFC 3339 has it, in UTC: `2026-11-24T17:17:16.042Z`. Nothing beyond the year 9999.
#[must_use]
pub fn utc(ms: u64) -> Option<String> {
    let mut text = time_text(ms / 1_000).ok()?;
    text.pop();
    Some(alloc::format!("{text}.{:03}Z", ms % 1_000))
}

/// A clock that never goes back and never repeats itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct HybridClock {
    last: Stamp,
}

impl HybridClock {
    /// Goes on after `last`, the latest stamp that was ever given out or seen.
    #[must_use]
    pub const fn after(last: Stamp) -> Self {
        Self { last }
    }

    /// The next stamp: `wall_ms` when that is ahead of all stamps so far, else the next count.
    pub fn tick(&mut self, wall_ms: u64) -> Stamp {
        self.last = Stamp::at_ms(wall_ms).max(Stamp(self.last.0.saturating_add(1)));
        self.last
    }

    /// Takes notice of a stamp seen elsewhere, so that later ticks come after it.
    pub fn observe(&mut self, seen: Stamp) {
        self.last = self.last.max(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ticks_only_grow_however_the_wall_clock_jumps(walls in proptest::collection::vec(0_u64..1 << 44, 1..40)) {
            let mut clock = HybridClock::default();
            let mut last = Stamp::default();
            for wall in walls {
                let next = clock.tick(wall);
                prop_assert!(next > last);
                last = next;
            }
        }
    }

    #[test]
    fn a_moment_is_told_in_utc() {
        assert_eq!(utc(1_795_540_636_042).as_deref(), Some("2026-11-24T17:17:16.042Z"));
        assert_eq!(utc(0).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(utc(u64::MAX), None);
    }

    #[test]
    fn a_device_from_the_future_is_bounded_by_the_hub() {
        let far = Stamp::at_ms(4_000_000_000_000);
        assert_eq!(far.bounded(1_000).ms(), 1_000 + AHEAD_MS_MAX);
        assert_eq!(Stamp::at_ms(7).bounded(1_000), Stamp::at_ms(7));
    }
}
