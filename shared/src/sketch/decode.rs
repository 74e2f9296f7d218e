//! Finding the differing records in a sketch of the difference, by peeling.

use super::mapping::Mapping;
use super::{Cell, PRIME, Sketch, minus, times};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Too few cells for so many differing records: more are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecoded;

/// The positions of all records that differ.
///
/// A cell that seems to hold one record alone is believed when that record is `known` here. A stranger, which only
/// the other side holds, is believed when no known one is left and two cells tell of it alike. What was believed
/// wrongly leaves cells that are not empty at the end, or a state whose digest is not the other side's.
pub fn decode(difference: Sketch, known: impl Fn(u32) -> bool) -> Result<BTreeSet<u32>, Undecoded> {
    let mut peeling = Peeling {
        waiting: (0..difference.cells.len()).rev().collect(),
        cells: difference.cells,
        found: BTreeSet::new(),
    };
    loop {
        while let Some(index) = peeling.waiting.pop() {
            if let Some(one) = peeling.alone_in(index).filter(|one| known(one.id)) {
                peeling.peel(one)?;
            }
        }
        match peeling.stranger() {
            Some(one) => peeling.peel(one)?,
            None if peeling.cells.iter().all(|cell| cell.is_empty()) => return Ok(peeling.found),
            None => return Err(Undecoded),
        }
    }
}

/// A record that may be alone in some cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    id: u32,
    value: u32,
}

struct Peeling {
    cells: Vec<Cell>,
    waiting: Vec<usize>,
    found: BTreeSet<u32>,
}

impl Peeling {
    /// The record that may be alone in a cell: it belongs there, and where it belongs there is something.
    fn alone_in(&self, index: usize) -> Option<Candidate> {
        let cell = self.cells[index];
        if cell.sum == 0 {
            return None;
        }
        let id = times(cell.weighted, inverse(cell.sum));
        let mut here = false;
        for at in Mapping::of(id).take_while(|at| *at < self.cells.len()) {
            if self.cells[at].is_empty() {
                return None;
            }
            here |= at == index;
        }
        let value = cell.sum;
        (here && id != 0).then_some(Candidate { id, value })
    }

    /// The stranger of which most cells tell, if two do.
    fn stranger(&self) -> Option<Candidate> {
        let mut told: BTreeMap<Candidate, u32> = BTreeMap::new();
        for one in (0..self.cells.len()).filter_map(|index| self.alone_in(index)) {
            *told.entry(one).or_default() += 1;
        }
        let (one, cells) = told.into_iter().max_by_key(|(_, cells)| *cells)?;
        (cells > 1).then_some(one)
    }

    fn peel(&mut self, Candidate { id, value }: Candidate) -> Result<(), Undecoded> {
        // A record that is found twice was wrong once: what is left is spoilt, and must not be peeled for ever.
        if !self.found.insert(id) {
            return Err(Undecoded);
        }
        let cells = self.cells.len();
        for index in Mapping::of(id).take_while(|index| *index < cells) {
            let cell = &mut self.cells[index];
            cell.sum = minus(cell.sum, value);
            cell.weighted = minus(cell.weighted, times(id, value));
            if !cell.is_empty() {
                self.waiting.push(index);
            }
        }
        Ok(())
    }
}

/// One over a number other than zero (Fermat: its power to the prime minus two).
fn inverse(number: u32) -> u32 {
    let (mut base, mut exponent, mut result) = (number, PRIME - 2, 1);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        exponent >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_times_its_inverse_is_one() {
        for number in [1, 2, 77, PRIME - 1, 123_456_789] {
            assert_eq!(times(number, inverse(number)), 1);
        }
    }
}
