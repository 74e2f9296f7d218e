//! The overlay: urgent facts that are known ahead of the feed, until a cursor passes them.

use super::tables::{Tables, Views};
use headland_host::tables::{ByteTable, StoreError};
use headland_shared::bytes::{DecodeError, Reader, put_bytes, put_varint};
use headland_shared::element::State;
use headland_shared::epoch::Seq;
use headland_shared::key::{ElementKey, RecordKey};
use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

/// Record key (length-prefixed), element key -> seq (varint), state.
pub(super) const OVERLAY: ByteTable = TableDefinition::new("overlay-1");

/// The most urgent facts that an agent holds ahead of the feed: hours of a busy registry, a megabyte of flash at the
/// very most. Beyond it further ones wait for the feed.
pub const OVERLAY_MAX: u64 = 1_024;

/// Migration 2: makes the overlay.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(OVERLAY)?;
    Ok(())
}

/// One urgent fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// The encoded key of its record.
    pub record: Vec<u8>,
    /// The element.
    pub element: ElementKey,
    /// The commit that said it.
    pub seq: Seq,
    /// The element's state after that commit.
    pub state: State,
}

/// The key of the row: all rows of a record are neighbours.
fn key(record: &[u8], element: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.len() + element.len() + 2);
    put_bytes(&mut out, record);
    out.extend_from_slice(element);
    out
}

fn decode(key: &[u8], value: &[u8]) -> Result<Ahead, StoreError> {
    let decode = || -> Result<Ahead, DecodeError> {
        let (mut key, mut value) = (Reader::new(key), Reader::new(value));
        Ok(Ahead {
            record: key.bytes(RecordKey::BYTES_MAX)?.to_vec(),
            element: ElementKey::decode(key.rest())?,
            seq: Seq(value.varint()?),
            state: State::decode(value.rest())?,
        })
    };
    decode().map_err(|error| StoreError::corrupt("overlay-1", error))
}

impl Views {
    /// What is known of one record ahead of the feed.
    pub fn ahead_of(&self, record: &[u8]) -> Result<Vec<Ahead>, StoreError> {
        let prefix = key(record, &[]);
        let mut facts = Vec::new();
        for row in self.overlay.range(prefix.as_slice()..)? {
            let (key, value) = row?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            facts.push(decode(key.value(), value.value())?);
        }
        Ok(facts)
    }

    /// How many facts are known ahead of the feed.
    pub fn ahead_count(&self) -> Result<u64, StoreError> {
        Ok(self.overlay.len()?)
    }

    /// The highest seq of a fact that is known ahead of the feed; nothing if there is none.
    pub fn ahead_through(&self) -> Result<Seq, StoreError> {
        let mut through = Seq::START;
        for row in self.overlay.iter()? {
            let (key, value) = row?;
            through = through.max(decode(key.value(), value.value())?.seq);
        }
        Ok(through)
    }
}

impl Tables<'_> {
    /// All facts that are known ahead of the feed.
    pub fn ahead(&self) -> Result<Vec<Ahead>, StoreError> {
        let rows = self.overlay.iter()?;
        rows.map(|row| {
            row.map_err(StoreError::from)
                .and_then(|(key, value)| decode(key.value(), value.value()))
        })
        .collect()
    }

    /// Puts a fact into the overlay. Says no when that is full.
    pub fn put_ahead(&mut self, record: &[u8], element: &[u8], seq: Seq, state: &[u8]) -> Result<bool, StoreError> {
        let key = key(record, element);
        if self.overlay.len()? >= OVERLAY_MAX && self.overlay.get(key.as_slice())?.is_none() {
            return Ok(false);
        }
        let mut value = Vec::with_capacity(state.len() + 4);
        put_varint(&mut value, seq.0);
        value.extend_from_slice(state);
        self.overlay.insert(key.as_slice(), value.as_slice())?;
        self.touched.record(record);
        Ok(true)
    }

    /// Drops a fact, as when the feed has brought it.
    pub fn forget_ahead(&mut self, fact: &Ahead) -> Result<(), StoreError> {
        self.touched.record(&fact.record);
        self.overlay
            .remove(key(&fact.record, &fact.element.encoded()).as_slice())?;
        Ok(())
    }

    /// Empties the overlay: its seqs were another epoch's.
    pub fn clear_ahead(&mut self) -> Result<(), StoreError> {
        for fact in self.ahead()? {
            self.touched.record(&fact.record);
        }
        self.overlay.retain(|_, _| false)?;
        Ok(())
    }
}
