//! The store's file is kept within what it holds: twice its content.

pub use headland_host::database::{Compaction, Room};

use super::Store;
use headland_host::tables::StoreError;

/// How much larger than its content a file may be before it is compacted.
const TIMES_CONTENT_MAX: u64 = 2;
/// Nor is it compacted for less than this part of it, by which it could be shortened at once: most of a small file is the
/// engine's books, and pages that are half full stay so.
const GAIN_PART_MIN: u64 = 8;
/// The most bytes of pages that are moved: all of them may be written once more, in one go, during which nobody reads or
/// writes. A slow card takes ten seconds for that. A larger store stays as it is.
const MOVED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What became of a look at the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tidied {
    /// It was compacted: bytes before, and how many of them are in use.
    Compacted(Room),
    /// There was nothing to gain, or too much to move.
    Left(Room),
    /// Somebody reads, so it is to be looked at again.
    Busy,
}

impl Store {
    /// Makes the file shorter where it has much more than it needs. Reads all of it, and may write all of it, in which
    /// time nobody else reads or writes: for when nothing else is to be done. The power may fail meanwhile.
    pub fn tidy(&self) -> Result<Tidied, StoreError> {
        let room = self.database.room()?;
        if !is_worth_it(&room) {
            return Ok(Tidied::Left(room));
        }
        Ok(match self.compact()? {
            Compaction::Done => Tidied::Compacted(room),
            Compaction::Busy => Tidied::Busy,
        })
    }

    /// Makes the file as short as what it holds allows, unless somebody reads.
    pub fn compact(&self) -> Result<Compaction, StoreError> {
        self.database.compact()
    }
}

fn is_worth_it(room: &Room) -> bool {
    let gain = room.total_bytes.saturating_sub(room.used_bytes);
    room.total_bytes > TIMES_CONTENT_MAX * room.content_bytes
        && gain * GAIN_PART_MIN >= room.total_bytes
        && room.used_bytes <= MOVED_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_compacted_where_that_makes_much_of_it_free() {
        const MB: u64 = 1_000_000;
        for (content, used, total, worth_it) in [
            (4, 6, 7, false),
            (4, 6, 9, true),
            // Pages that are half full.
            (4, 9, 9, false),
            (4, 9, 10, false),
            (60, 66, 130, true),
            // Too much to write in one go.
            (60, 70, 150, false),
            (0, 0, 0, false),
        ] {
            let room = Room {
                content_bytes: content * MB,
                used_bytes: used * MB,
                total_bytes: total * MB,
            };
            assert_eq!(is_worth_it(&room), worth_it, "{room:?}");
        }
    }
}
