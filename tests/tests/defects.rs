//! The simulator can fail: each deliberate defect is found by a fixed seed, and the same seed passes without it.
//!
//! A change of the simulator shifts what seeds do. To find seeds anew:
//!
//! ```sh
//! FIND_SEEDS=1..100 cargo test -p headland-fleet --test defects -- --nocapture
//! ```
//!
//! For each defect that says how many of these seeds find it, and what the first few say that pass without it.

use headland_fleet::simulator::{self, Violation};
use headland_shared::defect::{Defect, plant};

/// How many seeds that find a defect are listed.
const LISTED: usize = 4;
/// So much of what they say is listed, in characters.
const WORDS_MAX: usize = 120;

fn run_with(defect: Defect, seed: u64) -> Option<Violation> {
    let _planted = plant(defect);
    simulator::run(seed, false).err()
}

/// With the defect this seed fails with these words, and without it it passes.
fn is_found(defect: Defect, seed: u64, words: &str) {
    if let Ok(seeds) = std::env::var("FIND_SEEDS") {
        return find(defect, &seeds);
    }
    match run_with(defect, seed) {
        Some(violation) => assert!(violation.what.contains(words), "{defect:?}: {violation}"),
        None => panic!("seed {seed} does not find {defect:?}: find others as the head of this file says"),
    }
    if let Err(violation) = simulator::run(seed, false) {
        panic!("without {defect:?}: {violation}");
    }
}

#[expect(clippy::print_stdout, reason = "whoever looks for seeds wants to see them")]
fn find(defect: Defect, seeds: &str) {
    let range = seeds
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    let range: std::ops::Range<u64> = range.expect("FIND_SEEDS is a range such as 1..100");
    let mut found = 0;
    let mut listed = Vec::new();
    for seed in range {
        let Some(violation) = run_with(defect, seed) else {
            continue;
        };
        found += 1;
        if listed.len() < LISTED && simulator::run(seed, false).is_ok() {
            let what: String = violation.what.chars().take(WORDS_MAX).collect();
            listed.push(format!("\n  {seed}: {}", what.replace('\n', " ")));
        }
    }
    println!("{defect:?}: {found} of the seeds {seeds} find it{}", listed.concat());
}

#[test]
fn an_acknowledgement_before_the_sync_is_found() {
    is_found(Defect::AcknowledgedBeforeSync, 2, "after a power cut");
}

#[test]
fn a_cursor_that_a_middle_part_moves_is_found() {
    is_found(Defect::CursorAmidCatchUp, 28, "did not converge");
}

#[test]
fn a_record_that_leaves_without_an_entry_is_found() {
    is_found(Defect::ForgottenLeft, 3, "shows what no commit");
}

#[test]
fn an_approval_that_goes_to_another_version_is_found() {
    is_found(Defect::ApprovalByLastWriter, 4, "shows what no commit");
}

#[test]
fn a_restored_store_that_goes_on_as_the_same_writer_is_found() {
    is_found(Defect::ReusedActor, 90, "a hub has [] of");
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
    is_found(Defect::OverlayMovesCursor, 5, "shows what no commit");
}

#[test]
fn a_digest_with_pending_writes_is_found() {
    is_found(Defect::DigestWithPendingWrites, 2, "digests that were not theirs");
}

#[test]
fn an_empty_hub_that_takes_records_away_is_found() {
    is_found(Defect::ResyncFromEmptyHub, 2, "left behind (invariant 4 or 5):\n[]");
}

#[test]
fn an_epoch_that_nobody_asked_for_is_found() {
    is_found(Defect::StaleEpochAccepted, 322, "shows what no commit");
}

#[test]
fn what_is_counted_again_in_another_region_is_found() {
    is_found(Defect::CountsAddedAgain, 50, "counted as");
}
