//! Reading what can still be read out of a damaged store file.
//!
//! The storage engine opens nothing that is damaged, and may panic on a page that is. So this reads a copy in memory,
//! whose header says what makes the engine look at it, in several attempts, each of which may find what another one does
//! not. Call it in a process of its own: a program that aborts on panics ends with what it has read by then.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use redb::{ConcurrencyMode, Database, ReadOnlyDatabase, ReadableDatabase, ReadableTable};
use rustix::fs::{MemfdFlags, memfd_create};

use crate::tables::ByteTable;

/// How many attempts there are.
pub const ATTEMPTS: u8 = 16;

/// The longest file that is read, in bytes: it is held in memory as a whole.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What stands before the two commit slots, and does not depend on what is stored but for the flags.
const FIXED_BYTES: usize = 64;
/// Where the flags are: which slot is the latest one, and whether the file was not closed.
const FLAGS_AT: usize = 9;
const SECOND_SLOT: u8 = 1;
const NOT_CLOSED: u8 = 2;

/// One way to look at a damaged file.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    /// From the last row to the first: what lies behind a damaged page is reached only so.
    backward: bool,
    /// Go by the commit before the last.
    other_slot: bool,
    /// The file lacks its end.
    padded: bool,
    /// The file lacks its beginning.
    fresh_header: bool,
}

impl Attempt {
    /// The likeliest ones come first.
    fn numbered(number: u8) -> Self {
        Self {
            backward: number & 1 != 0,
            other_slot: number & 2 != 0,
            padded: number & 4 != 0,
            fresh_header: number & 8 != 0,
        }
    }
}

/// Visits the rows of these tables in the file at `path`, in the way of one attempt, with the number of the table. A table
/// that cannot be read is left at the row at which that shows.
///
/// # Errors
///
/// When the file cannot be looked at in this way.
pub fn read_rows(
    path: &Path,
    attempt: u8,
    tables: &[ByteTable],
    visit: impl FnMut(usize, &[u8], &[u8]),
) -> io::Result<()> {
    let attempt = Attempt::numbered(attempt);
    let copy = copy(path, attempt)?;
    // Beside a writer, a reader asks neither for what only a writer needs nor for a repair.
    let mut builder = Database::builder();
    builder.set_concurrency_mode(ConcurrencyMode::SingleWriter);
    let database = builder.open_read_only(path_of(&copy)).map_err(io::Error::other)?;
    visit_rows(&database, attempt, tables, visit)
}

fn visit_rows(
    database: &ReadOnlyDatabase,
    attempt: Attempt,
    tables: &[ByteTable],
    mut visit: impl FnMut(usize, &[u8], &[u8]),
) -> io::Result<()> {
    let transaction = database.begin_read().map_err(io::Error::other)?;
    for (number, table) in tables.iter().enumerate() {
        // A table that is not there, or that cannot be found, has no rows.
        let Ok(table) = transaction.open_table(*table) else {
            continue;
        };
        let Ok(mut rows) = table.iter() else {
            continue;
        };
        let mut next = || match attempt.backward {
            true => rows.next_back(),
            false => rows.next(),
        };
        while let Some(Ok((key, value))) = next() {
            visit(number, key.value(), value.value());
        }
    }
    Ok(())
}

/// A copy of the file in memory, as the attempt wants it.
fn copy(path: &Path, attempt: Attempt) -> io::Result<File> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > FILE_BYTES_MAX {
        return Err(io::Error::other("it is too long to be read as a whole"));
    }
    let mut head = vec![0; FIXED_BYTES];
    let found = read_up_to(&mut file, &mut head)?;
    let flags = head[FLAGS_AT];
    if attempt.fresh_header || found < FIXED_BYTES {
        head = fresh_header()?;
    }
    let slot = (flags & SECOND_SLOT) ^ u8::from(attempt.other_slot);
    head[FLAGS_AT] = (head[FLAGS_AT] & !(SECOND_SLOT | NOT_CLOSED)) | slot;
    let mut copy = in_memory()?;
    copy.write_all(&head)?;
    file.seek(SeekFrom::Start(FIXED_BYTES as u64))?;
    io::copy(&mut file, &mut copy)?;
    if attempt.padded {
        copy.set_len(length.saturating_mul(2))?;
    }
    Ok(copy)
}

fn read_up_to(file: &mut File, into: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < into.len() {
        match file.read(&mut into[read..])? {
            0 => break,
            some => read += some,
        }
    }
    Ok(read)
}

/// What a store that has just been made begins with.
fn fresh_header() -> io::Result<Vec<u8>> {
    let mut made = in_memory()?;
    drop(Database::create(path_of(&made)).map_err(io::Error::other)?);
    let mut head = vec![0; FIXED_BYTES];
    made.seek(SeekFrom::Start(0))?;
    made.read_exact(&mut head)?;
    Ok(head)
}

fn in_memory() -> io::Result<File> {
    Ok(File::from(memfd_create("headland-salvage", MemfdFlags::CLOEXEC)?))
}

/// The engine opens files by their paths only.
fn path_of(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
