//! All rows of all tables at one moment, and making a store out of them.

use super::{Store, Views, tables};
use headland_host::tables::StoreError;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableHandle};

/// Bytes of rows that are written in one transaction: it holds them in memory until it is committed.
const FILL_BYTES: usize = 8 * 1024 * 1024;

/// The whole store at one moment. What is written meanwhile does not change it, and keeps the room that it takes.
#[derive(Debug)]
pub struct Snapshot(ReadTransaction);

impl Store {
    /// The whole store as it is now.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.database.with(|database| Ok(Snapshot(database.begin_read()?)))
    }
}

impl Snapshot {
    /// Its tables.
    pub fn views(&self) -> Result<Views, StoreError> {
        tables::views(&self.0)
    }

    /// Shows all tables, one after the other: of each its name alone, and then its name with each key and value.
    pub fn each_row<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&str, Option<(&[u8], &[u8])>) -> Result<(), E>,
    ) -> Result<(), E> {
        for handle in self.0.list_tables().map_err(StoreError::from)? {
            let name = handle.name();
            let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(name);
            let table = self.0.open_table(definition).map_err(StoreError::from)?;
            visit(name, None)?;
            for row in table.iter().map_err(StoreError::from)? {
                let (key, value) = row.map_err(StoreError::from)?;
                visit(name, Some((key.value(), value.value())))?;
            }
        }
        Ok(())
    }
}

/// Rows of one table; none of one that is empty, and is there all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The table's name.
    pub table: String,
    /// Keys and values.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Writes rows into a database that has none, as long as `next` gives any. All of it is durable when this returns.
pub fn fill<E: From<StoreError>>(
    database: &Database,
    mut next: impl FnMut() -> Result<Option<Rows>, E>,
) -> Result<(), E> {
    let mut more = true;
    while more {
        let transaction = database.begin_write().map_err(StoreError::from)?;
        let mut bytes = 0;
        while more && bytes < FILL_BYTES {
            let Some(Rows { table, rows }) = next()? else {
                more = false;
                break;
            };
            let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(&table);
            let mut table = transaction.open_table(definition).map_err(StoreError::from)?;
            for (key, value) in rows {
                bytes += key.len() + value.len();
                table
                    .insert(key.as_slice(), value.as_slice())
                    .map_err(StoreError::from)?;
            }
        }
        transaction.commit().map_err(StoreError::from)?;
    }
    Ok(())
}
