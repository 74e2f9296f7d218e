//! A damaged store: moved aside, with what was written on the device carried over into a new one.
//!
//! The catalogue comes again from the hub; own writes that the hub has not stored do not. So these are read out of the
//! damaged file as far as they can be read, in a process of its own for each attempt: the storage engine may panic on a
//! damaged page, and a program that aborts on panics must not end with that.

mod rows;

pub(crate) use rows::{COMMAND, note_invocation, print};

use crate::opening::{Opening, OpeningError};
use crate::store::{RESCUED_TABLES, RescuedRows, Store};
use headland_host::clock::wall_ms;
use headland_host::store_file::{self, ATTEMPTS};
use headland_host::tables::ByteTable;
use headland_host::text::words::counted;
use headland_shared::stamp::utc;
use std::path::Path;

/// Puts a new store in the place of a damaged one, with the own writes that could be read, and says so once.
pub(crate) fn begin_anew(opening: &Opening, damage: &OpeningError) -> Result<(), OpeningError> {
    let path = opening.path();
    let found = read(path);
    let name = store_file::name_of_damaged(path, &utc(wall_ms()).unwrap_or_default());
    let rescued = opening.make_aside(|store: &Store| {
        let file = name.file_name().map(|name| name.to_string_lossy().into_owned());
        store.adopt_rescued(&found, &file.unwrap_or_default(), wall_ms())
    })?;
    store_file::replace(path, &name)?;
    let writes = counted(rescued.writes, "own write was", "own writes were");
    let unreadable = rescued.unreadable;
    let aside = name.display();
    tracing::error!(
        "{damage}; it was moved to {aside}, and the agent begins anew: {writes} rescued and {unreadable} could not be read, \
         the catalogue comes again from the hub; look after the disk, and remove that file when it is not needed"
    );
    Ok(())
}

/// All rows that any attempt finds. Where they differ, the earlier attempt is the likelier one.
fn read(path: &Path) -> RescuedRows {
    let mut found = RescuedRows::default();
    for attempt in 0..ATTEMPTS {
        let whole = rows::read(path, attempt, |table, key, value| found.add(table, key, value));
        // An attempt that went through all rows of all tables has found them; with the actor, that is all there is.
        if whole && found.is_whole() {
            break;
        }
    }
    found
}

/// The tables that are read, in the order of their worth.
const TABLES: &[ByteTable] = RESCUED_TABLES;
