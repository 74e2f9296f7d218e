//! Another life of a store that went back in time.

use crate::store::Store;
use headland_host::tables::StoreError;
use headland_shared::epoch::{Epoch, Life};
use headland_shared::session::Now;

/// Begins another life of a store that went back in time: numbers and cursors of the one before mean nothing any more. A
/// registry of its own went back too, and begins the life `registry`, whose values replace; another's did not, and says
/// itself what is missing here.
pub(crate) fn begin_again(store: &Store, epoch: &Epoch, registry: Option<Life>, now: Now) -> Result<(), StoreError> {
    store.write(|tables| {
        tables.forget_chains()?;
        if let Some(life) = registry {
            let mut numbers = tables.numbers()?;
            numbers.life = life;
            tables.set_numbers(&numbers)?;
            tables.set_restored(Some(now.wall_ms))?;
        }
        tables.set_epoch(epoch)
    })
}
