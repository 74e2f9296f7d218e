//! Up to where what devices wrote is in the registry that it is written to.

use super::{Tables, Writing, meta};
use crate::store::rows::{self, WrittenBack};
use headland_host::tables::StoreError;
use redb::ReadableTable;

const WRITTEN_BACK: &[u8] = b"written_back";

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Tables<T> {
    /// Up to where all is written.
    pub fn written_back(&self) -> Result<Option<WrittenBack>, StoreError> {
        meta(&self.meta, WRITTEN_BACK)?
            .map(|bytes| rows::decode("meta-1", &bytes))
            .transpose()
    }
}

impl Tables<Writing<'_>> {
    /// Sets up to where all is written.
    pub fn set_written_back(&mut self, written: &WrittenBack) -> Result<(), StoreError> {
        self.meta.insert(WRITTEN_BACK, rows::encode(written).as_slice())?;
        Ok(())
    }
}
