//! How fast hellos are answered, and who is put off when more wait than can be answered in time.

use std::time::{Duration, Instant};

/// How long an agent that greets first waits at least before it asks again is half of five seconds, spread up to all
/// of them. What cannot be answered in about that time is put off.
const PATIENCE: Duration = Duration::from_millis(4_000);
/// Of what was measured before, so much counts beside the last flush: some hundred hellos.
const STEADY: u32 = 7;
/// The least and the longest time for which an agent is put off: less would be a repeat at the speed of the link, and
/// after the longest things may be otherwise.
const PUT_OFF_MIN: Duration = Duration::from_secs(1);
const PUT_OFF_MAX: Duration = Duration::from_secs(60);

/// What is known of the speed.
#[derive(Debug, Default)]
pub(super) struct Pace {
    each: Duration,
    /// Since when what waits is being worked off without a pause; nothing while nobody waits.
    busy_since: Option<Instant>,
    /// When the last of those who were put off has its turn.
    promised_to: Option<Instant>,
}

impl Pace {
    /// So many hellos were answered, and so many still wait. All that took time since the ones before counts: other
    /// frames, and a link that took no more.
    pub(super) fn answered(&mut self, hellos: usize, waiting: usize, now: Instant) {
        if let (Some(since), Ok(count)) = (self.busy_since, u32::try_from(hellos))
            && count > 0
        {
            let each = now.saturating_duration_since(since) / count;
            self.each = match self.each {
                Duration::ZERO => each,
                before => (before * STEADY + each) / (STEADY + 1),
            };
        }
        if waiting == 0 {
            self.busy_since = None;
        } else if hellos > 0 || self.busy_since.is_none() {
            self.busy_since = Some(now);
        }
    }

    /// Hellos are about to be answered.
    pub(super) fn begins(&mut self, now: Instant) {
        self.busy_since.get_or_insert(now);
    }

    /// How many of those who wait cannot be answered in time.
    pub(super) fn surplus(&self, waiting: usize) -> usize {
        if self.each.is_zero() {
            return 0;
        }
        let in_time = (PATIENCE.as_nanos() / self.each.as_nanos()) as usize;
        waiting.saturating_sub(in_time.max(1))
    }

    /// For how long the next one is put off: until its turn after all who wait and those who were put off before.
    pub(super) fn put_off(&mut self, waiting: usize, now: Instant) -> Duration {
        let backlog = now + self.each * u32::try_from(waiting).unwrap_or(u32::MAX);
        let turn = self.promised_to.map_or(backlog, |promised| promised.max(backlog)) + self.each;
        self.promised_to = Some(turn.min(now + PUT_OFF_MAX));
        turn.saturating_duration_since(now).clamp(PUT_OFF_MIN, PUT_OFF_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_answered_in_time_is_spread_over_the_time_that_it_takes() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        assert_eq!(pace.surplus(10_000), 0, "nothing was measured yet");
        pace.begins(now);
        for _ in 0..50 {
            now += Duration::from_millis(640);
            pace.answered(64, 1_000, now);
        }
        // Ten milliseconds each: four hundred in four seconds.
        assert_eq!(pace.surplus(1_000), 600);
        let waits: Vec<Duration> = (0..600).map(|_| pace.put_off(400, now)).collect();
        assert!(waits.is_sorted());
        assert_eq!(waits[0], Duration::from_millis(4_010));
        assert_eq!(waits[599], Duration::from_millis(10_000));
    }

    #[test]
    fn time_without_anybody_waiting_does_not_count() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        pace.begins(now);
        now += Duration::from_millis(1);
        pace.answered(1, 0, now);
        now += Duration::from_secs(600);
        pace.begins(now);
        now += Duration::from_millis(1);
        pace.answered(1, 0, now);
        assert_eq!(pace.each, Duration::from_millis(1));
        assert_eq!(pace.surplus(100_000), 96_000);
    }
}
