//! The invariants hold under the fixed seeds.

use headland_fleet::simulator;

#[test]
fn the_invariants_hold_under_the_fixed_seeds() {
    let seeds: u64 = std::env::var("SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(40);
    let mut reads_ahead = 0;
    for seed in 1..=seeds {
        match simulator::run(seed, false) {
            Ok(outcome) => reads_ahead += outcome.reads_ahead,
            Err(violation) => panic!("{violation}"),
        }
    }
    assert!(reads_ahead > 0, "no urgent fact was ever ahead of the feed");
}
