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
/// A cell that seems to hold one record alone is believed when that record is `known` here; a stranger's position,
/// which only the other side holds, must be told alike by two cells. What was believed wrongly leaves cells that are
/// not empty at the end, or a state whose digest is not the other side's.
pub fn decode(difference: Sketch, known: impl Fn(u32) -> bool) -> Result<BTreeSet<u32>, Undecoded> {
    let mut peeling = Peeling {
        cells: difference.cells,
        found: BTreeSet::new(),
        suspects: BTreeMap::new(),
    };
    let mut waiting: Vec<usize> = (0..peeling.cells.len()).rev().collect();
    while let Some(index) = waiting.pop() {
        let Some((id, value)) = peeling.alone_in(index) else {
            continue;
        };
        if known(id) || peeling.is_confirmed(id, value, index) {
            peeling.peel(id, value, &mut waiting)?;
        }
    }
    let empty = peeling.cells.iter().all(|cell| cell.is_empty());
    if empty { Ok(peeling.found) } else { Err(Undecoded) }
}

struct Peeling {
    cells: Vec<Cell>,
    found: BTreeSet<u32>,
    /// Strangers that one cell has told of, and which cell that was.
    suspects: BTreeMap<(u32, u32), usize>,
}

impl Peeling {
    /// The record that may be alone in a cell.
    fn alone_in(&self, index: usize) -> Option<(u32, u32)> {
        let cell = self.cells[index];
        if cell.sum == 0 {
            return None;
        }
        let id = times(cell.weighted, inverse(cell.sum));
        let here = id != 0 && Mapping::of(id).take_while(|at| *at <= index).any(|at| at == index);
        here.then_some((id, cell.sum))
    }

    fn is_confirmed(&mut self, id: u32, value: u32, index: usize) -> bool {
        *self.suspects.entry((id, value)).or_insert(index) != index
    }

    fn peel(&mut self, id: u32, value: u32, waiting: &mut Vec<usize>) -> Result<(), Undecoded> {
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
                waiting.push(index);
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
