//! Reading a file of model records that an operator imports into a region.
//!
//! Two kinds of file are taken, told apart by what they hold: records of Headland's own, one JSON
//! object a line, and the price file that LiteLLM publishes, one JSON object by model id.

mod error;
mod prices;
mod record;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use headland_shared::key::RecordKey;
use headland_shared::name::{AliasName, ApprovalName, AttributeName, Namespace, VersionName};
use headland_shared::resolve::AliasTarget;
use headland_shared::value::Value;

pub use error::{ImportFileError, RecordError};
pub use value::{ValueError, value_of};

/// The largest file taken, in bytes. It is held in memory while it is read; the largest real
/// catalogue seen has 3 MiB, and a hub runs on machines with little more than 1 GiB.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Editors on Windows put this before the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// One version of an imported model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedVersion {
    /// Its name.
    pub version: VersionName,
    /// What it consists of: always a map.
    pub manifest: Value,
    /// What it is approved for, and with which outcome.
    pub approvals: BTreeMap<ApprovalName, String>,
}

/// One record, as the file tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedRecord {
    /// Whose model, and its name.
    pub key: RecordKey,
    /// Its attributes; those that the file gives as null are absent.
    pub attributes: BTreeMap<AttributeName, Value>,
    /// Its versions in the file's order, each name once.
    pub versions: Vec<ImportedVersion>,
    /// The current version: one of `versions`.
    pub current: Option<VersionName>,
    /// Further names of versions, all of them of `versions`.
    pub aliases: BTreeMap<AliasName, AliasTarget>,
}

/// Reads every record of the file at `path`, or none: the first mistake in it ends the import.
/// Records that name no namespace get `namespace_default`. No two of the records returned have the
/// same key, and there is at least one.
pub fn read_file(path: &Path, namespace_default: &Namespace) -> Result<Vec<ImportedRecord>, ImportFileError> {
    let whole = read_text(path)?;
    let text = whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&whole);
    let Some(first) = text.lines().find(|line| !line.trim().is_empty()) else {
        return Err(ImportFileError::Empty { path: path.into() });
    };
    let records = if record::is_record(first) {
        record::read(path, text, namespace_default)?
    } else {
        prices::read(path, text, namespace_default)?
    };
    if records.is_empty() {
        return Err(ImportFileError::Empty { path: path.into() });
    }
    Ok(records)
}

fn read_text(path: &Path) -> Result<String, ImportFileError> {
    let failed = |source| ImportFileError::Read {
        path: path.into(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let declared = file.metadata().map_err(failed)?.len();
    if declared > FILE_BYTES_MAX {
        return Err(ImportFileError::TooLarge { path: path.into() });
    }
    let mut bytes = Vec::new();
    // A pipe declares no length, and a file may grow while it is read.
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(ImportFileError::TooLarge { path: path.into() });
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(valid);
        ImportFileError::NotUtf8 {
            path: path.into(),
            line: before.filter(|byte| **byte == b'\n').count() + 1,
        }
    })
}
