//! Whether what is held is the present: asking the hub now, instead of waiting for its heartbeat.

use super::{ApplyError, Replica};
use headland_host::tables::StoreError;
use headland_shared::session::{Ms, Now};

/// Hellos for those who want the present are this far apart: many who ask at once are answered by one, and a hub hears
/// ten of them a second from one device at most.
const ASKED_EVERY_MS: u64 = 100;

impl Replica {
    /// Greets the hub for somebody who wants the present; soon, if that was done just now.
    pub fn ask_hub(&mut self, now: Now) -> Result<(), StoreError> {
        if self.asked_at > now.mono {
            return Ok(());
        }
        self.asked_at = now.mono.max(self.asked_at + ASKED_EVERY_MS);
        self.wants_present = true;
        self.session.greet_if_live(self.asked_at);
        self.pump(now).map_err(ApplyError::into_store)
    }

    /// The moment on the monotonic clock at which what is held was last known to be the registry's state, where that is
    /// known by this clock.
    #[must_use]
    pub fn as_of(&self) -> Option<Ms> {
        self.session.as_of()
    }
}
