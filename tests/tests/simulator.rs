//! The invariants hold under the fixed seeds.

use headland_fleet::simulator;

#[test]
fn the_invariants_hold_under_the_fixed_seeds() {
    let seeds: u64 = std::env::var("SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(40);
    for seed in 1..=seeds {
        if let Err(violation) = simulator::run(seed, false) {
            panic!("{violation}");
        }
    }
}
