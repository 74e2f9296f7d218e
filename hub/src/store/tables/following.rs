//! What following takes of the tables: the position in another hub's order, and an index of records in no scope.

use super::{CHANGES, RECORDS, Tables, Writing, change_key, split_record};
use crate::store::meta;
use crate::store::rows::{self, CommitRow, Followed};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::bytes::Reader;
use headland_shared::delta::{Handle, ScopeAlias};
use headland_shared::epoch::{Position, Seq};
use headland_shared::stamp::Stamp;
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

    /// Sets where the registry stands, when that alone has changed.
    pub fn set_registry(&mut self, registry: Position, stamp: Stamp) -> Result<(), StoreError> {
        let mut numbers = self.numbers()?;
        numbers.life = registry.life;
        numbers.revision = registry.number;
        numbers.stamp = stamp;
        self.set_numbers(&numbers)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tables::{create, views, writing};
    use headland_shared::blob::{self, Tombstones};
    use headland_shared::epoch::Mark;
    use headland_shared::key::RecordKey;
    use redb::backends::InMemoryBackend;
    use redb::{Database, ReadableDatabase};
    use std::ops::ControlFlow;

    #[test]
    fn a_store_of_before_gets_its_withdrawn_records_into_the_index() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let transaction = database.begin_write().unwrap();
        create(&transaction).unwrap();
        for (handle, task, changed) in [(0, Some("chat"), 4), (1, None, 5), (2, None, 9)] {
            let head = blob::Head {
                task: task.map(|task| task.parse().unwrap()),
                entered: Seq(1),
                changed: Seq(changed),
            };
            let key = RecordKey::decode(format!("farm\0m{handle}").as_bytes())
                .unwrap()
                .encoded();
            let patched = blob::patch(&key, None, &head, Vec::new(), Tombstones::Keep).unwrap();
            let mut tables = writing(&transaction).unwrap();
            tables.set_record(handle, &key, &patched.bytes).unwrap();
        }
        index_unscoped(&transaction).unwrap();
        transaction.commit().unwrap();
        let views = views(&database.begin_read().unwrap()).unwrap();
        let mut found = Vec::new();
        let visited = views.each_change(UNSCOPED, Mark::after(Seq::START), Seq(u64::MAX), |row| {
            found.push((row.mark.seq, row.mark.handle));
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        });
        visited.unwrap();
        assert_eq!(found, [(Seq(5), 1), (Seq(9), 2)]);
    }
}
