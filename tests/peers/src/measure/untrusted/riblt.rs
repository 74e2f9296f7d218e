//! A rateless invertible Bloom lookup table (arXiv 2402.02668) over 64-bit digests: how many cells find a difference.

use crate::failure::Failure;
use headland_shared::digest::hash_128;
use std::collections::BTreeSet;

/// The sum of the items, four bytes of the sum of their hashes, and a count.
pub(super) const CELL_BYTES: u64 = 8 + 4 + 1;
/// More cells an item than the paper's worst case.
const CELLS_PER_ITEM_MAX: u64 = 4;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cell {
    sum: u64,
    check: u32,
    count: i64,
}

impl Cell {
    fn add(&mut self, item: u64, count: i64) {
        self.sum ^= item;
        self.check ^= check(item);
        self.count += count;
    }

    /// Whether exactly one item is left in it.
    fn single(&self) -> bool {
        self.count.abs() == 1 && check(self.sum) == self.check
    }
}

fn check(item: u64) -> u32 {
    hash_128(&[&item.to_be_bytes()]) as u32
}

/// The cells of an item: cell 0, then ever farther apart, so that an item is in cell i with chance 1 / (1 + i/2).
struct Places {
    random: u64,
    at: u64,
}

impl Places {
    fn of(item: u64) -> Self {
        let random = (hash_128(&[&item.to_be_bytes(), b"places"]) >> 64) as u64;
        Self { random, at: 0 }
    }

    fn below(mut self, count: u64, mut each: impl FnMut(usize)) {
        while self.at < count {
            each(self.at as usize);
            self.random = self.random.wrapping_mul(0xda94_2042_e4dd_58b5);
            let spread = 4_294_967_296.0 / ((self.random as f64) + 1.0).sqrt() - 1.0;
            self.at += ((self.at as f64 + 1.5) * spread).ceil() as u64;
        }
    }
}

/// The difference of two sets' cells.
fn difference(here: &BTreeSet<u64>, there: &BTreeSet<u64>, count: u64) -> Vec<Cell> {
    let mut cells = vec![Cell::default(); count as usize];
    for (items, sign) in [(here, 1), (there, -1)] {
        for item in items {
            Places::of(*item).below(count, |at| cells[at].add(*item, sign));
        }
    }
    cells
}

/// Takes single items out until none is left; gives them where the cells are empty in the end.
fn peeled(mut cells: Vec<Cell>) -> Option<BTreeSet<u64>> {
    let mut found = BTreeSet::new();
    while let Some(cell) = cells.iter().copied().find(Cell::single) {
        found.insert(cell.sum);
        let count = cells.len() as u64;
        Places::of(cell.sum).below(count, |at| cells[at].add(cell.sum, -cell.count));
    }
    cells.iter().all(|cell| *cell == Cell::default()).then_some(found)
}

/// The least number of cells from the beginning of the stream that tell all that differs.
pub(super) fn cells_needed(here: &BTreeSet<u64>, there: &BTreeSet<u64>) -> Result<u64, Failure> {
    let wanted: BTreeSet<u64> = here.symmetric_difference(there).copied().collect();
    let most = CELLS_PER_ITEM_MAX * wanted.len().max(8) as u64;
    let cells = difference(here, there, most);
    for count in 1..=most {
        if peeled(cells[..count as usize].to_vec()).is_some_and(|found| found == wanted) {
            return Ok(count);
        }
    }
    Err(Failure::new("finding differences by RIBLT", "it needs more cells than it should"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_tell_what_differs_and_take_about_what_the_paper_says() {
        let item = |number: u64| hash_128(&[&number.to_be_bytes()]) as u64;
        let here: BTreeSet<u64> = (0..3_000).map(item).collect();
        let there: BTreeSet<u64> = (100..3_100).map(item).collect();
        let cells = cells_needed(&here, &there).unwrap();
        assert!((220..=400).contains(&cells), "{cells} cells for 200 items");
        assert_eq!(peeled(difference(&here, &here, 50)), Some(BTreeSet::new()));
    }
}
