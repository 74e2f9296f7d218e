//! Tables of bytes, and the numbered migrations that make and change them.
//!
//! Keys and values are our own bytes, never the storage engine's tuples: its encodings have changed
//! before, ours must not.

use redb::{Database, ReadableDatabase, TableDefinition, TableError, WriteTransaction};

/// A table whose keys and values are bytes.
pub type ByteTable = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// The table that every store has: single values by name.
pub const META: ByteTable = TableDefinition::new("meta-1");
const FORMAT: &[u8] = b"format";

/// Why a transaction did not happen. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("writing to the store: no space left on the disk; free some, it goes on by itself")]
    Full,
    /// The storage engine failed.
    #[error("using the store: {0}")]
    Engine(#[source] Box<redb::Error>),
    /// What a table holds cannot be read.
    #[error("reading table {table} of the store: {reason}; restore a copy, or remove the file to begin anew")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The store could not be opened again after a failure.
    #[error("using the store: it is closed after a failure; it is tried again by itself")]
    Closed,
    /// The store was written by a newer version.
    #[error("opening the store: it has format {found}, this version knows formats up to {known}; use a newer version")]
    Newer {
        /// The store's format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        let full = matches!(&error, redb::Error::Io(io)
            if matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded));
        if full {
            Self::Full
        } else {
            Self::Engine(Box::new(error))
        }
    }
}

macro_rules! from_engine {
    ($($error:ty),*) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_engine!(
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::DatabaseError,
    redb::SetDurabilityError
);

impl StoreError {
    /// What a table holds cannot be read, for a reason.
    pub fn corrupt(table: &'static str, reason: impl ToString) -> Self {
        Self::Corrupt {
            table,
            reason: reason.to_string(),
        }
    }
}

/// One step from a format to the next. Never changed once released.
pub type Migration = fn(&WriteTransaction) -> Result<(), StoreError>;

/// Brings a store to the newest format: runs each missing migration in a transaction of its own.
///
/// # Errors
///
/// [`StoreError::Newer`] when the store is ahead of `migrations`; otherwise what the engine says.
pub fn migrate(database: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    let known = migrations.len() as u32;
    let found = format_of(database)?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for (number, migration) in migrations.iter().enumerate().skip(found as usize) {
        let transaction = database.begin_write()?;
        migration(&transaction)?;
        let format = (number as u32 + 1).to_be_bytes();
        transaction.open_table(META)?.insert(FORMAT, format.as_slice())?;
        transaction.commit()?;
    }
    Ok(())
}

fn format_of(database: &Database) -> Result<u32, StoreError> {
    let table = match database.begin_read()?.open_table(META) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let Some(format) = table.get(FORMAT)? else {
        return Ok(0);
    };
    let bytes = format.value().try_into();
    bytes
        .map(u32::from_be_bytes)
        .map_err(|_| StoreError::corrupt("meta-1", "the format is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;

    const ROWS: ByteTable = TableDefinition::new("rows-1");

    fn first(transaction: &WriteTransaction) -> Result<(), StoreError> {
        transaction.open_table(ROWS)?.insert(b"a".as_slice(), b"1".as_slice())?;
        Ok(())
    }

    fn second(transaction: &WriteTransaction) -> Result<(), StoreError> {
        transaction.open_table(ROWS)?.insert(b"b".as_slice(), b"2".as_slice())?;
        Ok(())
    }

    #[test]
    fn each_migration_runs_once_and_a_newer_store_is_refused() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        migrate(&database, &[first]).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(ROWS).unwrap().remove(b"a".as_slice()).unwrap();
        transaction.commit().unwrap();
        migrate(&database, &[first, second]).unwrap();
        migrate(&database, &[first, second]).unwrap();
        let rows = database.begin_read().unwrap().open_table(ROWS).unwrap();
        assert!(rows.get(b"a".as_slice()).unwrap().is_none());
        assert!(rows.get(b"b".as_slice()).unwrap().is_some());
        assert!(matches!(
            migrate(&database, &[first]),
            Err(StoreError::Newer { found: 2, known: 1 })
        ));
    }
}
