//! The simulator can fail: each deliberate defect is found by a fixed seed, and the same seed passes without it.
//!
//! A change of the simulator shifts what seeds do. To find seeds anew:
//!
//! ```sh
//! FIND_SEEDS=300 cargo test -p headland-fleet --test defects -- --nocapture
//! ```
//!
//! For each defect that says how many of the seeds from 1 on find it, and what the first few say.

use headland_fleet::simulator::{self, Violation};
use headland_shared::defect::{Defect, plant};

/// How many seeds that find a defect are listed.
const LISTED: usize = 4;

fn run_with(defect: Defect, seed: u64) -> Option<Violation> {
    let _planted = plant(defect);
    simulator::run(seed, false).err()
}

/// The defect makes this seed fail with these words, and nothing else does.
fn is_found(defect: Defect, seed: u64, words: &str) {
    if let Ok(seeds) = std::env::var("FIND_SEEDS") {
        return find(defect, seeds.parse().unwrap());
    }
    match run_with(defect, seed) {
        Some(violation) => assert!(violation.what.contains(words), "found otherwise: {violation}"),
        None => panic!("{defect:?} is not found by seed {seed}; find others as the head of this file says"),
    }
    if let Err(violation) = simulator::run(seed, false) {
        panic!("without {defect:?}: {violation}");
    }
}

fn find(defect: Defect, seeds: u64) {
    let (mut found, mut told) = (0, 0);
    let mut lines = String::new();
    for seed in 1..=seeds {
        let Some(violation) = run_with(defect, seed) else {
            continue;
        };
        found += 1;
        if told < LISTED && simulator::run(seed, false).is_ok() {
            told += 1;
            let what: String = violation.what.chars().filter(|c| *c != '\n').take(160).collect();
            lines.push_str(&format!("\n  {seed}: {what}"));
        }
    }
    println!("{defect:?}: found by {found} of {seeds} seeds{lines}");
}

#[test]
fn an_acknowledgement_before_the_sync_is_found() {
    is_found(Defect::AcknowledgedBeforeSync, 2, "after a power cut (invariant 2)");
}

#[test]
fn a_cursor_that_a_middle_part_moves_is_found() {
    is_found(Defect::CursorAmidCatchUp, 26, "shows what no commit");
}

#[test]
fn a_record_that_leaves_without_an_entry_is_found() {
    is_found(Defect::ForgottenLeft, 1, "shows what no commit");
}

#[test]
fn an_approval_that_goes_to_another_version_is_found() {
    is_found(Defect::ApprovalByLastWriter, 17, "shows what no commit");
}

#[test]
fn a_restored_store_that_goes_on_as_the_same_writer_is_found() {
    is_found(Defect::ReusedActor, 17, "the hub has []");
}

#[test]
fn a_floor_that_moves_with_time_is_found() {
    is_found(Defect::FloorByTime, 4, "the floor moved to");
}

#[test]
fn a_stamp_from_the_future_is_found() {
    is_found(Defect::DeviceOrderKey, 7, "a note from the future");
}

#[test]
fn an_urgent_fact_that_moves_the_cursor_is_found() {
    is_found(Defect::OverlayMovesCursor, 2, "shows what no commit");
}

#[test]
fn a_digest_with_pending_writes_is_found() {
    is_found(Defect::DigestWithPendingWrites, 6, "digests that are not its own");
}

#[test]
fn an_empty_hub_that_takes_records_away_is_found() {
    is_found(Defect::ResyncFromEmptyHub, 5, "shows what no commit");
}

#[test]
fn an_epoch_that_nobody_asked_for_is_found() {
    is_found(Defect::StaleEpochAccepted, 68, "shows what no commit");
}
