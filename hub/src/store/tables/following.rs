//! What following takes of the tables: the position in another hub's order, and an index of records in no scope.

use super::{CHANGES, RECORDS, Tables, Writing, change_key, split_record};
use crate::store::meta;
use crate::store::rows::{self, CommitRow, Followed};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::bytes::Reader;
use headland_shared::delta::{Handle, ScopeAlias};
use headland_shared::epoch::Seq;
use redb::{ReadableTable, WriteTransaction};

/// Stands in the index of changes for records that are in no scope: withdrawn, or never said by the registry. No scope
/// gets this number, so whoever looks at scopes does not see it.
pub const UNSCOPED: ScopeAlias = ScopeAlias::MAX;

const FOLLOWED: &[u8] = b"followed";

/// Migration 2: puts records that are in no scope into the index of changes.
pub(crate) fn index_unscoped(transaction: &WriteTransaction) -> Result<(), StoreError> {
    let records = transaction.open_table(RECORDS)?;
    let mut changes = transaction.open_table(CHANGES)?;
    let corrupt = |error| StoreError::corrupt("records-1", error);
    for row in records.iter()? {
        let (handle, value) = row?;
        let handle: Handle = Reader::new(handle.value()).u32_be().map_err(corrupt)?;
        let (_, blob) = split_record(value.value()).map_err(corrupt)?;
        let head = Blob::parse(&blob).map_err(corrupt)?.head;
        if head.task.is_none() {
            let key = change_key(UNSCOPED, head.changed, handle);
            changes.insert(key.as_slice(), [0].as_slice())?;
        }
    }
    Ok(())
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Tables<T> {
    /// Where this hub stands in the order of the hub that it follows.
    pub fn followed(&self) -> Result<Option<Followed>, StoreError> {
        meta(&self.meta, FOLLOWED)?
            .map(|bytes| rows::decode("meta-1", &bytes))
            .transpose()
    }
}

impl Tables<Writing<'_>> {
    /// Sets where this hub stands in the order of the hub that it follows.
    pub fn set_followed(&mut self, followed: &Followed) -> Result<(), StoreError> {
        self.meta.insert(FOLLOWED, rows::encode(followed).as_slice())?;
        Ok(())
    }

    /// The registry is this hub's own from here on.
    pub fn forget_followed(&mut self) -> Result<(), StoreError> {
        self.meta.remove(FOLLOWED)?;
        Ok(())
    }

    /// A record that was in no scope comes into one.
    pub fn forget_unscoped(&mut self, changed: Seq, handle: Handle) -> Result<(), StoreError> {
        self.changes.remove(change_key(UNSCOPED, changed, handle).as_slice())?;
        Ok(())
    }

    /// Adds a commit to the history that only the hub where it was made can revert.
    pub fn add_followed_commit(&mut self, seq: Seq, row: &CommitRow) -> Result<(), StoreError> {
        self.commits
            .insert(seq.0.to_be_bytes().as_slice(), rows::encode(row).as_slice())?;
        Ok(())
    }
}
