//! When the store's file is looked at: some quiet seconds after much has changed in it, or at the end.
//!
//! Not at the start: to look is to read all of it, which fills the engine's cache and keeps a small device from being idle.

use super::Driver;
use crate::opening::now;
use crate::store::Tidied;
use headland_host::log::Verdict;
use headland_shared::session::{Ms, Now};

/// For how long nothing must have come before nobody minds the wait.
const QUIET_MS: Ms = 3_000;
/// After so many changed records the file may have grown by megabytes.
const RECORDS_MIN: u64 = 256;

/// When to look.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tidying {
    /// When it is quiet, if there is something to look at.
    at: Option<Ms>,
    /// How many records had changed when it was last looked at.
    looked_at: u64,
}

impl Tidying {
    /// Something has come, and so many records have changed so far.
    pub(super) const fn disturb(&mut self, records_changed: u64, now: Ms) {
        if self.at.is_some() || records_changed - self.looked_at >= RECORDS_MIN {
            self.at = Some(now + QUIET_MS);
        }
    }

    /// When it is to be looked at.
    pub(super) const fn due(&self) -> Option<Ms> {
        self.at
    }

    /// It was looked at. What could not be done is tried again.
    const fn looked(&mut self, tidied: Option<Tidied>, records_changed: u64, now: Ms) {
        match tidied {
            Some(Tidied::Busy) => self.at = Some(now + QUIET_MS),
            _ => {
                self.at = None;
                self.looked_at = records_changed;
            }
        }
    }
}

impl Driver {
    /// Looks at the store's file if that is due and nothing waits.
    pub(super) fn tidy_when_quiet(&mut self) {
        let now = now();
        if self.ahead.is_none() && self.tidying.due().is_some_and(|due| due <= now.mono) {
            self.tidy(now);
        }
    }

    /// The program ends: nothing waits any more.
    pub(super) fn tidy_at_the_end(&mut self) {
        if self.tidying.due().is_some() {
            self.tidy(now());
        }
    }

    fn tidy(&mut self, at: Now) {
        let tidied = self.replica.store().tidy();
        let changed = self.replica.counts().records_changed;
        self.tidying.looked(tidied.as_ref().ok().copied(), changed, at.mono);
        match tidied {
            Ok(Tidied::Compacted(room)) => {
                let ms = now().mono.saturating_sub(at.mono);
                tracing::info!(
                    bytes_before = room.total_bytes,
                    content_bytes = room.content_bytes,
                    ms,
                    "store compacted"
                );
            }
            Ok(Tidied::Left(_) | Tidied::Busy) => {}
            // Nothing was lost, and nobody waits for it.
            Err(error) => {
                if let Verdict::Write { suppressed } = self.store_lines.line(at.mono) {
                    tracing::warn!(suppressed, "compacting the store: {error}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Room;

    const ROOM: Room = Room {
        content_bytes: 1,
        used_bytes: 1,
        total_bytes: 1,
    };

    #[test]
    fn the_file_is_looked_at_when_it_is_quiet_after_much_has_changed() {
        let mut tidying = Tidying::default();
        assert_eq!(tidying.due(), None);
        tidying.disturb(255, 7_000);
        assert_eq!(tidying.due(), None);
        tidying.disturb(256, 8_000);
        assert_eq!(tidying.due(), Some(11_000));
        // A live change meanwhile puts it off.
        tidying.disturb(257, 10_000);
        assert_eq!(tidying.due(), Some(13_000));
        tidying.looked(Some(Tidied::Busy), 257, 13_000);
        assert_eq!(tidying.due(), Some(16_000));
        tidying.looked(Some(Tidied::Compacted(ROOM)), 257, 16_000);
        tidying.disturb(512, 17_000);
        assert_eq!(tidying.due(), None);
        tidying.disturb(513, 17_000);
        tidying.looked(None, 513, 20_000);
        assert_eq!(tidying.due(), None);
    }
}
