//! The one file a daemon keeps its state in.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, StorageError};

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
    /// The file is a store, and cannot be read as one.
    #[error(
        "opening store {}: it is damaged, or newer than this version reads ({reason}); use the version that wrote it, or restore a copy", path.display()
    )]
    Unreadable {
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
/// # Errors
///
/// See [`OpenError`].
pub fn open(path: &Path, cache_bytes: usize) -> Result<Database, OpenError> {
    let failed = |error: io::Error| of_io(path, &error);
    if path.try_exists().map_err(failed)? {
        return create(path, cache_bytes).map_err(|error| of_database(path, error));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    make(path, cache_bytes)
}

/// Makes the store aside and puts it into its place when it is whole: power that fails while it is made must not
/// leave a file that is no store.
fn make(path: &Path, cache_bytes: usize) -> Result<Database, OpenError> {
    let failed = |error: io::Error| of_io(path, &error);
    let aside = aside(path);
    let database = match create(&aside, cache_bytes).map_err(|error| of_database(path, error)) {
        Err(OpenError::NotAStore { .. }) => {
            fs::remove_file(&aside).map_err(failed)?;
            create(&aside, cache_bytes).map_err(|error| of_database(path, error))?
        }
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
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = File::open(parent.unwrap_or(Path::new(".")));
    directory.and_then(|directory| directory.sync_all()).map_err(failed)
}

/// Where a store is made.
fn aside(path: &Path) -> PathBuf {
    let mut aside = OsString::from(path);
    aside.push(".new");
    aside.into()
}

fn create(path: &Path, cache_bytes: usize) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(cache_bytes).create(path)
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
        DatabaseError::Storage(StorageError::Corrupted(reason)) => OpenError::Unreadable { path: path_buf, reason },
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
mod tests {
    use std::io;
    use std::path::Path;

    use redb::{DatabaseError, ReadableDatabase, StorageError, TableDefinition};

    use super::{OpenError, aside, of_database, of_io, open};

    const CACHE_BYTES: usize = 1024 * 1024;
    const NUMBERS: TableDefinition<'_, u64, u64> = TableDefinition::new("numbers");

    #[test]
    fn store_is_created_with_its_parents_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/store.redb");
        let store = open(&path, CACHE_BYTES).unwrap();
        let write = store.begin_write().unwrap();
        write.open_table(NUMBERS).unwrap().insert(1, 2).unwrap();
        write.commit().unwrap();
        drop(store);

        let store = open(&path, CACHE_BYTES).unwrap();
        let read = store.begin_read().unwrap();
        let found = read.open_table(NUMBERS).unwrap().get(1).unwrap().unwrap();
        assert_eq!(found.value(), 2);
    }

    #[test]
    fn store_opened_twice_is_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.redb");
        let _held = open(&path, CACHE_BYTES).unwrap();
        let error = open(&path, CACHE_BYTES).unwrap_err();
        assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("in use by another process"), "{text}");
        assert!(text.contains("control socket"), "{text}");
    }

    #[test]
    fn file_of_something_else_is_not_a_store_and_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        let notes = "buy milk\n".repeat(1_000);
        std::fs::write(&path, &notes).unwrap();
        let error = open(&path, CACHE_BYTES).unwrap_err();
        assert!(matches!(error, OpenError::NotAStore { .. }), "{error:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
    }

    #[test]
    fn store_whose_making_was_broken_off_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.redb");
        std::fs::write(aside(&path), vec![0; 100_000]).unwrap();
        drop(open(&path, CACHE_BYTES).unwrap());
        assert!(!aside(&path).exists());
        drop(open(&path, CACHE_BYTES).unwrap());
    }

    #[test]
    fn newer_file_format_is_unreadable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.redb");
        drop(open(&path, CACHE_BYTES).unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        // Each of the two commit slots of the header starts with its format version.
        for slot in [64, 192] {
            bytes[slot] = 99;
        }
        std::fs::write(&path, &bytes).unwrap();
        let error = open(&path, CACHE_BYTES).unwrap_err();
        assert!(matches!(error, OpenError::Unreadable { .. }), "{error:?}");
    }

    #[test]
    fn parent_that_is_a_file_is_a_failure_of_the_path() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let error = open(&dir.path().join("file/store.redb"), CACHE_BYTES).unwrap_err();
        assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
    }

    #[test]
    fn permission_and_space_have_errors_of_their_own() {
        let path = Path::new("/store");
        let denied = of_io(path, &io::ErrorKind::PermissionDenied.into());
        assert!(matches!(denied, OpenError::Denied { .. }), "{denied:?}");
        let full = DatabaseError::Storage(StorageError::Io(io::ErrorKind::StorageFull.into()));
        let full = of_database(path, full);
        assert!(matches!(full, OpenError::OutOfSpace { .. }), "{full:?}");
    }

    #[test]
    fn older_file_format_names_its_version() {
        let error = of_database(Path::new("/store"), DatabaseError::UpgradeRequired(2));
        assert!(error.to_string().contains("format 2 is older"), "{error}");
    }
}
