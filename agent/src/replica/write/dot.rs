//! The names of what this agent writes.

use crate::replica::Replica;
use headland_host::tables::StoreError;
use headland_shared::actor::Dot;
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::session::Now;
use headland_shared::stamp::{HybridClock, Stamp};

/// How far beyond the own dots one of them is believed: more than a device writes in its life, and so little that a hub
/// which names the largest number there is does not use them up.
const DOTS_AHEAD_MAX: u64 = 1 << 32;

impl Replica {
    /// The dot and the stamp of what is written next.
    pub(super) fn next_dot(&self, now: Now) -> Result<(Dot, Stamp), StoreError> {
        let views = self.store.read()?;
        let dot = Dot {
            actor: self.actor.clone(),
            counter: views.last_dot()? + 1,
        };
        Ok((dot, HybridClock::after(views.last_stamp()?).tick(now.wall_ms)))
    }

    /// The same of a note about a record: beyond what the record holds of this agent. A store that went back in time
    /// finds notes there that it has forgotten, and until the hub lets it begin another life it must not name a new one
    /// like one of them.
    pub(super) fn note_dot(&self, record: &RecordKey, now: Now) -> Result<(Dot, Stamp), StoreError> {
        let (mut dot, at) = self.next_dot(now)?;
        let ahead_max = dot.counter.saturating_add(DOTS_AHEAD_MAX);
        let Some((_, bytes)) = self.store.read()?.record(&record.encoded())? else {
            return Ok((dot, at));
        };
        let corrupt = |error: DecodeError| StoreError::corrupt("records-1", error);
        for entry in Blob::parse(&bytes).map_err(corrupt)?.entries() {
            let element = entry.and_then(|entry| ElementKey::decode(entry.key)).map_err(corrupt)?;
            if let ElementKey::Annotation(held) = element
                && held.actor == dot.actor
                && (dot.counter..ahead_max).contains(&held.counter)
            {
                dot.counter = held.counter + 1;
            }
        }
        Ok((dot, at))
    }
}
