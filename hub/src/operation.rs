//! What people do to the registry: the same whether the hub runs or only its store is there.

use crate::following::Leader;
use crate::import_file::{ImportFileError, ImportedRecord, read_file};
use crate::registry::{
    ImportError, ImportOptions, ImportReport, Put, PutError, PutReport, Removals, RevertError, RevertReport, import,
    put, revert,
};
use crate::replica::{CommitError, Replica};
use headland_host::tables::StoreError;
use headland_shared::epoch::Seq;
use headland_shared::name::{NameError, Namespace, ReplicaName};
use headland_shared::session::Now;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The most files of one import: a catalogue comes in a handful.
const FILES_MAX: usize = 256;
/// How many files the history names; the rest is counted.
const FILES_NAMED_MAX: usize = 4;

/// An import as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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

/// An import whose files are read.
#[derive(Debug)]
pub(crate) struct ReadImport {
    records: Vec<ImportedRecord>,
    options: ImportOptions,
}

/// A revert as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct RevertWish {
    /// The commit to take back.
    pub(crate) seq: u64,
}

/// Which version is current, or what an alias names, as it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionWish {
    /// A version that the model has; for an alias also a list of `{version, labels}`.
    pub(crate) version: serde_json::Value,
}

/// What a version is to be approved as.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalWish {
    /// The outcome, such as `approved`; `revoked` is for ever.
    pub(crate) status: String,
}

/// What only a person can decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "decision", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Decision {
    /// The one store that speaks from now on under this name is the right one.
    Unfence {
        /// The agent.
        agent: String,
    },
    /// What the hub holds since it was restored is what the registry shall hold.
    ConfirmRestored,
}

/// What became of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Decided {
    /// Whether there was anything to decide.
    pub(crate) was_open: bool,
}

/// Why an operation was refused. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OperationError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] ImportFileError),
    /// The path would mean something else to the hub.
    #[error("importing {}: the hub needs the whole path; begin it with \"/\"", .0.display())]
    Relative(PathBuf),
    /// The namespace cannot be used.
    #[error("importing: {0}; use --namespace with a plain name")]
    Namespace(#[from] NameError),
    /// Too many files, or none.
    #[error("importing: {0} files; name at least one, and at most {FILES_MAX}")]
    Files(usize),
    /// The registry is another hub's.
    #[error("changing the registry: this hub follows the one of {}; do it there", .0.named())]
    Follows(Leader),
    /// The registry is this hub's own.
    #[error("releasing: this hub has its own registry, and follows no other; nothing is held")]
    NotFollowing,
    /// Nothing waits for a person.
    #[error("releasing: nothing is held; `headland-hub status` says how the following stands")]
    NothingHeld,
    /// The import was refused.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The revert was refused.
    #[error(transparent)]
    Revert(#[from] RevertError),
    /// The put was refused.
    #[error(transparent)]
    Put(#[from] PutError),
    /// No agent has such a name.
    #[error("deciding about an agent: {0}; `headland-hub status` lists the agents")]
    Agent(NameError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Does what a person has decided.
pub(crate) fn perform_decision(replica: &mut Replica, decision: &Decision) -> Result<Decided, OperationError> {
    let was_open = match decision {
        Decision::Unfence { agent } => replica.unfence(&ReplicaName::parse(agent).map_err(OperationError::Agent)?)?,
        Decision::ConfirmRestored => replica.confirm_restored()?,
    };
    Ok(Decided { was_open })
}

impl OperationError {
    /// Whether the store, not the wish, is at fault.
    pub(crate) fn is_internal(&self) -> bool {
        match self {
            Self::Import(ImportError::Store(_))
            | Self::Revert(RevertError::Store(_) | RevertError::Stored { .. })
            | Self::Put(PutError::Store(_)) => true,
            Self::Import(ImportError::Commit(error))
            | Self::Revert(RevertError::Commit(error))
            | Self::Put(PutError::Commit(error)) => {
                matches!(error, CommitError::Store(_) | CommitError::Stored { .. })
            }
            Self::Store(_) => true,
            Self::File(_)
            | Self::Agent(_)
            | Self::Relative(_)
            | Self::Namespace(_)
            | Self::Files(_)
            | Self::Follows(_)
            | Self::NotFollowing
            | Self::NothingHeld
            | Self::Import(_)
            | Self::Revert(_)
            | Self::Put(_) => false,
        }
    }
}

impl ImportWish {
    /// Reads the files, which takes no replica.
    pub(crate) fn read(&self) -> Result<ReadImport, OperationError> {
        if self.files.is_empty() || self.files.len() > FILES_MAX {
            return Err(OperationError::Files(self.files.len()));
        }
        if let Some(file) = self.files.iter().find(|file| !file.is_absolute()) {
            return Err(OperationError::Relative(file.clone()));
        }
        let namespace = Namespace::new(self.namespace.clone())?;
        let mut records = Vec::new();
        for file in &self.files {
            records.append(&mut read_file(file, &namespace)?);
        }
        let options = ImportOptions {
            removals: if self.allow_removals {
                Removals::Allowed
            } else {
                Removals::Braked
            },
            register: self.register,
            dry_run: self.dry_run,
            origin: self.origin(),
        };
        Ok(ReadImport { records, options })
    }

    /// What the history calls it.
    fn origin(&self) -> String {
        let name = |file: &PathBuf| {
            file.file_name()
                .unwrap_or(file.as_os_str())
                .to_string_lossy()
                .into_owned()
        };
        let mut names: Vec<String> = self.files.iter().take(FILES_NAMED_MAX).map(name).collect();
        let more = self.files.len().saturating_sub(FILES_NAMED_MAX);
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        names.join(", ")
    }
}

/// Commits the difference.
pub(crate) fn perform_import(
    replica: &mut Replica,
    read: ReadImport,
    now: Now,
) -> Result<ImportReport, OperationError> {
    Ok(import(replica, read.records, &read.options, now)?)
}

/// Takes a commit back.
pub(crate) fn perform_revert(
    replica: &mut Replica,
    wish: RevertWish,
    now: Now,
) -> Result<RevertReport, OperationError> {
    Ok(revert(replica, Seq(wish.seq), now)?)
}

/// Has the registry say something of one element.
pub(crate) fn perform_put(replica: &mut Replica, wish: &Put, now: Now) -> Result<PutReport, OperationError> {
    Ok(put(replica, wish, now)?)
}
