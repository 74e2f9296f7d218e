//! What a store is kept on: memory, a file, or a disk that fails on demand.

use headland_fleet::disk::Disk;
use headland_host::store_file;
use headland_host::tables::{ByteTable, META, StoreError};
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition, TableHandle};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

/// A device's share for the storage engine: small, so that it really reads and writes.
const CACHE_BYTES: usize = 256 * 1024;
const FORMAT: &[u8] = b"format";
/// The format that a version must know to use the store.
const NEEDS: &[u8] = b"needs";

/// Every row of every table.
pub(crate) type Dump = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

#[derive(Debug, Clone)]
pub(crate) enum Medium {
    Memory(Arc<InMemoryBackend>),
    File(Arc<TempDir>),
    Disk(Disk),
}

/// Memory that stays when the database on it is closed.
#[derive(Debug)]
struct Shared(Arc<InMemoryBackend>);

impl StorageBackend for Shared {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Medium {
    pub(crate) fn memory() -> Self {
        Self::Memory(Arc::new(InMemoryBackend::new()))
    }

    pub(crate) fn file() -> Self {
        Self::File(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn disk() -> Self {
        Self::Disk(Disk::default())
    }

    /// Opens the database on it, as a store does.
    pub(crate) fn database(&self) -> Result<Database, StoreError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        match self {
            Self::Memory(memory) => Ok(builder.create_with_backend(Shared(memory.clone()))?),
            Self::Disk(disk) => Ok(builder.create_with_backend(disk.open())?),
            Self::File(dir) => store_file::open(&dir.path().join("store.redb"), CACHE_BYTES)
                .map_err(|error| StoreError::corrupt("meta-1", error)),
        }
    }

    /// Everything on it, read past the store, which must be closed.
    pub(crate) fn dump(&self) -> Dump {
        let database = self.database().unwrap();
        let view = database.begin_read().unwrap();
        let mut dump = Dump::new();
        for handle in view.list_tables().unwrap() {
            let name = handle.name().to_owned();
            let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(&name);
            let table = view.open_table(definition).unwrap();
            let rows = table.iter().unwrap().map(|row| {
                let (key, value) = row.unwrap();
                (key.value().to_vec(), value.value().to_vec())
            });
            let rows = rows.collect();
            dump.insert(name, rows);
        }
        dump
    }

    /// The format that it says it has.
    pub(crate) fn format(&self) -> u32 {
        let bytes = self.dump()[META.name()][FORMAT].clone();
        u32::from_be_bytes(bytes.try_into().unwrap())
    }

    /// Makes it a store of another format, which no version without it can use.
    pub(crate) fn set_format(&self, format: u32) {
        let database = self.database().unwrap();
        let transaction = database.begin_write().unwrap();
        let bytes = format.to_be_bytes();
        {
            let mut meta = transaction.open_table(META).unwrap();
            for name in [FORMAT, NEEDS] {
                meta.insert(name, bytes.as_slice()).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    pub(crate) fn delete_table(&self, name: &str) {
        let database = self.database().unwrap();
        let transaction = database.begin_write().unwrap();
        let table: ByteTable = TableDefinition::new(name.to_owned().leak());
        assert!(transaction.delete_table(table).unwrap(), "there is no table {name}");
        transaction.commit().unwrap();
    }
}
