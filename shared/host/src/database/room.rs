//! How much room a database takes, and giving back what it does not need.
//!
//! The engine doubles its file when it grows, and what it frees in the middle of it stays there. Compacting moves what lies
//! behind to the front, page by page in transactions of its own, and shortens the file.

use super::RecoveringDatabase;
use crate::tables::StoreError;
use redb::CompactionError;
use std::sync::PoisonError;

/// What the bytes of a database's file are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Keys and values.
    pub content_bytes: u64,
    /// Pages that hold something: keys and values, the trees around them, and what of a page is left over.
    pub used_bytes: u64,
    /// All of it, with pages that hold nothing.
    pub total_bytes: u64,
}

/// What came of compacting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compaction {
    /// The file is as short as it gets.
    Done,
    /// Somebody reads, so nothing was moved; to be tried again.
    Busy,
}

impl<V> RecoveringDatabase<V> {
    /// How much room everything takes. Reads each page once, so it is not for every occasion; the writer waits meanwhile.
    ///
    /// # Errors
    ///
    /// What the engine says.
    pub fn room(&self) -> Result<Room, StoreError> {
        self.with(|database| {
            let transaction = database.begin_write()?;
            let stats = transaction.stats()?;
            transaction.abort()?;
            Ok(Room {
                content_bytes: stats.stored_bytes(),
                used_bytes: stats.allocated_pages() * stats.page_size() as u64,
                total_bytes: stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes(),
            })
        })
    }

    /// Makes the file as short as what it holds allows, unless somebody reads. Who wants to read or write meanwhile waits
    /// for as long as it takes to write what is held once more, at most. The power may fail at any moment of it.
    ///
    /// # Errors
    ///
    /// What the engine says; the database is then opened anew, and holds what it held.
    pub fn compact(&self) -> Result<Compaction, StoreError> {
        self.ensure_open()?;
        let result = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            // What is kept for readers is a reader too.
            self.latest.outdate();
            let Some(database) = current.as_mut() else {
                return Err(StoreError::Closed);
            };
            match database.compact() {
                Ok(_) => Ok(Compaction::Done),
                Err(CompactionError::Storage(error)) => Err(StoreError::from(error)),
                Err(_) => Ok(Compaction::Busy),
            }
        };
        self.latest.outdate();
        if result.is_err() {
            self.reopen();
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;
    use redb::{Database, Durability, ReadTransaction, ReadableTableMetadata, TableDefinition};

    const ROWS: crate::tables::ByteTable = TableDefinition::new("rows-1");
    type Rows = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

    fn view(transaction: &ReadTransaction) -> Result<Rows, StoreError> {
        Ok(transaction.open_table(ROWS)?)
    }

    /// A database of many rows, most of which are gone again.
    fn wasteful() -> RecoveringDatabase<Rows> {
        let memory = || Ok(Database::builder().create_with_backend(InMemoryBackend::new())?);
        let database = RecoveringDatabase::open(memory, view).unwrap();
        let fill = |transaction: &redb::WriteTransaction| {
            let mut rows = transaction.open_table(ROWS)?;
            for number in 0..2_000_u32 {
                rows.insert(number.to_be_bytes().as_slice(), [7; 900].as_slice())?;
            }
            Ok::<_, StoreError>(())
        };
        database.write(Durability::Immediate, fill).unwrap();
        let thin_out = |transaction: &redb::WriteTransaction| {
            let mut rows = transaction.open_table(ROWS)?;
            rows.retain(|key, _| key[3] % 16 == 0)?;
            Ok::<_, StoreError>(())
        };
        database.write(Durability::Immediate, thin_out).unwrap();
        database
    }

    #[test]
    fn what_is_not_needed_is_given_back_and_all_that_is_held_stays() {
        let database = wasteful();
        let before = database.room().unwrap();
        assert!(before.total_bytes > 4 * before.content_bytes, "{before:?}");
        let rows = database.read().unwrap().len().unwrap();
        assert_eq!(database.compact().unwrap(), Compaction::Done);
        let after = database.room().unwrap();
        assert!(after.total_bytes < 2 * after.content_bytes, "{after:?}");
        assert_eq!(after.content_bytes, before.content_bytes);
        assert_eq!(database.read().unwrap().len().unwrap(), rows);
        assert!(after.content_bytes <= after.used_bytes && after.used_bytes <= after.total_bytes);
    }

    #[test]
    fn nothing_is_moved_while_somebody_reads() {
        let database = wasteful();
        let reader = database.read().unwrap();
        assert_eq!(database.compact().unwrap(), Compaction::Busy);
        assert!(reader.len().unwrap() > 0);
        drop(reader);
        // What is kept for the next reader hinders nobody.
        drop(database.read().unwrap());
        assert_eq!(database.compact().unwrap(), Compaction::Done);
    }
}
