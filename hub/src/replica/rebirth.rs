//! Another life of a store that went back in time.

use crate::store::Store;
use headland_host::tables::StoreError;
use headland_shared::epoch::{Epoch, Life};
use headland_shared::session::Now;

/// Begins another life of a store that went back in time: numbers and cursors of the one before mean nothing any more.
/// The registry in it went back too, and begins another life, whose values replace: the one after `seen` or after its
/// own, whichever is later.
pub(crate) fn begin_again(store: &Store, epoch: &Epoch, seen: Life, random: u32, now: Now) -> Result<(), StoreError> {
    store.write(|tables| {
        tables.forget_chains()?;
        // Another hub's registry did not go back with this store, and says itself what is missing here.
        if tables.followed()?.is_none() {
            let mut numbers = tables.numbers()?;
            let last = numbers.life.number().max(seen.number());
            numbers.life = Life::numbered(last.saturating_add(1), random);
            tables.set_numbers(&numbers)?;
            tables.set_restored(Some(now.wall_ms))?;
        }
        tables.set_epoch(epoch)
    })
}
