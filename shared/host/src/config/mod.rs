//! Reading a program's configuration: one TOML file, then the environment over it.
//!
//! Every key has a default and a line of documentation in the program's table of keys. A key or a
//! variable that is not in the table is an error, because a misspelt setting that is silently
//! ignored costs more than a program that does not start.

mod document;
mod example;
mod override_by_env;
mod spelling;

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use document::Document;
pub use example::example;
pub use override_by_env::environment;

/// What the name of every environment variable of Headland starts with.
pub const VARIABLE_PREFIX: &str = "HEADLAND_";

/// One documented key of a program's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The dotted name, such as `link.keep_alive_s`.
    pub name: &'static str,
    /// The default as TOML text, such as `60` or `"main"`; empty when unset by default.
    pub default: &'static str,
    /// What it sets, in one or more lines.
    pub doc: &'static str,
}

/// Where a program's configuration comes from.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The file read when none is named; it need not exist.
    pub default_path: &'static str,
    /// Every key the file and the environment may hold. A key may hold a whole table or array,
    /// whose inside is then the program's affair.
    pub keys: &'static [Key],
    /// Environment variables that start with [`VARIABLE_PREFIX`] and are no keys.
    pub ignored: &'static [&'static str],
    /// The command that lists the known keys, such as `headland-agent --help`.
    pub documented_by: &'static str,
}

/// Why the configuration could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named does not exist.
    #[error("reading configuration {}: no such file; create it, or name another", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file exists and cannot be read.
    #[error("reading configuration {}: {reason}; make it a text file this user may read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the machine said.
        reason: String,
    },
    /// The file is not TOML.
    #[error("{}:{line}: not TOML: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the parser found.
        reason: String,
    },
    /// The file holds a key that is in no table of keys.
    #[error("{}:{line}: unknown key {key:?}: {hint}", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The dotted name as it was written.
        key: String,
        /// The nearest known key, or where the known keys are listed.
        hint: String,
    },
    /// A value is of the wrong type or out of range.
    #[error("{}:{line}: key {key:?}: {reason}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The dotted name.
        key: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The values do not fit together.
    #[error("reading configuration {}: {reason}", path.display())]
    Whole {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// An environment variable looks like a key and is none.
    #[error("environment: unknown variable {name}: {hint}")]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The nearest variable that is known, or where the keys are listed.
        hint: String,
    },
    /// The value of an environment variable is of the wrong type or out of range.
    #[error("environment: variable {name}: {reason}")]
    Variable {
        /// The variable.
        name: String,
        /// What was found and what was expected.
        reason: String,
    },
}

/// Reads `file`, or the program's default file if that exists, and puts `env` over it.
///
/// A variable `HEADLAND_LINK__KEEP_ALIVE_S` sets the key `link.keep_alive_s`. Its value is read as
/// TOML where that fits the key, and otherwise as a string. `T` must take its defaults itself, by
/// `#[serde(default)]`.
///
/// # Errors
///
/// When a file that was named does not exist, the file is not TOML, or a key, variable or value is
/// not one `T` takes.
pub fn load<T: DeserializeOwned>(
    source: &Source,
    file: Option<&Path>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let path = file.unwrap_or(Path::new(source.default_path));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && file.is_none() => String::new(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ConfigError::Missing {
                path: path.to_path_buf(),
            });
        }
        Err(error) => {
            return Err(ConfigError::Read {
                path: path.to_path_buf(),
                reason: error.to_string(),
            });
        }
    };
    parse(source, path, &text, env)
}

/// Does what [`load`] does with the text of a file that was already read; `path` is for errors.
///
/// # Errors
///
/// As for [`load`], except for a missing file.
pub fn parse<T: DeserializeOwned>(
    source: &Source,
    path: &Path,
    text: &str,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let document = Document::parse(source, path, text)?;
    let from_file = document.read()?;
    let overrides = override_by_env::find(source, env)?;
    if overrides.is_empty() {
        return Ok(from_file);
    }
    override_by_env::apply(document.table()?, &overrides)
}

/// Reads a whole number from `min` to `max`, for `deserialize_with`.
///
/// # Errors
///
/// Names the range.
pub fn within<'de, T: TryFrom<u64>, D: serde::Deserializer<'de>>(from: D, min: u64, max: u64) -> Result<T, D::Error> {
    use serde::Deserialize;
    let number = i64::deserialize(from)?;
    let inside = u64::try_from(number).ok().filter(|number| (min..=max).contains(number));
    let fitting = inside.and_then(|number| T::try_from(number).ok());
    fitting.ok_or_else(|| serde::de::Error::custom(format!("{number} is out of range: use {min} to {max}")))
}
