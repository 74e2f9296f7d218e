//! Up to where what devices wrote is in the registry that it is written to.

use super::{Tables, Writing, meta};
use crate::store::rows::{self, Outlet, WrittenBack};
use headland_host::tables::StoreError;
use redb::ReadableTable;

const fn cursor(outlet: Outlet) -> &'static [u8] {
    match outlet {
        Outlet::Mlflow => b"written_back",
        Outlet::Tables => b"written_back_tables",
    }
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Tables<T> {
    /// Up to where all is written on one way.
    pub fn written_back(&self, outlet: Outlet) -> Result<Option<WrittenBack>, StoreError> {
        meta(&self.meta, cursor(outlet))?
            .map(|bytes| rows::decode("meta-1", &bytes))
            .transpose()
    }
}

impl Tables<Writing<'_>> {
    /// Sets up to where all is written on one way.
    pub fn set_written_back(&mut self, outlet: Outlet, written: &WrittenBack) -> Result<(), StoreError> {
        self.meta.insert(cursor(outlet), rows::encode(written).as_slice())?;
        Ok(())
    }
}
