//! The tables, opened together.

mod digests;
mod lives;
mod stubs;
mod write;

pub(super) use digests::count_where_other;
pub(super) use stubs::make_where_missing as make_stubs_where_missing;

use super::answered::{ANSWERED, ANSWERED_ORDER};
use super::changes::Touched;
use super::finding::{FINDING, TASKS};
use super::meta;
use super::overlay::OVERLAY;
use super::own::{self, OwnWrite};
use super::rows::{self, Placed, ScopeRow, StagedHead};
use headland_host::tables::{ByteTable, META, StoreError};
use headland_shared::actor::ActorId;
use headland_shared::bytes::{DecodeError, Reader};
use headland_shared::delta::ScopeAlias;
use headland_shared::name::AttributeName;
use headland_shared::schema::Declaration;
use headland_shared::stamp::Stamp;
use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use std::collections::BTreeMap;

/// Record key -> handle (4 bytes), blob.
pub(super) const RECORDS: ByteTable = TableDefinition::new("records-1");
/// Handle (4 bytes) -> record key.
const HANDLES: ByteTable = TableDefinition::new("handles-1");
/// Scope alias (4 bytes) -> scope row.
const SCOPES: ByteTable = TableDefinition::new("scopes-1");
/// Attribute alias (4 bytes) -> attribute name.
const ATTRIBUTES: ByteTable = TableDefinition::new("attributes-1");
/// Attribute name -> declaration. Names are for ever: this outlives epochs.
const SCHEMA: ByteTable = TableDefinition::new("schema-1");
/// Index (4 bytes) -> the delta of a staged part.
const STAGING: ByteTable = TableDefinition::new("staging-1");
/// Record key (length-prefixed), element key -> own write.
const OWN: ByteTable = TableDefinition::new("own-1");
/// Dot counter (8 bytes) -> key in `own-1`.
const OWN_DOTS: ByteTable = TableDefinition::new("own-dots-1");
/// Dot counter (8 bytes) -> the chain (8 bytes) up to it.
const OWN_CHAIN: ByteTable = TableDefinition::new("own-chain-1");
/// Key in `own-1` of a count -> what the hub has of it (two varints).
const OWN_BASE: ByteTable = TableDefinition::new("own-base-1");

pub(super) type Rows = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

/// Migration 1: makes all tables.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), StoreError> {
    for table in [
        META, RECORDS, HANDLES, SCOPES, ATTRIBUTES, SCHEMA, STAGING, OWN, OWN_DOTS,
    ] {
        transaction.open_table(table)?;
    }
    Ok(())
}

/// Migration 3: what tells this store from copies of it.
pub(super) fn add_lives(transaction: &WriteTransaction) -> Result<(), StoreError> {
    for table in [OWN_CHAIN, OWN_BASE] {
        transaction.open_table(table)?;
    }
    Ok(())
}

fn number(bytes: &[u8]) -> Result<u64, StoreError> {
    let mut reader = Reader::new(bytes);
    reader.varint().map_err(|error| StoreError::corrupt("meta-1", error))
}

fn alias_of(key: &[u8], table: &'static str) -> Result<u32, StoreError> {
    Reader::new(key)
        .u32_be()
        .map_err(|error| StoreError::corrupt(table, error))
}

/// All tables of one moment, for reading.
#[derive(Debug)]
pub struct Views {
    meta: Rows,
    pub(super) records: Rows,
    stubs: Rows,
    scopes: Rows,
    attributes: Rows,
    schema: Rows,
    staging: Rows,
    own: Rows,
    own_dots: Rows,
    own_chain: Rows,
    own_base: Rows,
    pub(super) overlay: Rows,
    pub(super) finding: Rows,
    pub(super) tasks: Rows,
    pub(super) answered: Rows,
}

impl Views {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            records: transaction.open_table(RECORDS)?,
            stubs: transaction.open_table(stubs::STUBS)?,
            scopes: transaction.open_table(SCOPES)?,
            attributes: transaction.open_table(ATTRIBUTES)?,
            schema: transaction.open_table(SCHEMA)?,
            staging: transaction.open_table(STAGING)?,
            own: transaction.open_table(OWN)?,
            own_dots: transaction.open_table(OWN_DOTS)?,
            own_chain: transaction.open_table(OWN_CHAIN)?,
            own_base: transaction.open_table(OWN_BASE)?,
            overlay: transaction.open_table(OVERLAY)?,
            finding: transaction.open_table(FINDING)?,
            tasks: transaction.open_table(TASKS)?,
            answered: transaction.open_table(ANSWERED)?,
        })
    }

    /// Who writes here.
    pub fn actor(&self) -> Result<Option<ActorId>, StoreError> {
        let bytes = meta(&self.meta, rows::ACTOR)?;
        let decode = |bytes: Vec<u8>| ActorId::decode(&mut Reader::new(&bytes));
        bytes
            .map(decode)
            .transpose()
            .map_err(|error| StoreError::corrupt("meta-1", error))
    }

    /// Where the agent stands.
    pub fn placed(&self) -> Result<Option<Placed>, StoreError> {
        meta(&self.meta, rows::PLACED)?
            .map(|bytes| rows::decode(&bytes))
            .transpose()
    }

    /// What is staged.
    pub fn staged(&self) -> Result<Option<StagedHead>, StoreError> {
        meta(&self.meta, rows::STAGED)?
            .map(|bytes| rows::decode(&bytes))
            .transpose()
    }

    /// The patterns that the store was last filled by.
    pub fn follow(&self) -> Result<Option<Vec<u8>>, StoreError> {
        meta(&self.meta, rows::FOLLOW)
    }

    /// When the catalogue was last known to be the registry's state, as the replica wrote it.
    pub fn as_of(&self) -> Result<Option<Vec<u8>>, StoreError> {
        meta(&self.meta, rows::AS_OF)
    }

    /// The counter of the last own write; zero before the first.
    pub fn last_dot(&self) -> Result<u64, StoreError> {
        meta(&self.meta, rows::LAST_DOT)?.map_or(Ok(0), |bytes| number(&bytes))
    }

    /// The latest stamp given out here.
    pub fn last_stamp(&self) -> Result<Stamp, StoreError> {
        Ok(Stamp(
            meta(&self.meta, rows::LAST_STAMP)?.map_or(Ok(0), |bytes| number(&bytes))?,
        ))
    }

    /// Up to which own write the hub has stored all.
    pub fn stored(&self) -> Result<u64, StoreError> {
        meta(&self.meta, rows::STORED)?.map_or(Ok(0), |bytes| number(&bytes))
    }

    /// All scopes by their numbers.
    pub fn scopes(&self) -> Result<BTreeMap<ScopeAlias, ScopeRow>, StoreError> {
        let mut scopes = BTreeMap::new();
        for row in self.scopes.iter()? {
            let (key, value) = row?;
            let row = ScopeRow::decode(value.value()).map_err(|error| StoreError::corrupt("scopes-1", error))?;
            scopes.insert(alias_of(key.value(), "scopes-1")?, row);
        }
        Ok(scopes)
    }

    /// All attribute names by their numbers.
    pub fn attributes(&self) -> Result<BTreeMap<u32, AttributeName>, StoreError> {
        let mut names = BTreeMap::new();
        for row in self.attributes.iter()? {
            let (key, value) = row?;
            let name = attribute_name(value.value())?;
            names.insert(alias_of(key.value(), "attributes-1")?, name);
        }
        Ok(names)
    }

    /// How an attribute behaves.
    pub fn declaration(&self, name: &str) -> Result<Option<Declaration>, StoreError> {
        let Some(value) = self.schema.get(name.as_bytes())? else {
            return Ok(None);
        };
        let declaration = Declaration::decode(&mut Reader::new(value.value()));
        declaration
            .map(Some)
            .map_err(|error| StoreError::corrupt("schema-1", error))
    }

    /// A record's number and blob.
    pub fn record(&self, key: &[u8]) -> Result<Option<(u32, Vec<u8>)>, StoreError> {
        self.records
            .get(key)?
            .map(|value| split_record(value.value()))
            .transpose()
    }

    /// Visits records whose keys begin with `prefix`, in order, until the visitor says stop.
    pub fn each_record<E: From<StoreError>>(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<std::ops::ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let start = after.unwrap_or(prefix);
        let rows = self.records.range(start..).map_err(StoreError::from)?;
        for row in rows {
            let (key, value) = row.map_err(StoreError::from)?;
            let (key, value) = (key.value(), value.value());
            if !key.starts_with(prefix) {
                break;
            }
            if Some(key) == after {
                continue;
            }
            let blob = value
                .get(4..)
                .ok_or_else(|| StoreError::corrupt("records-1", DecodeError::Truncated))?;
            if visit(key, blob)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The filter by which the store was filled, if by one.
    pub fn filter(&self) -> Result<Option<Vec<u8>>, StoreError> {
        meta(&self.meta, rows::FILTER)
    }

    /// How many records are held whole.
    pub fn record_count(&self) -> Result<u64, StoreError> {
        use redb::ReadableTableMetadata;
        Ok(self.records.len()?)
    }

    /// The staged parts, in order.
    pub fn staged_parts(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = self.staging.iter()?;
        rows.map(|row| Ok(row?.1.value().to_vec())).collect()
    }

    /// What this agent wrote about one record.
    pub fn own_of(&self, record: &[u8]) -> Result<Vec<OwnWrite>, StoreError> {
        let prefix = own::key(record, &[]);
        let mut writes = Vec::new();
        for row in self.own.range(prefix.as_slice()..)? {
            let (key, value) = row?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            writes.push(own_write(key.value(), value.value())?);
        }
        Ok(writes)
    }

    /// Own writes after a dot, in the order of their last dots, at most `count`.
    pub fn own_after(&self, dot: u64, count: usize) -> Result<Vec<OwnWrite>, StoreError> {
        let start = dot.saturating_add(1).to_be_bytes();
        let mut writes = Vec::new();
        for row in self.own_dots.range(start.as_slice()..)?.take(count) {
            let key = row?.1.value().to_vec();
            let value = self.own.get(key.as_slice())?;
            let value = value.ok_or_else(|| StoreError::corrupt("own-dots-1", "a dot without its write"))?;
            writes.push(own_write(&key, value.value())?);
        }
        Ok(writes)
    }

    /// How many own writes are kept.
    pub fn own_count(&self) -> Result<u64, StoreError> {
        use redb::ReadableTableMetadata;
        Ok(self.own.len()?)
    }
}

fn own_write(key: &[u8], value: &[u8]) -> Result<OwnWrite, StoreError> {
    own::decode(key, value).map_err(|error| StoreError::corrupt("own-1", error))
}

fn attribute_name(bytes: &[u8]) -> Result<AttributeName, StoreError> {
    let text = std::str::from_utf8(bytes).map_err(|error| StoreError::corrupt("attributes-1", error))?;
    AttributeName::new(text).map_err(|error| StoreError::corrupt("attributes-1", error))
}

fn split_record(value: &[u8]) -> Result<(u32, Vec<u8>), StoreError> {
    let mut reader = Reader::new(value);
    let handle = reader
        .u32_be()
        .map_err(|error| StoreError::corrupt("records-1", error))?;
    Ok((handle, reader.rest().to_vec()))
}

pub(super) type Writing<'tx> = Table<'tx, &'static [u8], &'static [u8]>;

/// All tables within one write transaction.
#[derive(Debug)]
pub struct Tables<'tx> {
    pub(super) meta: Writing<'tx>,
    records: Writing<'tx>,
    stubs: Writing<'tx>,
    handles: Writing<'tx>,
    scopes: Writing<'tx>,
    attributes: Writing<'tx>,
    schema: Writing<'tx>,
    staging: Writing<'tx>,
    own: Writing<'tx>,
    own_dots: Writing<'tx>,
    own_chain: Writing<'tx>,
    own_base: Writing<'tx>,
    pub(super) overlay: Writing<'tx>,
    pub(super) finding: Writing<'tx>,
    pub(super) tasks: Writing<'tx>,
    pub(super) answered: Writing<'tx>,
    pub(super) answered_order: Writing<'tx>,
    /// What readers see otherwise after this.
    pub(super) touched: Touched,
}

impl<'tx> Tables<'tx> {
    pub(super) fn open(transaction: &'tx WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            records: transaction.open_table(RECORDS)?,
            stubs: transaction.open_table(stubs::STUBS)?,
            handles: transaction.open_table(HANDLES)?,
            scopes: transaction.open_table(SCOPES)?,
            attributes: transaction.open_table(ATTRIBUTES)?,
            schema: transaction.open_table(SCHEMA)?,
            staging: transaction.open_table(STAGING)?,
            own: transaction.open_table(OWN)?,
            own_dots: transaction.open_table(OWN_DOTS)?,
            own_chain: transaction.open_table(OWN_CHAIN)?,
            own_base: transaction.open_table(OWN_BASE)?,
            overlay: transaction.open_table(OVERLAY)?,
            finding: transaction.open_table(FINDING)?,
            tasks: transaction.open_table(TASKS)?,
            answered: transaction.open_table(ANSWERED)?,
            answered_order: transaction.open_table(ANSWERED_ORDER)?,
            touched: Touched::default(),
        })
    }
}
