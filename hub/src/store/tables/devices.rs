//! What agents said of their devices.

use super::{Tables, Writing};
use headland_host::tables::{ByteTable, StoreError};
use headland_shared::name::ReplicaName;
use headland_shared::resolve::Description;
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use std::collections::BTreeMap;

/// Agent name -> description.
pub(super) const DEVICES: ByteTable = TableDefinition::new("devices-1");

/// Migration 4: what agents say of their devices.
pub(in crate::store) fn add_devices(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(DEVICES)?;
    Ok(())
}

impl<T: ReadableTable<&'static [u8], &'static [u8]> + ReadableTableMetadata> Tables<T> {
    /// What one agent said of its device; nothing when it never did.
    pub fn device(&self, name: &ReplicaName) -> Result<Option<Description>, StoreError> {
        let value = self.devices.get(name.as_str().as_bytes())?;
        let corrupt = |error| StoreError::corrupt("devices-1", error);
        value
            .map(|value| Description::decode(value.value()).map_err(corrupt))
            .transpose()
    }

    /// What all agents said of their devices, by their names.
    pub fn devices(&self) -> Result<BTreeMap<String, Description>, StoreError> {
        let mut devices = BTreeMap::new();
        for row in self.devices.iter()? {
            let (key, value) = row?;
            let description = Description::decode(value.value());
            let description = description.map_err(|error| StoreError::corrupt("devices-1", error))?;
            devices.insert(String::from_utf8_lossy(key.value()).into_owned(), description);
        }
        Ok(devices)
    }
}

impl Tables<Writing<'_>> {
    /// Notes what an agent said of its device.
    pub fn set_device(&mut self, name: &ReplicaName, description: &Description) -> Result<(), StoreError> {
        self.devices
            .insert(name.as_str().as_bytes(), description.encoded().as_slice())?;
        Ok(())
    }
}
