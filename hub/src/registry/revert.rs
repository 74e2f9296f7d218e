//! Reverts: a new commit that takes an earlier one back, as far as nobody has changed the same since.

use super::UNDOS_MAX;
use super::change::{Outcome, RegistryCommit, Wanted, decode};
use crate::replica::{Commit, CommitError, Replica};
use crate::store::Origin;
use headland_host::tables::StoreError;
use headland_shared::bytes::DecodeError;
use headland_shared::epoch::{Position, Seq};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::session::Now;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a revert did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RevertReport {
    /// The commit's seq; nothing when there was nothing left to take back.
    pub seq: Option<u64>,
    /// Models that are back.
    pub new: u64,
    /// Models that changed back.
    pub changed: u64,
    /// Models that are gone again.
    pub gone: u64,
    /// Elements that were changed again since, and are left alone.
    pub left_alone: u64,
}

/// Why a commit was not reverted. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum RevertError {
    /// The commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such commit, or it is too old.
    #[error("reverting {0}: no such commit, or older than the latest {UNDOS_MAX}; `headland-hub history` lists them")]
    Unknown(Seq),
    /// What it replaced cannot be read.
    #[error("reverting {seq}: what it replaced cannot be read ({source})")]
    Stored {
        /// The commit.
        seq: Seq,
        /// What is wrong.
        source: DecodeError,
    },
}

/// An element's key, and its value before.
type Replaced = (Vec<u8>, Option<Vec<u8>>);

/// Takes the commit at `seq` back by a new commit.
pub fn revert(replica: &mut Replica, seq: Seq, now: Now) -> Result<RevertReport, RevertError> {
    let (mut report, committed) = replica.commit(now, |commit| build(commit, seq, now))?;
    report.seq = committed.map(|committed| committed.seq.0);
    Ok(report)
}

fn build(commit: &mut Commit<'_, '_>, seq: Seq, now: Now) -> Result<RevertReport, RevertError> {
    let unknown = || RevertError::Unknown(seq);
    let undo = commit.tables.undo(seq)?.ok_or_else(unknown)?;
    let row = commit.tables.commit(seq)?.ok_or_else(unknown)?;
    let written = Position {
        life: commit.numbers.life,
        number: row.revision,
    };
    let stored = |source| RevertError::Stored { seq, source };
    let mut records: BTreeMap<Vec<u8>, Vec<Replaced>> = BTreeMap::new();
    for one in undo {
        records.entry(one.record).or_default().push((one.element, one.before));
    }
    let mut report = RevertReport::default();
    let mut registry = RegistryCommit::begin(commit, now)?;
    for (record, elements) in records {
        let record = RecordKey::decode(&record).map_err(stored)?;
        let held = registry.held(&record)?;
        let mut wanted = Vec::new();
        for (element, before) in elements {
            let key = ElementKey::decode(&element).map_err(stored)?;
            let released = matches!(key, ElementKey::Version(_));
            if held.position(&element) != Some(written) || released {
                report.left_alone += 1;
                continue;
            }
            wanted.push(Wanted::new(key, before.as_deref().and_then(decode)));
        }
        match registry.set(&record, &held, wanted)? {
            Outcome::New => report.new += 1,
            Outcome::Changed => report.changed += 1,
            Outcome::Gone => report.gone += 1,
            Outcome::Unchanged => {}
        }
    }
    if report.new + report.changed + report.gone > 0 {
        registry.finish(Origin::Revert(seq.0))?;
    }
    Ok(report)
}
