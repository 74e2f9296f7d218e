//! What tells an agent's one store from copies of it, and this one from what it was before it was restored.

use super::{RESTORED, Tables, Writing, actor_key};
use crate::store::meta;
use crate::store::rows::{self, Guard};
use headland_host::tables::StoreError;
use headland_shared::actor::ActorId;
use headland_shared::bytes::Reader;
use headland_shared::chain::Link;
use headland_shared::name::ReplicaName;
use redb::{ReadableTable, ReadableTableMetadata};
use std::collections::BTreeMap;

impl<T: ReadableTable<&'static [u8], &'static [u8]> + ReadableTableMetadata> Tables<T> {
    /// What is remembered of a name.
    pub fn guard(&self, name: &ReplicaName) -> Result<Option<Guard>, StoreError> {
        let value = self.guards.get(name.as_str().as_bytes())?;
        value.map(|value| rows::decode("guards-1", value.value())).transpose()
    }

    /// What is remembered of all names.
    pub fn guards(&self) -> Result<BTreeMap<String, Guard>, StoreError> {
        let mut guards = BTreeMap::new();
        for row in self.guards.iter()? {
            let (key, value) = row?;
            let name = String::from_utf8_lossy(key.value()).into_owned();
            guards.insert(name, rows::decode("guards-1", value.value())?);
        }
        Ok(guards)
    }

    /// Since when it is known that this store went back in time, in milliseconds since 1970, while nobody has confirmed
    /// that what it holds is what the registry shall hold.
    pub fn restored(&self) -> Result<Option<u64>, StoreError> {
        let corrupt = |error| StoreError::corrupt("meta-1", error);
        let value = meta(&self.meta, RESTORED)?;
        value
            .map(|value| Reader::new(&value).u64_be().map_err(corrupt))
            .transpose()
    }

    /// The chain of an actor's writes up to what is stored of them; nothing when it was never told.
    pub fn chain(&self, actor: &ActorId) -> Result<Option<Link>, StoreError> {
        let value = self.chains.get(actor_key(actor).as_slice())?;
        let corrupt = |error| StoreError::corrupt("chains-1", error);
        value
            .map(|value| Reader::new(value.value()).u64_be().map(Link).map_err(corrupt))
            .transpose()
    }
}

impl Tables<Writing<'_>> {
    /// Remembers something of a name.
    pub fn set_guard(&mut self, name: &ReplicaName, guard: &Guard) -> Result<(), StoreError> {
        self.guards
            .insert(name.as_str().as_bytes(), rows::encode(guard).as_slice())?;
        Ok(())
    }

    /// Notes that this store went back in time, or that somebody has confirmed what it holds.
    pub fn set_restored(&mut self, since_ms: Option<u64>) -> Result<(), StoreError> {
        match since_ms {
            Some(ms) => self.meta.insert(RESTORED, ms.to_be_bytes().as_slice())?,
            None => self.meta.remove(RESTORED)?,
        };
        Ok(())
    }

    /// Notes the chain of an actor's writes.
    pub fn set_chain(&mut self, actor: &ActorId, link: Link) -> Result<(), StoreError> {
        self.chains
            .insert(actor_key(actor).as_slice(), link.0.to_be_bytes().as_slice())?;
        Ok(())
    }

    /// Forgets all chains: this store went back in time, and cannot hold anybody to what it remembers.
    pub fn forget_chains(&mut self) -> Result<(), StoreError> {
        self.chains.retain(|_, _| false)?;
        Ok(())
    }
}
