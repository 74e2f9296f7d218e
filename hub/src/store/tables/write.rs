//! Changing the tables, within one write transaction.

use super::{EPOCH, NUMBERS, Tables, Writing, actor_key, change_key, left_key};
use crate::store::rows::{self, AgentRow, AttributeRow, CommitRow, Numbers, ScopeRow, Undo};
use headland_host::tables::StoreError;
use headland_shared::actor::ActorId;
use headland_shared::bytes::{put_bytes, put_varint};
use headland_shared::delta::{Handle, ScopeAlias};
use headland_shared::epoch::{Epoch, Lineage, Seq};
use headland_shared::name::{AttributeName, ReplicaName};
use redb::ReadableTableMetadata;

impl Tables<Writing<'_>> {
    /// Begins a life of the hub.
    pub fn set_epoch(&mut self, epoch: &Epoch) -> Result<(), StoreError> {
        self.meta.insert(EPOCH, rows::encode(epoch).as_slice())?;
        Ok(())
    }

    /// Sets the hub's counters.
    pub fn set_numbers(&mut self, numbers: &Numbers) -> Result<(), StoreError> {
        self.meta.insert(NUMBERS, rows::encode(numbers).as_slice())?;
        Ok(())
    }

    /// Sets a record.
    pub fn set_record(&mut self, handle: Handle, key: &[u8], blob: &[u8]) -> Result<(), StoreError> {
        let mut value = Vec::with_capacity(key.len() + blob.len() + 2);
        put_bytes(&mut value, key);
        value.extend_from_slice(blob);
        self.records.insert(handle.to_be_bytes().as_slice(), value.as_slice())?;
        Ok(())
    }

    /// Gives a record its number.
    pub fn set_handle(&mut self, key: &[u8], handle: Handle) -> Result<(), StoreError> {
        self.keys.insert(key, handle.to_be_bytes().as_slice())?;
        Ok(())
    }

    /// Notes that a record of a scope changed at `seq`, and no longer at `earlier`.
    pub fn set_changed(
        &mut self,
        scope: ScopeAlias,
        earlier: Option<Seq>,
        seq: Seq,
        handle: Handle,
    ) -> Result<(), StoreError> {
        if let Some(earlier) = earlier {
            self.changes.remove(change_key(scope, earlier, handle).as_slice())?;
        }
        self.changes
            .insert(change_key(scope, seq, handle).as_slice(), [0].as_slice())?;
        Ok(())
    }

    /// Notes that a record that last changed at `changed` left a scope at `seq`.
    pub fn set_left(&mut self, scope: ScopeAlias, changed: Seq, seq: Seq, handle: Handle) -> Result<(), StoreError> {
        self.changes.remove(change_key(scope, changed, handle).as_slice())?;
        self.changes
            .insert(change_key(scope, seq, handle).as_slice(), [1].as_slice())?;
        self.lefts
            .insert(left_key(scope, handle).as_slice(), seq.0.to_be_bytes().as_slice())?;
        Ok(())
    }

    /// Forgets that a record left a scope.
    pub fn forget_left(&mut self, scope: ScopeAlias, seq: Seq, handle: Handle) -> Result<(), StoreError> {
        self.changes.remove(change_key(scope, seq, handle).as_slice())?;
        self.lefts.remove(left_key(scope, handle).as_slice())?;
        Ok(())
    }

    /// Sets a scope's row.
    pub fn set_scope(&mut self, row: &ScopeRow) -> Result<(), StoreError> {
        self.scopes
            .insert(row.scope.encoded().as_slice(), rows::encode(row).as_slice())?;
        Ok(())
    }

    /// Sets an attribute's row.
    pub fn set_attribute(&mut self, name: &AttributeName, row: &AttributeRow) -> Result<(), StoreError> {
        let mut value = Vec::new();
        put_varint(&mut value, u64::from(row.alias));
        put_varint(&mut value, row.introduced.0);
        row.declaration.encode(&mut value);
        self.attributes.insert(name.as_str().as_bytes(), value.as_slice())?;
        Ok(())
    }

    /// Notes the lineage at a seq.
    pub fn set_lineage(&mut self, seq: Seq, lineage: Lineage) -> Result<(), StoreError> {
        self.lineages
            .insert(seq.0.to_be_bytes().as_slice(), lineage.0.to_be_bytes().as_slice())?;
        Ok(())
    }

    /// Forgets the lineage at a seq.
    pub fn forget_lineage(&mut self, seq: Seq) -> Result<(), StoreError> {
        self.lineages.remove(seq.0.to_be_bytes().as_slice())?;
        Ok(())
    }

    /// Adds a registry commit to the history; forgets what the one `forget` before replaced.
    pub fn add_commit(&mut self, seq: Seq, row: &CommitRow, undo: &[Undo]) -> Result<(), StoreError> {
        let key = seq.0.to_be_bytes();
        self.commits.insert(key.as_slice(), rows::encode(row).as_slice())?;
        self.undos.insert(key.as_slice(), rows::encode(&undo).as_slice())?;
        Ok(())
    }

    /// Keeps what only the latest `count` commits replaced, so that the history stays bounded.
    pub fn trim_undos(&mut self, count: u64) -> Result<(), StoreError> {
        while self.undos.len()? > count {
            self.undos.pop_first()?;
        }
        Ok(())
    }

    /// Notes up to which dot all of an actor's writes are stored.
    pub fn set_seen(&mut self, actor: &ActorId, counter: u64) -> Result<(), StoreError> {
        self.actors
            .insert(actor_key(actor).as_slice(), counter.to_be_bytes().as_slice())?;
        Ok(())
    }

    /// Sets an agent's row.
    pub fn set_agent(&mut self, name: &ReplicaName, row: &AgentRow) -> Result<(), StoreError> {
        self.agents
            .insert(name.as_str().as_bytes(), rows::encode(row).as_slice())?;
        Ok(())
    }
}
