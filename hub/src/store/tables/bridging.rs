//! The rows of a database that this hub follows, and where it stands in that database's order.

use super::{Tables, Writing, meta};
use crate::store::rows::{self, Bridged};
use headland_host::tables::{ByteTable, StoreError};
use headland_shared::bytes::{DecodeError, Reader, put_bytes};
use headland_shared::key::RecordKey;
use redb::{ReadableTable, TableDefinition, WriteTransaction};

/// Record key (length-prefixed), number of the table (2 bytes), what names the row within the record -> the row.
pub(super) const ROWS: ByteTable = TableDefinition::new("rows-1");

const BRIDGED: &[u8] = b"bridged";

/// Migration 5: makes room for the rows of a database.
pub(crate) fn add_rows(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(ROWS)?;
    Ok(())
}

fn prefix(record: &RecordKey) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_bytes(&mut out, &record.encoded());
    out
}

fn row_key(record: &RecordKey, table: u16, name: &[u8]) -> Vec<u8> {
    let mut out = prefix(record);
    out.extend_from_slice(&table.to_be_bytes());
    out.extend_from_slice(name);
    out
}

fn split(key: &[u8]) -> Result<(&[u8], u16), StoreError> {
    let corrupt = |error: DecodeError| StoreError::corrupt("rows-1", error);
    let mut reader = Reader::new(key);
    let record = reader.bytes(RecordKey::BYTES_MAX).map_err(corrupt)?;
    let table = reader.take(2).map_err(corrupt)?;
    Ok((record, u16::from_be_bytes([table[0], table[1]])))
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Tables<T> {
    /// Where this hub stands in the order of the database that it follows.
    pub fn bridged(&self) -> Result<Option<Bridged>, StoreError> {
        meta(&self.meta, BRIDGED)?
            .map(|bytes| rows::decode("meta-1", &bytes))
            .transpose()
    }

    /// One row.
    pub fn row(&self, record: &RecordKey, table: u16, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.rows.get(row_key(record, table, name).as_slice())?;
        Ok(value.map(|value| value.value().to_vec()))
    }

    /// All rows of a record, with the numbers of their tables, in their order.
    pub fn rows_of(&self, record: &RecordKey) -> Result<Vec<(u16, Vec<u8>)>, StoreError> {
        let prefix = prefix(record);
        let mut all = Vec::new();
        for row in self.rows.range(prefix.as_slice()..)? {
            let (key, value) = row?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            all.push((split(key.value())?.1, value.value().to_vec()));
        }
        Ok(all)
    }
}

impl Tables<Writing<'_>> {
    /// Sets where this hub stands in the order of the database that it follows.
    pub fn set_bridged(&mut self, bridged: &Bridged) -> Result<(), StoreError> {
        self.meta.insert(BRIDGED, rows::encode(bridged).as_slice())?;
        Ok(())
    }

    /// The registry is no longer a database's.
    pub fn forget_bridged(&mut self) -> Result<(), StoreError> {
        self.meta.remove(BRIDGED)?;
        Ok(())
    }

    /// Sets a row.
    pub fn set_row(&mut self, record: &RecordKey, table: u16, name: &[u8], row: &[u8]) -> Result<(), StoreError> {
        self.rows.insert(row_key(record, table, name).as_slice(), row)?;
        Ok(())
    }

    /// Removes a row, and says whether it was there.
    pub fn remove_row(&mut self, record: &RecordKey, table: u16, name: &[u8]) -> Result<bool, StoreError> {
        Ok(self.rows.remove(row_key(record, table, name).as_slice())?.is_some())
    }

    /// Removes all rows of one table, or of all, and names the records that they belonged to.
    pub fn clear_rows(&mut self, table: Option<u16>, mut of: impl FnMut(RecordKey)) -> Result<(), StoreError> {
        let mut failed = None;
        self.rows.retain(|key, _| match split(key) {
            Ok((_, found)) if table.is_some_and(|table| table != found) => true,
            Ok((record, _)) => {
                match RecordKey::decode(record) {
                    Ok(record) => of(record),
                    Err(error) => failed = Some(StoreError::corrupt("rows-1", error)),
                }
                false
            }
            Err(error) => {
                failed = Some(error);
                true
            }
        })?;
        failed.map_or(Ok(()), Err)
    }
}
