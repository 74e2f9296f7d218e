//! The one file a daemon keeps its state in.

mod salvage;

pub use salvage::{ATTEMPTS, read_rows};

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redb::{Database, DatabaseError, StorageError};
use rustix::fs::Access;

/// How long another process may go on holding the file that is to be opened: a command that looks at it while no daemon
/// runs is done sooner, and must not keep one from starting.
const HELD_MAX: Duration = Duration::from_secs(1);
/// How often it is tried again meanwhile.
const HELD_STEP: Duration = Duration::from_millis(20);

/// Why the store file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the file.
    #[error(
        "opening store {}: it is in use by another process; stop that process, or use its control socket", path.display()
    )]
    InUse {
        /// The store file.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error(
        "opening store {}: it is not a Headland store; name another path, or move that file away", path.display()
    )]
    NotAStore {
        /// The store file.
        path: PathBuf,
    },
    /// The file is of a format this version does not read.
    #[error(
        "opening store {}: its file format {version} is older than this version reads; use the version that wrote it", path.display()
    )]
    OldFormat {
        /// The store file.
        path: PathBuf,
        /// The format the file says it has.
        version: u8,
    },
    /// The file is of a format that only newer versions read.
    #[error(
        "opening store {}: its file format {version} is newer than this version reads; use the version that wrote it", path.display()
    )]
    NewerFormat {
        /// The store file.
        path: PathBuf,
        /// The format the file says it has.
        version: u8,
    },
    /// The file was a store, and is not whole any more.
    #[error("opening store {}: it is damaged ({reason})", path.display())]
    Damaged {
        /// The store file.
        path: PathBuf,
        /// What the storage engine found.
        reason: String,
    },
    /// This user may not open or create the file.
    #[error(
        "opening store {}: permission denied; run as the user who owns it, or name another path", path.display()
    )]
    Denied {
        /// The store file.
        path: PathBuf,
    },
    /// The file system is full.
    #[error(
        "opening store {}: no space left on its file system; free some, or name another path", path.display()
    )]
    OutOfSpace {
        /// The store file.
        path: PathBuf,
    },
    /// The machine failed in some other way.
    #[error("opening store {}: {reason}; check the path and its file system", path.display())]
    Io {
        /// The store file.
        path: PathBuf,
        /// What the machine said.
        reason: String,
    },
}

/// Opens the store file at `path`, or creates it with its parent directories.
///
/// The store engine keeps up to `cache_bytes` bytes of it in memory. Until the database is
/// dropped, no other process can open the file.
///
/// A file that was closed properly is trusted: the engine may panic on one that was damaged since.
///
/// # Errors
///
/// See [`OpenError`].
pub fn open(path: &Path, cache_bytes: usize) -> Result<Database, OpenError> {
    open_as(path, cache_bytes, Trust::AsClosed)
}

/// Does what [`open`] does, and reads all of the file first to see that it is as it was written.
///
/// # Errors
///
/// See [`OpenError`]; a file that was damaged gives [`OpenError::Damaged`] and is left as it is.
pub fn open_checked(path: &Path, cache_bytes: usize) -> Result<Database, OpenError> {
    open_as(path, cache_bytes, Trust::Nothing)
}

/// Opens a store file by `open`, and tries again for a second at most while another process has it.
///
/// # Errors
///
/// Those of `open`.
pub fn when_let_go(open: impl Fn() -> Result<Database, OpenError>) -> Result<Database, OpenError> {
    let begun = Instant::now();
    loop {
        match open() {
            Err(OpenError::InUse { .. }) if begun.elapsed() < HELD_MAX => std::thread::sleep(HELD_STEP),
            opened => return opened,
        }
    }
}

/// What is believed of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// That it is as it was when it was closed.
    AsClosed,
    /// Each page is checked.
    Nothing,
}

fn open_as(path: &Path, cache_bytes: usize, trust: Trust) -> Result<Database, OpenError> {
    let failed = |error: io::Error| of_io(path, &error);
    if path.try_exists().map_err(failed)? {
        // The engine would take it for a place to make a store in; file systems leave such files after power cuts.
        if trust == Trust::Nothing && fs::metadata(path).map_err(failed)?.len() == 0 {
            let (path, reason) = (path.to_path_buf(), "it is empty".to_owned());
            return Err(OpenError::Damaged { path, reason });
        }
        return create(path, cache_bytes, trust).map_err(|error| of_existing(path, error));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    make(path, cache_bytes)
}

/// Whether this user could make a store file at `path`: says yes where [`open`] would make it and its parent directories.
///
/// # Errors
///
/// What hinders it.
pub fn can_be_made(path: &Path) -> Result<(), OpenError> {
    let directory = nearest_directory(path);
    rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| of_io(path, &error.into()))
}

/// How many bytes a user without privileges may still write on the file system of the store at `path`.
///
/// # Errors
///
/// What the machine says.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let room = rustix::fs::statvfs(nearest_directory(path))?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

/// The directory of a file, or of those above it the first that is there.
fn nearest_directory(path: &Path) -> &Path {
    let mut above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
    above.find(|above| above.is_dir()).unwrap_or(Path::new("."))
}

/// Makes the store aside and puts it into its place when it is whole: power that fails while it is made must not
/// leave a file that is no store.
fn make(path: &Path, cache_bytes: usize) -> Result<Database, OpenError> {
    let aside = aside(path);
    let database = match create(&aside, cache_bytes, Trust::AsClosed).map_err(|error| of_existing(&aside, error)) {
        Err(OpenError::NotAStore { .. } | OpenError::Damaged { .. }) => make_aside(path, cache_bytes)?,
        other => other?,
    };
    put_in_place(&aside, path)?;
    Ok(database)
}

/// Gives the store at `aside`, which is whole and in the same directory, the name `path`, whatever had that name before.
/// It has it durably when this returns.
///
/// # Errors
///
/// See [`OpenError`].
pub fn put_in_place(aside: &Path, path: &Path) -> Result<(), OpenError> {
    let failed = |error: io::Error| of_io(path, &error);
    fs::rename(aside, path).map_err(failed)?;
    sync_directory(path).map_err(failed)
}

/// Makes a new store beside the one at `path`, which [`replace`] puts into its place.
///
/// # Errors
///
/// See [`OpenError`].
pub fn make_aside(path: &Path, cache_bytes: usize) -> Result<Database, OpenError> {
    let aside = aside(path);
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(of_io(path, &error)),
        _ => {}
    }
    create(&aside, cache_bytes, Trust::AsClosed).map_err(|error| of_database(path, error))
}

/// Moves the store at `path` to `name`, and the one that [`make_aside`] has made into its place. Where power fails in
/// between, [`open`] does the rest.
///
/// # Errors
///
/// What the machine says.
pub fn replace(path: &Path, name: &Path) -> Result<(), OpenError> {
    let failed = |error: io::Error| of_io(path, &error);
    fs::rename(path, name).map_err(failed)?;
    fs::rename(aside(path), path).map_err(failed)?;
    sync_directory(path).map_err(failed)
}

/// What a damaged store is called from `moment` on, such as `agent.redb.corrupt-2026-11-27T18-20-05`: a name that no other
/// file has.
#[must_use]
pub fn name_of_damaged(path: &Path, moment: &str) -> PathBuf {
    let moment: String = moment
        .chars()
        .take_while(|c| *c != '.')
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let named = |tail: String| {
        let mut name = OsString::from(path);
        name.push(format!(".corrupt-{moment}{tail}"));
        PathBuf::from(name)
    };
    let names = std::iter::once(String::new()).chain((2_u32..).map(|number| format!("-{number}")));
    let mut free = names.map(named).filter(|name| fs::symlink_metadata(name).is_err());
    free.next().unwrap_or_else(|| named(String::new()))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new("."))).and_then(|directory| directory.sync_all())
}

/// Where a store is made.
fn aside(path: &Path) -> PathBuf {
    let mut aside = OsString::from(path);
    aside.push(".new");
    aside.into()
}

fn create(path: &Path, cache_bytes: usize, trust: Trust) -> Result<Database, DatabaseError> {
    Database::builder()
        .set_cache_size(cache_bytes)
        .set_check_integrity_on_open(trust == Trust::Nothing)
        .create(path)
}

/// Why a file that is there cannot be opened.
fn of_existing(path: &Path, error: DatabaseError) -> OpenError {
    let damaged = |reason: String| OpenError::Damaged {
        path: path.to_path_buf(),
        reason,
    };
    let begin = begin_of(path).unwrap_or_default();
    match error {
        DatabaseError::Storage(StorageError::Corrupted(reason)) => match newer_format(&begin) {
            Some(version) => OpenError::NewerFormat {
                path: path.to_path_buf(),
                version,
            },
            None => damaged(reason),
        },
        DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
            io::ErrorKind::InvalidData if !is_text(&begin) => damaged("it does not begin as a store does".to_owned()),
            io::ErrorKind::UnexpectedEof => damaged("it lacks its end".to_owned()),
            _ => of_io(path, &error),
        },
        other => of_database(path, other),
    }
}

/// How much of a file is looked at to tell what it is.
const BEGIN_BYTES: u64 = 4096;
/// What a store begins with, and where each of its two commit slots has the format of the file.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";
const FORMATS_AT: [usize; 2] = [64, 192];
/// The format that this version of the engine writes.
const FORMAT: u8 = 3;

fn begin_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    File::open(path)?.take(BEGIN_BYTES).read_to_end(&mut begin)?;
    Ok(begin)
}

/// The format of a file whose both slots say that they are newer.
fn newer_format(begin: &[u8]) -> Option<u8> {
    let [first, second] = FORMATS_AT.map(|at| begin.get(at).copied());
    let newer = begin.starts_with(MAGIC) && first == second;
    first.filter(|format| newer && *format > FORMAT)
}

/// Whether people or programs wrote this as text: then it is not a store that was damaged.
fn is_text(begin: &[u8]) -> bool {
    if begin.iter().zip(MAGIC).all(|(found, wanted)| found == wanted) {
        // The first bytes of a store that was cut off, which are letters.
        return false;
    }
    let whole = match std::str::from_utf8(begin) {
        Ok(text) => text,
        // The last letter may be cut off.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&begin[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !whole
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn of_database(path: &Path, error: DatabaseError) -> OpenError {
    let path_buf = path.to_path_buf();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::InUse { path: path_buf },
        DatabaseError::UpgradeRequired(version) => OpenError::OldFormat {
            path: path_buf,
            version,
        },
        DatabaseError::Storage(StorageError::Io(error)) => of_io(path, &error),
        DatabaseError::Storage(StorageError::Corrupted(reason)) => OpenError::Damaged { path: path_buf, reason },
        other => OpenError::Io {
            path: path_buf,
            reason: other.to_string(),
        },
    }
}

fn of_io(path: &Path, error: &io::Error) -> OpenError {
    let path = path.to_path_buf();
    match error.kind() {
        io::ErrorKind::InvalidData => OpenError::NotAStore { path },
        io::ErrorKind::PermissionDenied => OpenError::Denied { path },
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => OpenError::OutOfSpace { path },
        _ => OpenError::Io {
            path,
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
