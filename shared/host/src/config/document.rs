//! The configuration file with the place of each key in it.

use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use super::{ConfigError, Source, spelling};

/// One known key as it stands in the file.
struct Entry {
    name: String,
    key_at: usize,
    value_span: Range<usize>,
}

/// A file whose keys are all known.
pub(super) struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    entries: Vec<Entry>,
}

/// What is wrong with a key, before its line is known.
struct Misfit {
    at: usize,
    name: String,
    /// Set where the key is known to be a table and holds something else.
    not_a_table: Option<&'static str>,
}

impl<'a> Document<'a> {
    pub(super) fn parse(source: &Source, path: &'a Path, text: &'a str) -> Result<Self, ConfigError> {
        let root = DeTable::parse(text).map_err(|error| syntax_error(path, text, &error))?;
        let mut walk = Walk {
            source,
            entries: Vec::new(),
            misfits: Vec::new(),
        };
        walk.table(root.get_ref(), "");
        let first = walk.misfits.into_iter().min_by_key(|misfit| misfit.at);
        match first {
            None => Ok(Self {
                path,
                text,
                entries: walk.entries,
            }),
            Some(misfit) => Err(misfit_error(source, path, text, misfit)),
        }
    }

    /// The configuration this file alone makes.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        toml::from_str(self.text).map_err(|error| self.value_error(&error))
    }

    /// The file as a table without places.
    pub(super) fn table(&self) -> Result<toml::Table, ConfigError> {
        self.read()
    }

    fn value_error(&self, error: &toml::de::Error) -> ConfigError {
        let path = self.path.to_path_buf();
        let reason = one_line(error.message());
        let found = error.span().and_then(|span| {
            let entry = self.entries.iter().find(|entry| entry.holds(&span))?;
            Some((span.start, entry.name.clone()))
        });
        match found {
            Some((at, key)) => ConfigError::Value {
                path,
                line: line_of(self.text, at),
                key,
                reason,
            },
            None => ConfigError::Whole { path, reason },
        }
    }
}

impl Entry {
    fn holds(&self, span: &Range<usize>) -> bool {
        let in_value = self.value_span.start <= span.start && span.end <= self.value_span.end;
        in_value || span.start == self.key_at
    }
}

struct Walk<'s> {
    source: &'s Source,
    entries: Vec<Entry>,
    misfits: Vec<Misfit>,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (key, value) in table {
            let name = format!("{prefix}{}", written(key.get_ref()));
            let at = key.span().start;
            if self.source.keys.iter().any(|known| known.name == name) {
                self.entries.push(Entry {
                    name,
                    key_at: at,
                    value_span: value.span(),
                });
                continue;
            }
            let inside = format!("{name}.");
            let is_table = self.source.keys.iter().any(|known| known.name.starts_with(&inside));
            match value.get_ref() {
                DeValue::Table(table) if is_table => self.table(table, &inside),
                other => self.misfits.push(Misfit {
                    at,
                    name,
                    not_a_table: is_table.then(|| other.type_str()),
                }),
            }
        }
    }
}

/// A part of a dotted name, in quotes where it holds a dot itself.
fn written(part: &str) -> String {
    if part.contains('.') {
        format!("\"{part}\"")
    } else {
        part.to_owned()
    }
}

fn misfit_error(source: &Source, path: &Path, text: &str, misfit: Misfit) -> ConfigError {
    let path = path.to_path_buf();
    let line = line_of(text, misfit.at);
    match misfit.not_a_table {
        None => ConfigError::UnknownKey {
            path,
            line,
            hint: spelling::hint_for_key(source, &misfit.name),
            key: misfit.name,
        },
        Some(found) => ConfigError::Value {
            path,
            line,
            key: misfit.name,
            reason: format!("invalid type: {found}, expected a table"),
        },
    }
}

fn syntax_error(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start);
    ConfigError::Syntax {
        path: path.to_path_buf(),
        line: line_of(text, at),
        reason: one_line(error.message()),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// A message of the TOML reader, which may be several lines.
pub(super) fn one_line(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).collect();
    lines.join("; ")
}
