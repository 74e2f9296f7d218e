//! Own writes out of a damaged store, put into a new one.
//!
//! The new store goes on as the same writer: with the token and the chain of the old one the hub finds that it is the same,
//! and where writes are missing that it went back in time, as with a restored copy.

use super::answered::{ANSWERED, ANSWERED_ORDER};
use super::own::{self, OwnWrite};
use super::tables::{OWN, OWN_BASE, OWN_CHAIN, Tables, Views};
use super::{Store, meta, rows};
use headland_host::tables::{ByteTable, META, StoreError};
use headland_shared::actor::ActorId;
use headland_shared::bytes::{Reader, put_varint};
use headland_shared::chain::Link;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tables of which rows are carried over, in the order of their worth.
pub const RESCUED_TABLES: &[ByteTable] = &[META, OWN, OWN_CHAIN, OWN_BASE, ANSWERED, ANSWERED_ORDER];

/// Where each is in that list.
const OF_META: usize = 0;
const OF_OWN: usize = 1;
const OF_CHAIN: usize = 2;
const OF_BASE: usize = 3;
const OF_ANSWERED: usize = 4;
const OF_ORDER: usize = 5;

/// The single values that belong to own writes.
const VALUES: [&[u8]; 5] = [rows::ACTOR, rows::LAST_DOT, rows::LAST_STAMP, rows::STORED, rows::TOKEN];

/// What could be read.
#[derive(Debug, Clone, Default)]
pub struct RescuedRows {
    tables: [BTreeMap<Vec<u8>, Vec<u8>>; RESCUED_TABLES.len()],
    unreadable: u64,
}

/// What became of the own writes of a damaged store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescued {
    /// When, by this device's clock, in milliseconds since 1970.
    pub at_ms: u64,
    /// What the damaged file is called now, beside the store.
    pub file: String,
    /// Own writes that are here again.
    pub writes: u64,
    /// Rows of own writes that could not be understood. Those that could not even be found are not counted.
    pub unreadable: u64,
}

impl RescuedRows {
    /// Adds a row. One that is known already stays as it is.
    pub fn add(&mut self, table: usize, key: &[u8], value: &[u8]) {
        if table == OF_META && !VALUES.contains(&key) {
            return;
        }
        if let Some(rows) = self.tables.get_mut(table) {
            rows.entry(key.to_vec()).or_insert_with(|| value.to_vec());
        }
    }

    /// Whether the writer is known, without whom own writes are nobody's.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.actor().is_some()
    }

    fn actor(&self) -> Option<ActorId> {
        let bytes = self.tables[OF_META].get(rows::ACTOR)?;
        ActorId::decode(&mut Reader::new(bytes)).ok()
    }

    fn number(&self, name: &[u8]) -> Option<u64> {
        Reader::new(self.tables[OF_META].get(name)?).varint().ok()
    }

    /// The own writes that are as they were written: where the chain is there, it must be theirs.
    fn sound(&self) -> Vec<(&Vec<u8>, &Vec<u8>, OwnWrite)> {
        let rows = self.tables[OF_OWN].iter();
        let read = rows.filter_map(|(key, value)| Some((key, value, own::decode(key, value).ok()?)));
        read.filter(|(_, _, write)| self.is_in_chain(write)).collect()
    }

    fn is_in_chain(&self, write: &OwnWrite) -> bool {
        let link = |dot: u64| match dot {
            0 => Some(Link::default()),
            _ => {
                let row = self.tables[OF_CHAIN].get(dot.to_be_bytes().as_slice())?;
                Reader::new(row).u64_be().ok().map(Link)
            }
        };
        let Some(before) = write.dot.checked_sub(1) else {
            return false;
        };
        let (record, element) = (write.record.encoded(), write.element.encoded());
        match (link(before), link(write.dot)) {
            (Some(before), Some(after)) => {
                before.extended(write.dot, &record, &element, &write.state.encoded()) == after
            }
            // What the hub has stored has no chain any more.
            _ => true,
        }
    }
}

impl Store {
    /// Takes over what could be read of a damaged store, into a store that was just made.
    pub fn adopt_rescued(&self, found: &RescuedRows, file: &str, at_ms: u64) -> Result<Rescued, StoreError> {
        self.write(|tables| {
            let mut rescued = Rescued {
                at_ms,
                file: file.to_owned(),
                writes: 0,
                unreadable: found.unreadable,
            };
            let sound = found.sound();
            match found.actor() {
                Some(_) => rescued.writes = tables.adopt(found, &sound)?,
                // Nobody knows whose they are.
                None => rescued.unreadable += sound.len() as u64,
            }
            rescued.unreadable += (found.tables[OF_OWN].len() - sound.len()) as u64;
            tables.meta.insert(rows::RESCUED, rows::encode(&rescued).as_slice())?;
            Ok(rescued)
        })
    }
}

impl Tables<'_> {
    fn adopt(&mut self, found: &RescuedRows, sound: &[(&Vec<u8>, &Vec<u8>, OwnWrite)]) -> Result<u64, StoreError> {
        for (name, value) in &found.tables[OF_META] {
            self.meta.insert(name.as_slice(), value.as_slice())?;
        }
        let mut last = found.number(rows::LAST_DOT).unwrap_or(0);
        for (key, value, write) in sound {
            self.own.insert(key.as_slice(), value.as_slice())?;
            self.own_dots
                .insert(write.dot.to_be_bytes().as_slice(), key.as_slice())?;
            last = last.max(write.dot);
        }
        for (key, value) in &found.tables[OF_CHAIN] {
            self.own_chain.insert(key.as_slice(), value.as_slice())?;
        }
        for (key, value) in &found.tables[OF_BASE] {
            self.own_base.insert(key.as_slice(), value.as_slice())?;
        }
        self.adopt_answers(found)?;
        let mut bytes = Vec::new();
        put_varint(&mut bytes, last);
        self.meta.insert(rows::LAST_DOT, bytes.as_slice())?;
        Ok(sound.len() as u64)
    }

    /// Answers and their order are of use only together.
    fn adopt_answers(&mut self, found: &RescuedRows) -> Result<(), StoreError> {
        for (number, key) in &found.tables[OF_ORDER] {
            let of_this = |row: &&Vec<u8>| row.get(..8) == Some(number.as_slice());
            if let Some(row) = found.tables[OF_ANSWERED].get(key).filter(of_this) {
                self.answered.insert(key.as_slice(), row.as_slice())?;
                self.answered_order.insert(number.as_slice(), key.as_slice())?;
            }
        }
        Ok(())
    }
}

impl Views {
    /// What became of the own writes of a damaged store, if there was one before this.
    pub fn rescued(&self) -> Result<Option<Rescued>, StoreError> {
        meta(&self.meta, rows::RESCUED)?
            .map(|bytes| rows::decode(&bytes))
            .transpose()
    }
}
