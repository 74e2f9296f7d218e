//! Live changes that are made durable together: one wait for the disk instead of one for each.

use super::Replica;
use headland_host::tables::StoreError;

impl Replica {
    /// Makes live changes durable together from now on: at the latest before anything is said of them to the hub.
    /// Readers see them at once; after a power cut the last of them are fetched again.
    pub fn group_commits(&mut self) {
        self.groups_commits = true;
    }

    /// Makes durable what is applied and is not.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if self.unsynced {
            self.store.write(|_| Ok::<_, StoreError>(()))?;
            self.unsynced = false;
        }
        Ok(())
    }
}
