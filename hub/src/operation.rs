//! What people do to the registry: the same whether the hub runs or only its store is there.

use crate::import_file::{ImportFileError, read_file};
use crate::registry::{ImportError, ImportOptions, ImportReport, Removals, RevertError, RevertReport, import, revert};
use crate::replica::Replica;
use headland_shared::epoch::Seq;
use headland_shared::name::{NameError, Namespace};
use headland_shared::session::Now;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The most files of one import: a catalogue comes in a handful.
const FILES_MAX: usize = 256;

/// An import as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportWish {
    /// The files, on the hub's own machine.
    pub(crate) files: Vec<PathBuf>,
    /// The namespace of records that name none.
    pub(crate) namespace: String,
    #[serde(default)]
    pub(crate) allow_removals: bool,
    #[serde(default)]
    pub(crate) register: bool,
    #[serde(default)]
    pub(crate) dry_run: bool,
}

/// A revert as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevertWish {
    /// The commit to take back.
    pub(crate) seq: u64,
}

/// Why an operation was refused. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperationError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] ImportFileError),
    /// The namespace cannot be used.
    #[error("importing: {0}; use --namespace with a plain name")]
    Namespace(#[from] NameError),
    /// Too many files, or none.
    #[error("importing: {0} files; name at least one, and at most {FILES_MAX}")]
    Files(usize),
    /// The import was refused.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The revert was refused.
    #[error(transparent)]
    Revert(#[from] RevertError),
}

impl OperationError {
    /// Whether the store, not the wish, is at fault.
    pub(crate) fn is_internal(&self) -> bool {
        matches!(
            self,
            Self::Import(ImportError::Store(_)) | Self::Revert(RevertError::Store(_) | RevertError::Stored { .. })
        )
    }
}

/// Reads the files and commits the difference.
pub(crate) fn perform_import(
    replica: &mut Replica,
    wish: &ImportWish,
    now: Now,
) -> Result<ImportReport, OperationError> {
    if wish.files.is_empty() || wish.files.len() > FILES_MAX {
        return Err(OperationError::Files(wish.files.len()));
    }
    let namespace = Namespace::new(wish.namespace.clone())?;
    let mut records = Vec::new();
    let mut names = Vec::new();
    for file in &wish.files {
        records.extend(read_file(file, &namespace)?);
        names.push(
            file.file_name()
                .unwrap_or(file.as_os_str())
                .to_string_lossy()
                .into_owned(),
        );
    }
    let options = ImportOptions {
        removals: if wish.allow_removals {
            Removals::Allowed
        } else {
            Removals::Braked
        },
        register: wish.register,
        dry_run: wish.dry_run,
        origin: names.join(", "),
    };
    Ok(import(replica, records, &options, now)?)
}

/// Takes a commit back.
pub(crate) fn perform_revert(
    replica: &mut Replica,
    wish: RevertWish,
    now: Now,
) -> Result<RevertReport, OperationError> {
    Ok(revert(replica, Seq(wish.seq), now)?)
}
