//! How old the catalogue may be: across restarts by the monotonic clock of the same boot, across boots by the wall
//! clock where there is one, and honestly unknown otherwise.

use super::Replica;
use crate::store::{Store, Views};
use headland_host::tables::StoreError;
use headland_shared::bytes::Reader;
use headland_shared::session::{Ms, Now};

/// What an age was measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The monotonic clock: never too young.
    Monotonic,
    /// The wall clock, across a boot: as right as that clock.
    WallClock,
}

/// How old the catalogue may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// At most this old, in milliseconds.
    Known {
        /// Milliseconds since it was last known to be the registry's state.
        ms: u64,
        /// What it was measured by.
        by: Basis,
    },
    /// There was no contact yet, or a boot without a clock since.
    Unknown,
}

/// A wall clock before this has not been set: devices without a battery wake in 1970. The first day of 2020.
const WALL_CLOCK_SET_MS: u64 = 1_577_836_800_000;

#[derive(Debug, Clone, Copy)]
struct Saved {
    boot: u64,
    mono: Ms,
    wall_ms: u64,
}

fn saved(views: &Views) -> Result<Option<Saved>, StoreError> {
    let Some(bytes) = views.as_of()? else {
        return Ok(None);
    };
    let mut reader = Reader::new(&bytes);
    let mut next = || reader.u64_be().map_err(|error| StoreError::corrupt("meta-1", error));
    Ok(Some(Saved {
        boot: next()?,
        mono: next()?,
        wall_ms: next()?,
    }))
}

/// The saved moment on the monotonic clock, if it is of this boot.
pub(super) fn load(views: &Views, boot: u64) -> Result<Option<Ms>, StoreError> {
    Ok(saved(views)?.filter(|saved| saved.boot == boot).map(|saved| saved.mono))
}

/// The age of the catalogue.
pub(super) fn age(views: &Views, as_of: Option<Ms>, boot: u64, now: Now) -> Result<Age, StoreError> {
    if let Some(as_of) = as_of {
        let ms = now.mono.saturating_sub(as_of);
        return Ok(Age::Known {
            ms,
            by: Basis::Monotonic,
        });
    }
    let Some(saved) = saved(views)? else {
        return Ok(Age::Unknown);
    };
    if saved.boot == boot {
        let ms = now.mono.saturating_sub(saved.mono);
        return Ok(Age::Known {
            ms,
            by: Basis::Monotonic,
        });
    }
    if saved.wall_ms < WALL_CLOCK_SET_MS || now.wall_ms < saved.wall_ms {
        return Ok(Age::Unknown);
    }
    let ms = now.wall_ms - saved.wall_ms;
    Ok(Age::Known {
        ms,
        by: Basis::WallClock,
    })
}

/// How old the catalogue of a store may be that no replica has open.
pub fn age_at_rest(store: &Store, boot: u64, now: Now) -> Result<Age, StoreError> {
    age(&*store.read()?, None, boot, now)
}

/// The bytes that say: at `as_of` of this boot, which was then by the wall clock, the catalogue was known.
pub(super) fn encoded(boot: u64, as_of: Ms, now: Now) -> Vec<u8> {
    let wall_ms = now.wall_ms.saturating_sub(now.mono.saturating_sub(as_of));
    [boot, as_of, wall_ms]
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect()
}

impl Replica {
    /// Saves the moment when the catalogue was last known, as when the link goes. It rides on no flash write of its
    /// own: losing it makes answers look older, never younger.
    pub(super) fn save_as_of(&mut self, now: Now) -> Result<(), StoreError> {
        let Some(as_of) = self.session.as_of() else {
            return Ok(());
        };
        let bytes = encoded(self.config.boot, as_of, now);
        self.store.note(|tables| tables.set_as_of(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_saved_moment_is_told_by_both_clocks() {
        let now = Now {
            mono: 5_000,
            wall_ms: 1_700_000_000_000,
        };
        let bytes = encoded(7, 4_000, now);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.u64_be(), Ok(7));
        assert_eq!(reader.u64_be(), Ok(4_000));
        assert_eq!(reader.u64_be(), Ok(1_699_999_999_000));
    }
}
