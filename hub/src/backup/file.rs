//! The file that a backup is kept in.

use super::About;
use super::block::{BlockError, Blocks, rows_of};
use crate::store::Rows;
use headland_host::tables::StoreError;
use headland_shared::stamp::utc;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// For the owner alone: a backup holds all that the store holds.
const MODE: u32 = 0o600;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupFileError {
    /// A file is there.
    #[error("backing up to {}: a file is there already; name another, or move that one away", .0.display())]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("backing up to {}: {reason}; check the directory and its space", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the machine said.
        reason: io::Error,
    },
    /// The store cannot be read.
    #[error("backing up: {0}")]
    Store(#[from] StoreError),
    /// It cannot be read.
    #[error("reading backup {}: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: BlockError,
    },
}

/// A file that becomes a backup: it has its name once it is whole.
#[derive(Debug)]
pub(crate) struct BackupFile {
    file: File,
    aside: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl BackupFile {
    /// Begins the file at `path`; in a directory it is named after the region and the moment.
    pub(crate) fn begin(path: &Path, region: &str, now_ms: u64) -> Result<Self, BackupFileError> {
        let path = match path.is_dir() {
            true => {
                let moment = utc(now_ms).unwrap_or_default().replace(':', "");
                path.join(format!("headland-hub-{region}-{moment}.backup"))
            }
            false => path.to_path_buf(),
        };
        if path.symlink_metadata().is_ok() {
            return Err(BackupFileError::Exists(path));
        }
        let mut aside = OsString::from(&path);
        aside.push(".new");
        let aside = PathBuf::from(aside);
        let opened = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(&aside);
        match opened {
            Ok(file) => Ok(Self {
                file,
                aside,
                path,
                finished: false,
            }),
            Err(reason) => Err(BackupFileError::Write { path, reason }),
        }
    }

    /// Appends a piece.
    pub(crate) fn put(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }

    /// Why it could not be written.
    pub(crate) fn failed(&self, reason: io::Error) -> BackupFileError {
        BackupFileError::Write {
            path: self.path.clone(),
            reason,
        }
    }

    /// Reads all of it again, and gives it its name when it is what was written: the name, what it says of itself, and
    /// its length in bytes.
    pub(crate) fn finish(mut self) -> Result<(PathBuf, About, u64), BackupFileError> {
        self.file.sync_all().map_err(|reason| self.failed(reason))?;
        let bytes = self.file.metadata().map_err(|reason| self.failed(reason))?.len();
        let mut reading = Reading::begin(&self.aside)?;
        while reading.next()?.is_some() {}
        fs::rename(&self.aside, &self.path).map_err(|reason| self.failed(reason))?;
        self.finished = true;
        Ok((self.path.clone(), reading.about, bytes))
    }
}

impl Drop for BackupFile {
    fn drop(&mut self) {
        if !self.finished {
            // What is not whole is of no use to anybody; one that stays behind is written over.
            let _ = fs::remove_file(&self.aside);
        }
    }
}

/// A backup that is read.
#[derive(Debug)]
pub(super) struct Reading {
    path: PathBuf,
    blocks: Blocks<BufReader<File>>,
    pub(super) about: About,
}

impl Reading {
    /// Reads what a backup says of itself.
    pub(super) fn begin(path: &Path) -> Result<Self, BackupFileError> {
        let failed = |reason| BackupFileError::Read {
            path: path.to_path_buf(),
            reason,
        };
        let file = File::open(path).map_err(|error| failed(error.into()))?;
        let mut blocks = Blocks::begin(BufReader::new(file)).map_err(failed)?;
        let first = blocks.next().map_err(failed)?.unwrap_or_default();
        let about = serde_json::from_slice(&first);
        let about = about.map_err(|_| failed(BlockError::Damaged("it does not say what it is")))?;
        Ok(Self {
            path: path.to_path_buf(),
            blocks,
            about,
        })
    }

    /// The next rows; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Rows>, BackupFileError> {
        let rows = self.blocks.next();
        let rows = rows.and_then(|body| body.map(|body| rows_of(&body)).transpose());
        rows.map_err(|reason| BackupFileError::Read {
            path: self.path.clone(),
            reason,
        })
    }
}
