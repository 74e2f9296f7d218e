//! The simulator: the shipped replicas on the shipped stores, with everything around them under one seed.
//!
//! Time is virtual. The network loses, repeats, reorders, delays, cuts and corrupts; disks lose what was not synced;
//! clocks start in 1970 and jump; hubs crash, are wiped and restored; flashes are restored and copied. There are two
//! hubs of two regions: one has the registry, the other follows it with a lag, and agents roam between them. A plain
//! reference model says what must be seen, and a failing seed is one command to replay.

mod agent;
mod check;
mod hub;
mod ledger;
mod network;
mod reference;
mod registry;
mod schedule;
mod world;

pub use schedule::Faults;

use std::fmt;

/// What a run of the simulator did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Faults injected of each kind.
    pub faults: Faults,
    /// Reads checked against the reference.
    pub reads: u64,
    /// Reads of these that showed something ahead of the feed.
    pub reads_ahead: u64,
    /// Counts made that must stay in their region.
    pub counted_here: u64,
    /// Scopes that held the same at both hubs at the end, so that their digests had to be the same.
    pub scopes_compared: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Virtual milliseconds.
    pub virtual_ms: u64,
}

/// What went wrong, and how to see it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// What went wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, next) = (self.seed, self.seed + 1);
        write!(
            f,
            "seed {seed}: {}\nreplay: headland-fleet simulate --seeds {seed}..{next} --verbose",
            self.what
        )
    }
}

/// Runs one seed.
pub fn run(seed: u64, verbose: bool) -> Result<Outcome, Violation> {
    world::World::new(seed, verbose)
        .run()
        .map_err(|what| Violation { seed, what })
}
