//! What the agent needs of its machine: a clock, and a place for its store.

use super::finding::Finding;
use crate::answer::WALL_CLOCK_SET_MS;
use crate::opening::Opening;
use crate::settings::Settings;
use crate::store::{OWN_WRITES_MAX, Store};
use headland_host::clock::wall_ms;
use headland_host::store_file;
use headland_host::tables::StoreError;
use headland_host::text::words::{bytes, counted, moment};
use std::path::Path;

/// Less room than this is soon used up: a whole catalogue, and a redb file that grows by doubling.
const SPACE_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// Looks at the machine's clocks.
pub(super) fn clock() -> Vec<Finding> {
    let now_ms = wall_ms();
    let wall = match now_ms < WALL_CLOCK_SET_MS {
        false => Finding::ok("clock", moment(now_ms)),
        true => Finding::warning(
            "clock",
            format!("not set: it says {}", moment(now_ms)),
            "set it, by NTP or from a clock with a battery; the sync does without it, but notes carry wrong times and ages are unknown after a reboot",
        ),
    };
    vec![wall]
}

/// Looks at the store of an agent that does not run.
pub(super) fn store(settings: &Settings) -> Vec<Finding> {
    let path = &settings.store;
    let found = match path.try_exists() {
        Ok(false) => match store_file::can_be_made(path) {
            Ok(()) => Finding::warning(
                "store",
                format!("there is none yet at {}", path.display()),
                "start `headland-agent run`, or run `headland-agent sync` once; it makes the store",
            ),
            Err(error) => Finding::failed(
                "store",
                error,
                "make the directory for the agent's user, or set another path as `store`",
            ),
        },
        // What hinders the look will be told better by the opening.
        Ok(true) | Err(_) => match Opening::new(settings, settings.timing()).store() {
            Err(error) => Finding::failed(
                "store",
                error,
                "do as it says; `headland-agent run` moves a damaged store aside and begins anew with what was written here",
            ),
            Ok(store) => match describe(&store) {
                Ok(found) => Finding::ok("store", found),
                Err(error) => Finding::failed(
                    "store",
                    error,
                    "move the file aside and start the agent; it begins anew",
                ),
            },
        },
    };
    vec![found]
}

fn describe(store: &Store) -> Result<String, StoreError> {
    let views = store.read()?;
    let waiting = views.own_after(views.stored()?, OWN_WRITES_MAX as usize)?.len() as u64;
    Ok(holds(views.record_count()?, waiting))
}

/// What a store holds, in words.
pub(super) fn holds(models: u64, waiting: u64) -> String {
    let models = counted(models, "model", "models");
    match waiting {
        0 => format!("{models}, no own writes waiting for the hub"),
        some => format!(
            "{models}, {} waiting for the hub",
            counted(some, "own write", "own writes")
        ),
    }
}

/// Looks at the room on the file system of the store.
pub(super) fn space(store: &Path) -> Option<Finding> {
    // A path that cannot be looked at is told of by the look at the store.
    let free = store_file::free_bytes(store).ok()?;
    Some(match free < SPACE_BYTES_MIN {
        false => Finding::ok("space", format!("{} free beside the store", bytes(free))),
        true => Finding::failed(
            "space",
            format!(
                "{} free beside the store, less than {}",
                bytes(free),
                bytes(SPACE_BYTES_MIN)
            ),
            "free some; until then the agent answers, and takes neither changes nor notes",
        ),
    })
}
