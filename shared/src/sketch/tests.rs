//! What sketches find, how many cells that takes, and what they never do.

use super::*;
use crate::session::Jitter;
use alloc::collections::{BTreeMap, BTreeSet};
use proptest::prelude::*;

fn sketch(records: &BTreeMap<u32, u32>, cells: usize) -> Sketch {
    let mut sketch = Sketch::empty(cells);
    for (id, hash) in records {
        sketch.add(*id, *hash);
    }
    sketch
}

fn number(jitter: &mut Jitter) -> u32 {
    (jitter.next_u64() % u64::from(PRIME - 1)) as u32 + 1
}

/// Two states of about `records` records of which `differ` differ: some changed, some on one side only.
fn pair(records: usize, differ: usize, seed: u64) -> (BTreeMap<u32, u32>, BTreeMap<u32, u32>, BTreeSet<u32>) {
    let mut jitter = Jitter::seeded(seed);
    let mut here: BTreeMap<u32, u32> = (0..records)
        .map(|_| (number(&mut jitter), number(&mut jitter)))
        .collect();
    let mut there = here.clone();
    let ids: Vec<u32> = here.keys().copied().collect();
    let mut differing = BTreeSet::new();
    while differing.len() < differ {
        let id = ids[jitter.up_to(ids.len() as u64 - 1) as usize];
        if !differing.insert(id) {
            continue;
        }
        match jitter.up_to(9) {
            0 => drop(here.remove(&id)),
            1 => drop(there.remove(&id)),
            _ => {
                there.insert(id, number(&mut jitter));
            }
        }
    }
    (here, there, differing)
}

proptest! {
    #[test]
    fn what_differs_is_found_exactly(records in 1_usize..400, share in 0_usize..100, seed: u64) {
        let (here, there, differing) = pair(records, records * share / 100, seed);
        let cells = records * 2 + 64;
        let difference = sketch(&here, cells).minus(&sketch(&there, cells));
        // A stranger may be told of by one cell only; then more cells are asked for.
        if let Ok(found) = decode(difference, |id| here.contains_key(&id)) {
            prop_assert_eq!(found, differing);
        }
    }

    #[test]
    fn a_sketch_goes_on_where_it_ended_and_comes_back_from_bytes(first in 0_usize..80, more in 0_usize..200, seed: u64) {
        let (here, ..) = pair(60, 0, seed);
        let mut grown = sketch(&here, first);
        grown.extend(first + more, here.iter().map(|(id, hash)| (*id, *hash)));
        prop_assert_eq!(&grown, &sketch(&here, first + more));
        let (mut head, mut tail) = (Vec::new(), Vec::new());
        sketch(&here, first).encode_from(0, &mut head);
        grown.encode_from(first, &mut tail);
        let mut read = Sketch::default();
        read.append(&head).unwrap();
        read.append(&tail).unwrap();
        prop_assert_eq!(read, grown);
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..800)) {
        let mut sketch = Sketch::default();
        if sketch.append(&noise).is_ok() {
            let _ = decode(sketch, |id| id % 7 == 0);
        }
    }
}

#[test]
fn removing_undoes_adding() {
    let (here, ..) = pair(50, 0, 3);
    let mut emptied = sketch(&here, 90);
    for (id, hash) in &here {
        emptied.remove(*id, *hash);
    }
    assert_eq!(emptied, Sketch::empty(90));
}

#[test]
fn eighty_of_ten_thousand_are_found_with_144_cells_nearly_always() {
    let found = (0..40).filter(|seed| {
        let (here, there, differing) = pair(10_000, 80, *seed);
        let difference = sketch(&here, 144).minus(&sketch(&there, 144));
        decode(difference, |id| here.contains_key(&id)) == Ok(differing)
    });
    let found = found.count();
    assert!(found >= 36, "{found} of 40");
}

#[test]
fn too_few_cells_say_so() {
    let (here, there, _) = pair(2_000, 400, 1);
    let difference = sketch(&here, 144).minus(&sketch(&there, 144));
    assert_eq!(decode(difference, |id| here.contains_key(&id)), Err(Undecoded));
}
