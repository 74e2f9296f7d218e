//! Whether what is held here goes on where the database's log is, or everything must be read anew.

use super::ending::Recopy;
use crate::postgres::{Identity, SlotFacts};
use crate::registry::bridge::{Lsn, Source, life_after};
use crate::store::{Bridged, Numbers};
use headland_shared::epoch::Life;

/// What is known before anything is streamed.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The registry as it is held here.
    pub(super) numbers: Numbers,
    /// Where this hub stands.
    pub(super) bridged: Option<Bridged>,
    /// Which server answers.
    pub(super) identity: Identity,
    /// The slot, and its name.
    pub(super) slot: Option<&'a SlotFacts>,
    pub(super) slot_name: &'a str,
    /// Which mapping is in use.
    pub(super) mapping: u64,
    /// Why the last session asked for everything.
    pub(super) recopy: Option<&'a Recopy>,
}

/// How to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Start {
    /// After what is held.
    GoOn(Bridged),
    /// With everything.
    Copy {
        /// For the log.
        why: String,
        /// The life of the registry that it will be.
        life: Life,
    },
}

/// Decides how to begin. A position is never told to a server that might not have it, and what the server would leave
/// out in silence is found here.
pub(super) fn start(known: Known<'_>) -> Start {
    let Known {
        numbers,
        bridged,
        identity,
        slot,
        recopy,
        ..
    } = known;
    let source = Source {
        system: identity.system,
        timeline: identity.timeline,
    };
    let held = (numbers.revision > 0).then_some(numbers.life);
    let other = |why: &str| Start::Copy {
        why: why.to_owned(),
        life: life_after(source, held),
    };
    let Some(bridged) = bridged else {
        return other("nothing of it was read so far");
    };
    if bridged.system != identity.system {
        return other("it is another cluster than before: it was restored from a dump, or moved");
    }
    if bridged.timeline != identity.timeline {
        return other(
            "its timeline is another than before: a standby was promoted, or it was restored to a point in time",
        );
    }
    if identity.at < Lsn(bridged.durable) {
        return other("its log ends before what is held here: it was restored from a backup");
    }
    if let Some(recopy) = recopy.filter(|recopy| recopy.diverged) {
        return other(&recopy.why);
    }
    let same = |why: &str| Start::Copy {
        why: why.to_owned(),
        life: bridged.life,
    };
    if let Some(recopy) = recopy {
        return same(&recopy.why);
    }
    match slot {
        None => return same("the replication slot is gone"),
        Some(_) if bridged.slot != known.slot_name => return same("it is another replication slot than before"),
        Some(slot) if slot.lost => return same("the replication slot was lost: this hub was away for too much log"),
        Some(slot) if slot.confirmed > Lsn(bridged.durable) => {
            return same("the slot is ahead of what is held here: this hub was restored from a backup");
        }
        Some(_) => {}
    }
    if bridged.mapping != known.mapping {
        return same("the mapping is another than before");
    }
    Start::GoOn(bridged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = Source {
        system: 0x6a86_0000_0001_2345,
        timeline: 1,
    };

    fn bridged() -> Bridged {
        Bridged {
            system: SOURCE.system,
            timeline: SOURCE.timeline,
            slot: "s".to_owned(),
            durable: 500,
            life: life_after(SOURCE, None),
            witness: None,
            mapping: 9,
        }
    }

    fn slot(confirmed: u64, lost: bool) -> SlotFacts {
        SlotFacts {
            lost,
            wal_status: String::new(),
            safe_wal_bytes: None,
            kept_bytes: 0,
            confirmed: Lsn(confirmed),
            ours: true,
            used_by: None,
        }
    }

    fn identity(system: u64, timeline: u32, at: u64) -> Identity {
        let at = Lsn(at);
        Identity { system, timeline, at }
    }

    fn begin(bridged: Option<Bridged>, identity: Identity, slot: Option<&SlotFacts>, recopy: Option<&Recopy>) -> Start {
        let life = life_after(SOURCE, None);
        let numbers = Numbers {
            life,
            revision: 400,
            ..Numbers::default()
        };
        let (slot_name, mapping) = ("s", 9);
        start(Known {
            numbers,
            bridged,
            identity,
            slot,
            slot_name,
            mapping,
            recopy,
        })
    }

    #[test]
    fn what_goes_on_where_the_slot_is_goes_on() {
        for confirmed in [0, 499, 500] {
            let slot = slot(confirmed, false);
            let here = identity(SOURCE.system, 1, 500);
            assert_eq!(begin(Some(bridged()), here, Some(&slot), None), Start::GoOn(bridged()));
        }
    }

    #[test]
    fn another_history_is_read_anew_as_a_later_life() {
        let (slot, life) = (slot(500, false), bridged().life);
        let recopy = Recopy {
            why: String::new(),
            diverged: true,
        };
        for (here, recopy) in [
            (identity(SOURCE.system, 2, 900), None),
            (identity(SOURCE.system + (1 << 33), 1, 900), None),
            (identity(SOURCE.system - (1 << 33), 1, 900), None),
            (identity(SOURCE.system, 1, 499), None),
            (identity(SOURCE.system, 1, 900), Some(&recopy)),
        ] {
            let Start::Copy { life: later, .. } = begin(Some(bridged()), here, Some(&slot), recopy) else {
                panic!("{here:?}");
            };
            assert!(later > life, "{here:?}");
        }
    }

    #[test]
    fn a_slot_that_leaves_something_out_means_everything_anew_in_the_same_life() {
        let here = identity(SOURCE.system, 1, 900);
        let (ahead, lost, fine) = (slot(501, false), slot(500, true), slot(500, false));
        let recopy = Recopy {
            why: String::new(),
            diverged: false,
        };
        let other_mapping = Bridged {
            mapping: 8,
            ..bridged()
        };
        for (bridged, slot, recopy) in [
            (bridged(), None, None),
            (bridged(), Some(&ahead), None),
            (bridged(), Some(&lost), None),
            (bridged(), Some(&fine), Some(&recopy)),
            (other_mapping, Some(&fine), None),
        ] {
            let life = bridged.life;
            let found = begin(Some(bridged), here, slot, recopy);
            assert!(
                matches!(found, Start::Copy { life: same, .. } if same == life),
                "{found:?}"
            );
        }
    }

    #[test]
    fn who_has_read_nothing_reads_everything() {
        let here = identity(SOURCE.system, 1, 900);
        assert!(matches!(begin(None, here, None, None), Start::Copy { .. }));
    }
}
