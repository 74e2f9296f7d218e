//! What the hub has stored of this agent's own writes.

use super::Replica;
use headland_host::tables::StoreError;
use headland_shared::message::Stored;
use headland_shared::message::more::{Field, Reincarnate};
use headland_shared::session::Now;

impl Replica {
    /// What the hub says it has stored is so, also when it is less than before: then it was restored, and what it
    /// has lost goes up again with its first dots.
    pub(super) fn settle(&mut self, stored: &Stored, now: Now) -> Result<(), StoreError> {
        if stored.incarnation != self.actor.incarnation {
            return Ok(());
        }
        let views = self.store.read()?;
        if self.went_back(&views, stored)? {
            let link = Reincarnate::of(&stored.more).and_then(|said| said.link);
            self.begin_life(stored.through, link, now)?;
            self.session.retry_later(now.mono, self.config.timing.gap_ms);
            return Ok(());
        }
        let (before, through) = (views.stored()?, stored.through);
        if through != before || !stored.refused.is_empty() {
            let counts = self.confirmed_counts(&views, before, through)?;
            self.store.note(|tables| {
                for dot in &stored.refused {
                    tables.refuse_own(*dot)?;
                }
                for count in &counts {
                    tables.set_counted(&count.record, &count.element, count.tally)?;
                }
                tables.forget_chain_before(through)?;
                tables.set_stored(through)
            })?;
        }
        self.refresh_pending()
    }
}
