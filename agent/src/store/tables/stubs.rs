//! Stubs: records of the followed scopes that the filter leaves out. Readers of models never meet them.
//!
//! The table belongs to no format: a version that does not know it asks for what it misses, and gets it whole.

use super::{Tables, Views, split_record};
use headland_host::tables::{ByteTable, StoreError};
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, TableError};

/// Record key -> handle (4 bytes), blob with the stub alone.
pub(super) const STUBS: ByteTable = TableDefinition::new("stubs-1");

/// Makes the table unless it is there.
pub(in crate::store) fn make_where_missing(database: &Database) -> Result<(), StoreError> {
    match database.begin_read()?.open_table(STUBS) {
        Ok(_) => return Ok(()),
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let transaction = database.begin_write()?;
    transaction.open_table(STUBS)?;
    Ok(transaction.commit()?)
}

/// Whether a blob is a stub's.
pub(super) fn is_stub(blob: &[u8]) -> Result<bool, StoreError> {
    let stub = Blob::parse(blob).and_then(|blob| blob.is_stub());
    stub.map_err(|error| StoreError::corrupt("records-1", error))
}

impl Views {
    /// How many records the filter leaves out.
    pub fn stub_count(&self) -> Result<u64, StoreError> {
        Ok(self.stubs.len()?)
    }

    /// Visits what is held of all records that the filter leaves out: keys and blobs.
    pub fn each_stub<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for row in self.stubs.iter().map_err(StoreError::from)? {
            let (key, value) = row.map_err(StoreError::from)?;
            let blob = value.value().get(4..);
            let blob = blob.ok_or_else(|| StoreError::corrupt("stubs-1", DecodeError::Truncated))?;
            visit(key.value(), blob)?;
        }
        Ok(())
    }
}

impl Tables<'_> {
    /// The number of a record that the filter leaves out, and the blob with its stub.
    pub(super) fn stub(&self, key: &[u8]) -> Result<Option<(u32, Vec<u8>)>, StoreError> {
        self.stubs
            .get(key)?
            .map(|value| split_record(value.value()))
            .transpose()
    }
}
