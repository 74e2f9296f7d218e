//! The invariants hold under the fixed seeds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use headland_fleet::simulator;

#[test]
fn the_invariants_hold_under_the_fixed_seeds() {
    let seeds: u64 = std::env::var("SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(40);
    let (mut reads_ahead, mut compared, mut counted_here, mut moves) = (0, 0, 0, 0);
    for seed in 1..=seeds {
        match simulator::run(seed, false) {
            Ok(outcome) => {
                reads_ahead += outcome.reads_ahead;
                compared += outcome.scopes_compared;
                counted_here += outcome.counted_here;
                moves += outcome.faults.moves;
            }
            Err(violation) => panic!("{violation}"),
        }
    }
    assert!(reads_ahead > 0, "no urgent fact was ever ahead of the feed");
    assert!(compared > 0, "the hubs never held the same");
    assert!(counted_here > 0, "nothing had to stay in its region");
    assert!(moves > 0, "nobody roamed");
}

#[test]
fn a_seed_is_the_same_run_again_beside_other_runs() {
    let run = |seed| move || format!("{:?}", simulator::run(seed, false));
    let alone: Vec<String> = (1..=4).map(|seed| run(seed)()).collect();
    let threads: Vec<_> = (1..=4).map(|seed| std::thread::spawn(run(seed))).collect();
    let beside: Vec<String> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(alone, beside);
}
