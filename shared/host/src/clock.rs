//! The two clocks a program reads: one that only goes forward, and the one on the wall.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

const MS_PER_S: u64 = 1_000;
const NS_PER_MS: u64 = 1_000_000;

/// The time since this machine booted.
///
/// It never goes back, and it goes on counting while the machine sleeps, so that a lease that ran
/// out during a suspend has run out when the machine wakes.
#[derive(Debug, Clone, Copy, Default)]
pub struct BootClock;

impl BootClock {
    /// Milliseconds since boot.
    #[must_use]
    pub fn now_ms(self) -> u64 {
        let now = clock_gettime(ClockId::Boottime);
        let whole_ms = u64::try_from(now.tv_sec).unwrap_or(0).saturating_mul(MS_PER_S);
        whole_ms.saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0) / NS_PER_MS)
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z by the machine's wall clock, which may jump either way.
///
/// A clock set before 1970 reads 0.
#[must_use]
pub fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{BootClock, wall_ms};

    #[test]
    fn boot_clock_never_goes_back() {
        let first = BootClock.now_ms();
        let second = BootClock.now_ms();
        assert!(first > 0);
        assert!(second >= first);
    }

    #[test]
    fn boot_clock_counts_what_the_kernel_calls_uptime() {
        let before = BootClock.now_ms();
        let text = std::fs::read_to_string("/proc/uptime").unwrap();
        let after = BootClock.now_ms();
        let uptime_s: f64 = text.split(' ').next().unwrap().parse().unwrap();
        assert!(uptime_s * 1_000.0 >= before as f64 - 20.0);
        assert!(uptime_s * 1_000.0 <= after as f64 + 20.0);
    }

    #[test]
    fn wall_clock_is_in_this_century() {
        let start_of_2020_ms = 1_577_836_800_000;
        let start_of_2100_ms = 4_102_444_800_000;
        assert!((start_of_2020_ms..start_of_2100_ms).contains(&wall_ms()));
    }
}
