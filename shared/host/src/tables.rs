//! Tables of bytes, and the numbered migrations that make and change them.
//!
//! Keys and values are our own bytes, never the storage engine's tuples: its encodings have changed
//! before, ours must not.

use redb::{Database, ReadableDatabase, TableDefinition, TableError, WriteTransaction};

/// A table whose keys and values are bytes.
pub type ByteTable = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// The table that every store has: single values by name.
pub const META: ByteTable = TableDefinition::new("meta-1");
/// The number of the last migration.
const FORMAT: &[u8] = b"format";
/// The number of the last migration without which the store cannot be used.
const NEEDS: &[u8] = b"needs";

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
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    run: fn(&WriteTransaction) -> Result<(), StoreError>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Adds,
    Breaks,
}

impl Migration {
    /// A step that adds something which versions before it can do without: they go on using the store.
    ///
    /// What it adds is then no longer kept up. So the step runs again when a version that knows it is back, and must make
    /// what it adds afresh from the rest, whatever of it is there.
    #[must_use]
    pub const fn adds(run: fn(&WriteTransaction) -> Result<(), StoreError>) -> Self {
        Self { run, kind: Kind::Adds }
    }

    /// A step after which versions before it must not use the store.
    #[must_use]
    pub const fn breaks(run: fn(&WriteTransaction) -> Result<(), StoreError>) -> Self {
        Self {
            run,
            kind: Kind::Breaks,
        }
    }
}

/// Brings a store to the newest format: runs each missing migration in a transaction of its own.
///
/// A store of a newer version is used where all that the newer one did to it only added something; its format is set to
/// the one that is known here, so that the newer version runs its steps again.
///
/// # Errors
///
/// [`StoreError::Newer`] when a step broke with `migrations`, and then nothing is changed; otherwise what the engine says.
pub fn migrate(database: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    let known = migrations.len() as u32;
    let found = number_of(database, FORMAT)?.unwrap_or(0);
    let needs = number_of(database, NEEDS)?;
    if found > known {
        // A store that does not say what it needs is of a version that did not know of this.
        if needs.is_none_or(|needs| needs > known) {
            return Err(StoreError::Newer { found, known });
        }
        return write(database, known, needs.unwrap_or(known), |_| Ok(()));
    }
    for (number, migration) in (1..).zip(migrations).skip(found as usize) {
        write(database, number, oldest_format(migrations, number), migration.run)?;
    }
    if found == known && needs.is_none() {
        write(database, known, oldest_format(migrations, known), |_| Ok(()))?;
    }
    Ok(())
}

/// The oldest format whose versions may use a store that these migrations have brought to `format`.
#[must_use]
pub fn oldest_format(migrations: &[Migration], format: u32) -> u32 {
    let breaking = (1..=format).zip(migrations).filter(|(_, one)| one.kind == Kind::Breaks);
    breaking.map(|(number, _)| number).last().unwrap_or(1)
}

fn write(
    database: &Database,
    format: u32,
    needs: u32,
    step: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    step(&transaction)?;
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT, format.to_be_bytes().as_slice())?;
        meta.insert(NEEDS, needs.to_be_bytes().as_slice())?;
    }
    Ok(transaction.commit()?)
}

fn number_of(database: &Database, name: &[u8]) -> Result<Option<u32>, StoreError> {
    let table = match database.begin_read()?.open_table(META) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(number) = table.get(name)? else {
        return Ok(None);
    };
    let bytes = number.value().try_into();
    let number = bytes.map(u32::from_be_bytes);
    number
        .map(Some)
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

    fn database() -> Database {
        Database::builder().create_with_backend(InMemoryBackend::new()).unwrap()
    }

    fn put(database: &Database, key: &[u8], value: Option<&[u8]>) {
        let transaction = database.begin_write().unwrap();
        {
            let mut rows = transaction.open_table(ROWS).unwrap();
            match value {
                Some(value) => rows.insert(key, value).unwrap(),
                None => rows.remove(key).unwrap(),
            };
        }
        transaction.commit().unwrap();
    }

    fn has(database: &Database, key: &[u8]) -> bool {
        let rows = database.begin_read().unwrap().open_table(ROWS).unwrap();
        rows.get(key).unwrap().is_some()
    }

    const FIRST: Migration = Migration::breaks(first);

    #[test]
    fn each_migration_runs_once_and_a_newer_store_is_refused() {
        let database = database();
        let newer = [FIRST, Migration::breaks(second)];
        migrate(&database, &[FIRST]).unwrap();
        put(&database, b"a", None);
        migrate(&database, &newer).unwrap();
        migrate(&database, &newer).unwrap();
        assert!(!has(&database, b"a") && has(&database, b"b"));
        assert!(matches!(
            migrate(&database, &[FIRST]),
            Err(StoreError::Newer { found: 2, known: 1 })
        ));
    }

    #[test]
    fn a_newer_store_that_only_has_more_is_used_and_what_it_has_more_is_made_afresh_afterwards() {
        let database = database();
        let newer = [FIRST, Migration::adds(second)];
        migrate(&database, &newer).unwrap();
        migrate(&database, &[FIRST]).unwrap();
        assert!(has(&database, b"a") && has(&database, b"b"));
        put(&database, b"b", None);
        put(&database, b"c", Some(b"by the older version"));
        migrate(&database, &newer).unwrap();
        assert!(has(&database, b"b") && has(&database, b"c"));
        // Once only: the newer version has kept it up since.
        put(&database, b"b", None);
        migrate(&database, &newer).unwrap();
        assert!(!has(&database, b"b"));
    }

    #[test]
    fn a_newer_store_that_does_not_say_what_it_needs_is_refused() {
        let database = database();
        migrate(&database, &[FIRST, Migration::adds(second)]).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(META).unwrap().remove(NEEDS).unwrap();
        transaction.commit().unwrap();
        assert!(matches!(migrate(&database, &[FIRST]), Err(StoreError::Newer { .. })));
        migrate(&database, &[FIRST, Migration::adds(second)]).unwrap();
        migrate(&database, &[FIRST]).unwrap();
    }
}
