//! Live changes that are made durable together: one wait for the disk instead of one for each.

use super::Replica;
use crate::store::Commit;
use headland_host::tables::StoreError;

impl Replica {
    /// Makes live changes durable together from now on: at the latest before anything is said of them to the hub.
    /// Readers see them at once; after a power cut the last of them are fetched again.
    pub fn group_commits(&mut self) {
        self.groups_commits = true;
    }

    /// Whether more frames are here already. While there are, live changes and urgent facts need not wait for the disk
    /// one by one: [`Self::catch_up_with_disk`] makes them durable, or the last of them does.
    pub fn more_waits(&mut self, more: bool) {
        self.more_waits = more;
    }

    /// Nothing more is here for now: makes durable what is applied and is not, unless that is grouped for longer.
    pub fn catch_up_with_disk(&mut self) -> Result<(), StoreError> {
        if self.groups_commits { Ok(()) } else { self.sync() }
    }

    /// When what is made now is durable.
    pub(super) fn commits(&self, grouped: bool) -> Commit {
        match grouped || self.more_waits {
            true => Commit::WithTheNext,
            false => Commit::Now,
        }
    }

    /// Something was applied so.
    pub(super) fn applied(&mut self, commit: Commit) {
        // One that is durable takes all before it along.
        self.unsynced = commit == Commit::WithTheNext;
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
