//! Which history a database has, as a life of the registry.
//!
//! A cluster's identifier holds when the cluster was made, and its timeline counts promotions and restores to a point in
//! time. From both every hub derives the same life, and a later cluster or timeline has a later one. Only a restore
//! that leaves no trace in either, or a move to a cluster that was made earlier, must be noticed by whoever follows:
//! then the life that was held is counted on, so that hubs that followed the same database agree again.

use headland_shared::digest::hash_128;
use headland_shared::epoch::Life;
use serde::{Deserialize, Serialize};

/// What counts one on that was noticed.
const NOTICED: u64 = 1 << 12;
/// Timelines that are told apart by number; a cluster is promoted some times in its life.
const TIMELINE_MAX: u32 = 0xffff;

/// Which history of a database is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The cluster's identifier, made with it.
    pub system: u64,
    /// The timeline within it, from 1.
    pub timeline: u32,
}

impl Source {
    /// 32 bits of when the cluster was made, 16 of its timeline, 4 to count on, 12 that tell clusters of one second apart.
    fn life(self) -> Life {
        let made = self.system >> 32 << 32;
        let timeline = u64::from(self.timeline.min(TIMELINE_MAX)) << 16;
        let tag = hash_128(&[&self.system.to_be_bytes()]) as u64 & (NOTICED - 1);
        Life(made | timeline | tag)
    }
}

/// The life of a history that was not followed so far, or that went back: always later than the one that was held.
#[must_use]
pub fn life_after(source: Source, held: Option<Life>) -> Life {
    let derived = source.life();
    match held {
        Some(held) if derived <= held => Life(held.0.saturating_add(NOTICED)),
        _ => derived,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = Source {
        system: 0x6a86_0000_0001_2345,
        timeline: 1,
    };

    #[test]
    fn two_hubs_that_know_nothing_derive_the_same_life() {
        assert_eq!(life_after(SOURCE, None), life_after(SOURCE, Some(Life::numbered(3, 9))));
    }

    #[test]
    fn a_promotion_and_a_later_cluster_are_later_lives_for_everyone() {
        let first = life_after(SOURCE, None);
        let promoted = Source { timeline: 2, ..SOURCE };
        let rebuilt = Source {
            system: SOURCE.system + (1 << 32),
            timeline: 1,
        };
        for later in [promoted, rebuilt] {
            let life = life_after(later, Some(first));
            assert!(life > first);
            assert_eq!(life, life_after(later, None));
        }
    }

    #[test]
    fn what_leaves_no_trace_is_counted_on_alike() {
        let first = life_after(SOURCE, None);
        let restored = life_after(SOURCE, Some(first));
        assert!(restored > first && life_after(SOURCE, Some(restored)) > restored);
        let earlier = Source {
            system: SOURCE.system - (1 << 32),
            timeline: 1,
        };
        assert!(life_after(earlier, Some(first)) > first);
        assert!(restored < life_after(Source { timeline: 2, ..SOURCE }, Some(restored)));
    }
}
