//! A keyed difference sketch: which records two replicas hold differently, found without trusting either's history.
//!
//! The state of a replica is a sparse vector: at the position of each record ([`Salt::id`]) stands the hash of its
//! state ([`Salt::hash`]), and zero everywhere else. The sketch is linear, so that the difference of two sketches is
//! the sketch of the difference, which has one unknown for each differing record however large the states are. A cell
//! holds S0, the sum of the values mapped to it, and S1, the sum of each value times its position, both modulo
//! [`PRIME`]; where one record alone is left in a cell, S1 / S0 is its position. Cells are rateless: the first k of
//! them are a sketch by themselves, and more can follow until the difference is found ([`decode()`]). Which cells a
//! record is in follows Yang et al., "Practical Rateless Set Reconciliation" (SIGCOMM 2024); a set of pairs would pay
//! twice for each changed record, a vector pays once.
//!
//! Positions of 32 bits may coincide. A position stands for all records that have it, so nothing is missed.

mod decode;
mod mapping;

pub use decode::{Undecoded, decode};

use crate::bytes::{DecodeError, Reader};
use crate::digest::{Digest, hash_128};
use alloc::vec;
use alloc::vec::Vec;
use mapping::Mapping;

/// The largest prime below 2^32: sums and quotients fit one word, and a cell eight bytes.
pub const PRIME: u32 = 4_294_967_291;
/// The most cells of one sketch: enough for tens of thousands of differing records, half a megabyte at a hub.
pub const CELLS_MAX: usize = 65_536;

/// What one comparison hashes with, so that nobody can prepare records that look alike (drawn by the hub).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub u64);

impl Salt {
    /// The position of a record: from 1 to [`PRIME`] - 1.
    #[must_use]
    pub fn id(self, record_key: &[u8]) -> u32 {
        within(hash_128(&[&self.0.to_be_bytes(), record_key]))
    }

    /// What stands at a record's position: from 1 to [`PRIME`] - 1.
    #[must_use]
    pub fn hash(self, state: Digest) -> u32 {
        within(hash_128(&[&self.0.to_le_bytes(), &state.0.to_be_bytes()]))
    }
}

fn within(hash: u128) -> u32 {
    ((hash as u64) % u64::from(PRIME - 1)) as u32 + 1
}

fn plus(a: u32, b: u32) -> u32 {
    ((u64::from(a) + u64::from(b)) % u64::from(PRIME)) as u32
}

fn minus(a: u32, b: u32) -> u32 {
    plus(a, PRIME - b)
}

fn times(a: u32, b: u32) -> u32 {
    (u64::from(a) * u64::from(b) % u64::from(PRIME)) as u32
}

/// Two sums over the records that are mapped here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cell {
    sum: u32,
    weighted: u32,
}

impl Cell {
    fn add(&mut self, id: u32, value: u32) {
        self.sum = plus(self.sum, value);
        self.weighted = plus(self.weighted, times(id, value));
    }

    fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// The first cells of a state's, or of a difference's, endless row of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch {
    cells: Vec<Cell>,
}

impl Sketch {
    /// `cells` cells of nothing.
    #[must_use]
    pub fn empty(cells: usize) -> Self {
        Self {
            cells: vec![Cell::default(); cells.min(CELLS_MAX)],
        }
    }

    /// How many cells there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Adds a record.
    pub fn add(&mut self, id: u32, hash: u32) {
        let cells = self.cells.len();
        for index in Mapping::of(id).take_while(|index| *index < cells) {
            self.cells[index].add(id, hash);
        }
    }

    /// Takes a record out.
    pub fn remove(&mut self, id: u32, hash: u32) {
        self.add(id, PRIME - hash);
    }

    /// Goes on to `cells` cells: `records` are all that was added so far, as (position, hash).
    pub fn extend(&mut self, cells: usize, records: impl Iterator<Item = (u32, u32)>) {
        let (from, cells) = (self.cells.len(), cells.min(CELLS_MAX));
        self.cells.resize(cells.max(from), Cell::default());
        for (id, hash) in records {
            for index in Mapping::of(id).skip_while(|index| *index < from) {
                if index >= cells {
                    break;
                }
                self.cells[index].add(id, hash);
            }
        }
    }

    /// What this one has more than the other, cell by cell, as far as both go.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let pairs = self.cells.iter().zip(&other.cells);
        let cell = |(a, b): (&Cell, &Cell)| Cell {
            sum: minus(a.sum, b.sum),
            weighted: minus(a.weighted, b.weighted),
        };
        Self {
            cells: pairs.map(cell).collect(),
        }
    }

    /// Appends the cells from `from` on, eight bytes each.
    pub fn encode_from(&self, from: usize, out: &mut Vec<u8>) {
        for cell in self.cells.iter().skip(from) {
            out.extend_from_slice(&cell.sum.to_be_bytes());
            out.extend_from_slice(&cell.weighted.to_be_bytes());
        }
    }

    /// Reads cells and appends them.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if !bytes.len().is_multiple_of(8) {
            return Err(DecodeError::Truncated);
        }
        if self.cells.len() + bytes.len() / 8 > CELLS_MAX {
            return Err(DecodeError::TooLong);
        }
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            let (sum, weighted) = (reader.u32_be()?, reader.u32_be()?);
            if sum >= PRIME || weighted >= PRIME {
                return Err(DecodeError::Invalid("cell"));
            }
            self.cells.push(Cell { sum, weighted });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
