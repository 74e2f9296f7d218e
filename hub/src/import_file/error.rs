//! What can be wrong with an import file.

use std::io;
use std::path::PathBuf;

use headland_shared::key::RecordKey;
use headland_shared::name::{NameError, VersionName};

use super::FILE_BYTES_MAX;
use super::value::ValueError;

const MEBIBYTE: u64 = 1024 * 1024;

/// How much of a wrong text an error repeats: enough to find it, never a megabyte of log.
const SHOWN_CHARS_MAX: usize = 80;

/// The part of `text` that an error repeats.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

/// What the JSON reader found wrong, without the place, which is ours to tell.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).to_string()
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ImportFileError {
    /// The system did not give the file's content.
    #[error("reading {}; check that it is a file and that the hub may read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is too large to be held in memory.
    #[error(
        "reading {}: it has more than {} MiB; split it into smaller files and import them one by one",
        path.display(), FILE_BYTES_MAX / MEBIBYTE
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is in some other encoding.
    #[error("{}:{line}: not utf-8 text; save the file in UTF-8, without compression", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The first line that is not UTF-8.
        line: usize,
    },
    /// There is nothing to import.
    #[error(
        "{}: holds no records; check that it is the file you meant and that its export was complete",
        path.display()
    )]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file is of neither kind.
    #[error(
        "{}:{line}:{column}: neither of the files that can be imported ({reason}); give either one \
         record a line, each an object with at least `id` (text) and `attributes` (an object), or \
         one JSON object as a whole that holds an object of attributes by model id",
        path.display()
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// Where it ceases to be one object by model id.
        line: usize,
        /// The column there.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A line is not JSON.
    #[error(
        "{}:{line}:{column}: not json ({reason}); write one complete object on each line",
        path.display()
    )]
    Json {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A line is no valid record.
    #[error("{}:{line}: {problem}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong with it.
        problem: RecordError,
    },
    /// Two lines are about one model.
    #[error(
        "{}:{line}: {key} is already on line {line_first}; keep one of the two lines",
        path.display()
    )]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// The second line.
        line: usize,
        /// The first line.
        line_first: usize,
        /// The model.
        key: RecordKey,
    },
    /// A model of a price file is not valid.
    #[error("{}:{line}: model {model:?}: {problem}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// The line of what is wrong.
        line: usize,
        /// The model's id.
        model: String,
        /// What is wrong with it.
        problem: RecordError,
    },
}

/// Why one record is not valid.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A line holds JSON of another kind.
    #[error("{place} is not an object; write one with the fields {known}")]
    NotObject {
        /// What it should have been.
        place: &'static str,
        /// The fields that it could have.
        known: String,
    },
    /// A model of a price file is something other than an object.
    #[error(
        "not an object of attributes; write the attributes as an object, or, if this is a file of \
         one record a line, make its first line one complete object with `id` (text) and \
         `attributes` (an object)"
    )]
    NotAttributes,
    /// A field that nobody would read.
    #[error("{place} has the unknown field {field:?}; remove it, or rename it to one of {known}")]
    UnknownField {
        /// What has the field.
        place: &'static str,
        /// The field.
        field: String,
        /// The fields that it could have.
        known: String,
    },
    /// A field that must be there.
    #[error("{place} has no `{field}`; add it as {expected}")]
    MissingField {
        /// What lacks the field.
        place: &'static str,
        /// The field.
        field: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// A field holds a value of the wrong kind.
    #[error("`{field}` of {place} is of another kind; write it as {expected}")]
    FieldKind {
        /// What has the field.
        place: &'static str,
        /// The field.
        field: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// A name may not be used.
    #[error("{0}; correct it")]
    Name(#[from] NameError),
    /// A value may not be used.
    #[error("{what} {problem}")]
    Value {
        /// What has the value.
        what: String,
        /// What is wrong with it.
        problem: ValueError,
    },
    /// A version is there twice.
    #[error("version {version} is listed twice; keep one of the two")]
    DuplicateVersion {
        /// The version.
        version: VersionName,
    },
    /// A version is named that the record does not have.
    #[error(
        "{what} names version {version}, which the record does not list; add the version to \
         `versions`, or name one that is there"
    )]
    VersionNotListed {
        /// What names it.
        what: String,
        /// The version.
        version: VersionName,
    },
}
