//! The tables, opened together: the same readings on a moment's view and within a write transaction.

mod bridging;
mod devices;
mod digests;
mod following;
mod guards;
mod requests;
mod write;
mod writeback;

pub(super) use bridging::add_rows;
pub(super) use devices::add_devices;
pub(super) use digests::count_where_other;
pub use following::UNSCOPED;
pub(super) use following::index_unscoped;
pub use requests::REQUESTS_MAX;
pub(super) use requests::add_requests;

use super::meta;
use super::rows::{self, AgentRow, AttributeRow, CommitRow, Numbers, ScopeRow, Undo};
use headland_host::tables::{ByteTable, META, StoreError};
use headland_shared::actor::ActorId;
use headland_shared::bytes::{DecodeError, Reader, put_bytes};
use headland_shared::delta::{Handle, ScopeAlias};
use headland_shared::epoch::{Epoch, Lineage, Mark, Seq};
use headland_shared::key::RecordKey;
use headland_shared::name::{AttributeName, ReplicaName};
use headland_shared::schema::Declaration;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Handle (4 bytes) -> record key (length-prefixed), blob.
const RECORDS: ByteTable = TableDefinition::new("records-1");
/// Record key -> handle (4 bytes).
const KEYS: ByteTable = TableDefinition::new("keys-1");
/// Scope alias (4 bytes), seq (8 bytes), handle (4 bytes) -> 0 changed, 1 left.
const CHANGES: ByteTable = TableDefinition::new("changes-1");
/// Scope alias (4 bytes), handle (4 bytes) -> seq (8 bytes) at which the record left.
const LEFTS: ByteTable = TableDefinition::new("lefts-1");
/// Scope key -> scope row.
const SCOPES: ByteTable = TableDefinition::new("scopes-1");
/// Attribute name -> alias, seq, declaration.
const ATTRIBUTES: ByteTable = TableDefinition::new("attributes-1");
/// Seq (8 bytes) -> lineage (4 bytes).
const LINEAGES: ByteTable = TableDefinition::new("lineages-1");
/// Seq (8 bytes) -> commit row.
const COMMITS: ByteTable = TableDefinition::new("commits-1");
/// Seq (8 bytes) -> what the commit replaced.
const UNDOS: ByteTable = TableDefinition::new("undos-1");
/// Actor -> the counter (8 bytes) up to which all its dots are stored.
const ACTORS: ByteTable = TableDefinition::new("actors-1");
/// Scope alias (4 bytes), seq (8 bytes) -> digest (16 bytes) of the scope after the commit of that seq.
const DIGESTS: ByteTable = TableDefinition::new("digests-1");
/// Agent name -> guard.
const GUARDS: ByteTable = TableDefinition::new("guards-1");
/// Actor -> link (8 bytes) of its chain of writes, at the counter in `actors-1`.
const CHAINS: ByteTable = TableDefinition::new("chains-1");
/// Agent name -> agent row.
const AGENTS: ByteTable = TableDefinition::new("agents-1");

const EPOCH: &[u8] = b"epoch";
const NUMBERS: &[u8] = b"numbers";
const RESTORED: &[u8] = b"restored";

const ALL: [ByteTable; 12] = [
    META, RECORDS, KEYS, CHANGES, LEFTS, SCOPES, ATTRIBUTES, LINEAGES, COMMITS, UNDOS, ACTORS, AGENTS,
];

type Rows = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;
/// A table within a write transaction.
pub type Writing<'tx> = Table<'tx, &'static [u8], &'static [u8]>;
/// All tables of one moment.
pub type Views = Tables<Rows>;

/// All tables.
#[derive(Debug)]
pub struct Tables<T> {
    meta: T,
    records: T,
    keys: T,
    changes: T,
    lefts: T,
    scopes: T,
    attributes: T,
    lineages: T,
    commits: T,
    undos: T,
    actors: T,
    agents: T,
    digests: T,
    guards: T,
    chains: T,
    devices: T,
    rows: T,
    requests: T,
}

/// Migration 1: makes all tables.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), StoreError> {
    for table in ALL {
        transaction.open_table(table)?;
    }
    Ok(())
}

/// Migration 3: what proves that an agent holds the same, and that its history is one.
pub(super) fn add_proofs(transaction: &WriteTransaction) -> Result<(), StoreError> {
    for table in [DIGESTS, GUARDS, CHAINS] {
        transaction.open_table(table)?;
    }
    Ok(())
}

fn open<T>(mut table: impl FnMut(ByteTable) -> Result<T, redb::TableError>) -> Result<Tables<T>, StoreError> {
    Ok(Tables {
        meta: table(META)?,
        records: table(RECORDS)?,
        keys: table(KEYS)?,
        changes: table(CHANGES)?,
        lefts: table(LEFTS)?,
        scopes: table(SCOPES)?,
        attributes: table(ATTRIBUTES)?,
        lineages: table(LINEAGES)?,
        commits: table(COMMITS)?,
        undos: table(UNDOS)?,
        actors: table(ACTORS)?,
        agents: table(AGENTS)?,
        digests: table(DIGESTS)?,
        guards: table(GUARDS)?,
        chains: table(CHAINS)?,
        devices: table(devices::DEVICES)?,
        rows: table(bridging::ROWS)?,
        requests: table(requests::REQUESTS)?,
    })
}

pub(super) fn views(transaction: &ReadTransaction) -> Result<Views, StoreError> {
    open(|table| transaction.open_table(table))
}

pub(super) fn writing(transaction: &WriteTransaction) -> Result<Tables<Writing<'_>>, StoreError> {
    open(|table| transaction.open_table(table))
}

/// One row of the index of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeRow {
    /// Where it stands in the order of changes.
    pub mark: Mark,
    /// Whether the record left the scope.
    pub left: bool,
}

fn change_key(scope: ScopeAlias, seq: Seq, handle: Handle) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&scope.to_be_bytes());
    key[4..12].copy_from_slice(&seq.0.to_be_bytes());
    key[12..].copy_from_slice(&handle.to_be_bytes());
    key
}

fn left_key(scope: ScopeAlias, handle: Handle) -> [u8; 8] {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&scope.to_be_bytes());
    key[4..].copy_from_slice(&handle.to_be_bytes());
    key
}

fn split_record(value: &[u8]) -> Result<(RecordKey, Vec<u8>), DecodeError> {
    let mut reader = Reader::new(value);
    let key = RecordKey::decode(reader.bytes(RecordKey::BYTES_MAX)?)?;
    Ok((key, reader.rest().to_vec()))
}

fn actor_key(actor: &ActorId) -> Vec<u8> {
    let mut key = Vec::new();
    actor.encode(&mut key);
    key
}

impl<T: ReadableTable<&'static [u8], &'static [u8]> + ReadableTableMetadata> Tables<T> {
    /// This life of the hub.
    pub fn epoch(&self) -> Result<Option<Epoch>, StoreError> {
        meta(&self.meta, EPOCH)?
            .map(|bytes| rows::decode("meta-1", &bytes))
            .transpose()
    }

    /// The hub's counters.
    pub fn numbers(&self) -> Result<Numbers, StoreError> {
        let bytes = meta(&self.meta, NUMBERS)?;
        bytes.map_or_else(|| Ok(Numbers::default()), |bytes| rows::decode("meta-1", &bytes))
    }

    /// A record's key and blob.
    pub fn record(&self, handle: Handle) -> Result<Option<(RecordKey, Vec<u8>)>, StoreError> {
        let corrupt = |error| StoreError::corrupt("records-1", error);
        let value = self.records.get(handle.to_be_bytes().as_slice())?;
        value
            .map(|value| split_record(value.value()).map_err(corrupt))
            .transpose()
    }

    /// A record's number.
    pub fn handle(&self, key: &[u8]) -> Result<Option<Handle>, StoreError> {
        let corrupt = |error| StoreError::corrupt("keys-1", error);
        let value = self.keys.get(key)?;
        value
            .map(|value| Reader::new(value.value()).u32_be().map_err(corrupt))
            .transpose()
    }

    /// Visits the numbers of all records whose keys begin with `prefix`, in the order of keys, after `after`.
    pub fn each_handle<E: From<StoreError>>(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        mut visit: impl FnMut(Handle) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let start = after.unwrap_or(prefix);
        for row in self.keys.range(start..).map_err(StoreError::from)? {
            let (key, value) = row.map_err(StoreError::from)?;
            if !key.value().starts_with(prefix) {
                break;
            }
            if Some(key.value()) == after {
                continue;
            }
            let handle = Reader::new(value.value()).u32_be();
            if visit(handle.map_err(|error| StoreError::corrupt("keys-1", error))?)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The changes of one scope after a mark and not beyond `to`, in order, until the visitor says stop.
    pub fn each_change<E: From<StoreError>>(
        &self,
        scope: ScopeAlias,
        after: Mark,
        to: Seq,
        mut visit: impl FnMut(ChangeRow) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        // Within the mark's seq, scopes before the mark's are done and those after it are not begun.
        let (seq, handle) = match scope.cmp(&after.scope) {
            std::cmp::Ordering::Less => (after.seq.next(), 0),
            std::cmp::Ordering::Equal => match after.handle.checked_add(1) {
                Some(handle) => (after.seq, handle),
                None => (after.seq.next(), 0),
            },
            std::cmp::Ordering::Greater => (after.seq, 0),
        };
        if seq > to {
            return Ok(());
        }
        let (start, end) = (change_key(scope, seq, handle), change_key(scope, to, Handle::MAX));
        for row in self
            .changes
            .range(start.as_slice()..=end.as_slice())
            .map_err(StoreError::from)?
        {
            let (key, value) = row.map_err(StoreError::from)?;
            let mut reader = Reader::new(&key.value()[4..]);
            let corrupt = |error| StoreError::corrupt("changes-1", error);
            let seq = Seq(reader.u64_be().map_err(corrupt)?);
            let handle = reader.u32_be().map_err(corrupt)?;
            let row = ChangeRow {
                mark: Mark { seq, scope, handle },
                left: value.value() == [1],
            };
            if visit(row)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// All scopes by their numbers.
    pub fn scopes(&self) -> Result<BTreeMap<ScopeAlias, ScopeRow>, StoreError> {
        let mut scopes = BTreeMap::new();
        for row in self.scopes.iter()? {
            let row: ScopeRow = rows::decode("scopes-1", row?.1.value())?;
            scopes.insert(row.alias, row);
        }
        Ok(scopes)
    }

    /// All attributes by their names.
    pub fn attributes(&self) -> Result<BTreeMap<AttributeName, AttributeRow>, StoreError> {
        let mut attributes = BTreeMap::new();
        for row in self.attributes.iter()? {
            let (key, value) = row?;
            let (name, row) = attribute_row(key.value(), value.value())
                .map_err(|error| StoreError::corrupt("attributes-1", error))?;
            attributes.insert(name, row);
        }
        Ok(attributes)
    }

    /// The lineage at a seq, where it is kept.
    pub fn lineage(&self, seq: Seq) -> Result<Option<Lineage>, StoreError> {
        if seq == Seq::START {
            return Ok(Some(Lineage::default()));
        }
        let value = self.lineages.get(seq.0.to_be_bytes().as_slice())?;
        value.map(|value| rows::lineage(value.value())).transpose()
    }

    /// Registry commits, the latest first, at most `count`.
    pub fn commits(&self, count: usize) -> Result<Vec<(Seq, CommitRow)>, StoreError> {
        let mut commits = Vec::new();
        for row in self.commits.iter()?.rev().take(count) {
            let (key, value) = row?;
            let seq = Reader::new(key.value()).u64_be();
            let seq = Seq(seq.map_err(|error| StoreError::corrupt("commits-1", error))?);
            commits.push((seq, rows::decode("commits-1", value.value())?));
        }
        Ok(commits)
    }

    /// One registry commit.
    pub fn commit(&self, seq: Seq) -> Result<Option<CommitRow>, StoreError> {
        let value = self.commits.get(seq.0.to_be_bytes().as_slice())?;
        value.map(|value| rows::decode("commits-1", value.value())).transpose()
    }

    /// What a registry commit replaced.
    pub fn undo(&self, seq: Seq) -> Result<Option<Vec<Undo>>, StoreError> {
        let value = self.undos.get(seq.0.to_be_bytes().as_slice())?;
        value.map(|value| rows::decode("undos-1", value.value())).transpose()
    }

    /// Up to which dot all of an actor's writes are stored.
    pub fn seen(&self, actor: &ActorId) -> Result<u64, StoreError> {
        let value = self.actors.get(actor_key(actor).as_slice())?;
        let corrupt = |error| StoreError::corrupt("actors-1", error);
        value.map_or(Ok(0), |value| Reader::new(value.value()).u64_be().map_err(corrupt))
    }

    /// Whether anything was ever stored that came from a device of this name, in any of its lives.
    pub fn has_stored_of(&self, name: &ReplicaName) -> Result<bool, StoreError> {
        let mut prefix = Vec::new();
        put_bytes(&mut prefix, name.as_str().as_bytes());
        let first = self.actors.range(prefix.as_slice()..)?.next().transpose()?;
        Ok(first.is_some_and(|(key, _)| key.value().starts_with(&prefix)))
    }

    /// All agents by name.
    pub fn agents(&self) -> Result<BTreeMap<String, AgentRow>, StoreError> {
        let mut agents = BTreeMap::new();
        for row in self.agents.iter()? {
            let (key, value) = row?;
            let name = String::from_utf8_lossy(key.value()).into_owned();
            agents.insert(name, rows::decode("agents-1", value.value())?);
        }
        Ok(agents)
    }

    /// Agents in the order of their names, after `after`, at most `count`.
    pub fn agents_after(&self, after: Option<&str>, count: usize) -> Result<Vec<(String, AgentRow)>, StoreError> {
        let after = after.unwrap_or_default().as_bytes();
        let mut agents = Vec::new();
        for row in self.agents.range(after..)? {
            let (key, value) = row?;
            if agents.len() == count {
                break;
            }
            if key.value() != after {
                let name = String::from_utf8_lossy(key.value()).into_owned();
                agents.push((name, rows::decode("agents-1", value.value())?));
            }
        }
        Ok(agents)
    }

    /// Whether it is remembered of any record that it left a scope.
    pub fn has_lefts(&self) -> Result<bool, StoreError> {
        Ok(!self.lefts.is_empty()?)
    }

    /// One agent.
    pub fn agent(&self, name: &ReplicaName) -> Result<Option<AgentRow>, StoreError> {
        let value = self.agents.get(name.as_str().as_bytes())?;
        value.map(|value| rows::decode("agents-1", value.value())).transpose()
    }

    /// All records that left some scope at or before `floor`: scope, seq and handle.
    pub fn lefts_through(&self, floor: Seq) -> Result<Vec<(ScopeAlias, Seq, Handle)>, StoreError> {
        let mut lefts = Vec::new();
        for row in self.lefts.iter()? {
            let (key, value) = row?;
            let corrupt = |error| StoreError::corrupt("lefts-1", error);
            let seq = Seq(Reader::new(value.value()).u64_be().map_err(corrupt)?);
            if seq <= floor {
                let mut reader = Reader::new(key.value());
                lefts.push((
                    reader.u32_be().map_err(corrupt)?,
                    seq,
                    reader.u32_be().map_err(corrupt)?,
                ));
            }
        }
        Ok(lefts)
    }

    /// How many agents are enrolled.
    pub fn agent_count(&self) -> Result<u64, StoreError> {
        Ok(self.agents.len()?)
    }

    /// When a record left a scope, while that is remembered.
    pub fn left_at(&self, scope: ScopeAlias, handle: Handle) -> Result<Option<Seq>, StoreError> {
        let value = self.lefts.get(left_key(scope, handle).as_slice())?;
        let corrupt = |error| StoreError::corrupt("lefts-1", error);
        value
            .map(|value| Reader::new(value.value()).u64_be().map(Seq).map_err(corrupt))
            .transpose()
    }
}

fn attribute_row(key: &[u8], value: &[u8]) -> Result<(AttributeName, AttributeRow), DecodeError> {
    let name = std::str::from_utf8(key).map_err(|_| DecodeError::NotUtf8)?;
    let name = AttributeName::new(name).map_err(|_| DecodeError::Invalid("attribute name"))?;
    let mut reader = Reader::new(value);
    let row = AttributeRow {
        alias: reader.varint_u32()?,
        introduced: Seq(reader.varint()?),
        declaration: Declaration::decode(&mut reader)?,
    };
    Ok((name, row))
}
