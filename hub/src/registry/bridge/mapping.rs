//! Which tables and columns make which parts of a record. In TOML; a profile for MLflow is built in.

mod cell;
mod file;
#[cfg(test)]
mod tests;

use super::row::Field;
use crate::edge;
use cell::OF_MLFLOW;
pub use cell::{Absent, Cell, Unwritable};
pub(super) use file::{Condition, Row};
use headland_shared::digest::hash_128;
use headland_shared::key::RecordKey;
use headland_shared::name::{ModelName, Namespace};
use std::collections::BTreeMap;

/// The most tables of a mapping: one for each part of a record, and some to spare.
const TABLES_MAX: usize = 64;
/// The longest mapping, in bytes.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// Tells a mapping with Headland's own table from one without.
const EDGE_WRITES: &[u8] = b"edge writes 1";

const MLFLOW: &str = include_str!("mapping/mlflow.toml");

/// A mapping that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reading the mapping: {0}")]
pub struct MappingError(String);

/// Which tables make the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    tables: Vec<TableMapping>,
    fingerprint: u64,
    profile: Profile,
}

/// Whose tables they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// MLflow's.
    Mlflow,
    /// Those that somebody described.
    Described,
}

/// What one table contributes.
#[derive(Debug, Clone, PartialEq)]
pub struct TableMapping {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The columns that are read; the first [`Self::keys`] of them name a row.
    pub columns: Vec<String>,
    /// How many columns name a row.
    pub keys: usize,
    namespace_fixed: Option<Namespace>,
    /// Whether the hub may write what [`Row::written`] names.
    writable: bool,
    pub(super) row: Row,
}

impl Mapping {
    /// The model registry of MLflow.
    #[must_use]
    pub fn mlflow() -> Self {
        Self {
            profile: Profile::Mlflow,
            ..Self::parse(MLFLOW).expect("the profile that is built in is valid: a test reads it")
        }
    }

    /// Reads a mapping.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(MappingError(format!("it is longer than {FILE_BYTES_MAX} bytes")));
        }
        let file: file::File = toml::from_str(text).map_err(|error| MappingError(error.to_string()))?;
        if file.table.is_empty() || file.table.len() > TABLES_MAX {
            let text = format!("it has {} tables; name 1 to {TABLES_MAX}", file.table.len());
            return Err(MappingError(text));
        }
        let mut tables = Vec::new();
        for table in file.table {
            let table = TableMapping::of(&file.schema, table)?;
            if tables
                .iter()
                .any(|other: &TableMapping| (&other.schema, &other.name) == (&table.schema, &table.name))
            {
                return Err(MappingError(format!("table {} is named twice", table.name)));
            }
            tables.push(table);
        }
        if !tables.iter().any(|table| matches!(table.row, Row::Model { .. })) {
            return Err(MappingError(
                "no table has row = \"model\", so there is no model".to_owned(),
            ));
        }
        // What is kept of rows is in the order of these columns, so all of the text counts.
        let fingerprint = hash_128(&[text.as_bytes()]) as u64;
        let profile = Profile::Described;
        Ok(Self {
            tables,
            fingerprint,
            profile,
        })
    }

    /// The same, with the rows that hubs wrote into Headland's own table.
    #[must_use]
    pub fn with_edge_writes(mut self) -> Self {
        self.tables.push(TableMapping::edge_writes());
        // Whoever did not read that table so far reads everything anew.
        self.fingerprint = hash_128(&[&self.fingerprint.to_be_bytes(), EDGE_WRITES]) as u64;
        self
    }

    /// The number of the table whose rows are writes by devices, if it is followed.
    pub(super) fn edge_writes_number(&self) -> Option<u16> {
        let place = self.tables.iter().position(TableMapping::is_edge_writes)?;
        u16::try_from(place).ok()
    }

    /// The tables, in the order of their numbers.
    #[must_use]
    pub fn tables(&self) -> &[TableMapping] {
        &self.tables
    }

    /// Tells this mapping from another one.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The number of a table.
    #[must_use]
    pub fn number_of(&self, schema: &str, name: &str) -> Option<u16> {
        let place = self
            .tables
            .iter()
            .position(|table| table.schema == schema && table.name == name)?;
        u16::try_from(place).ok()
    }
}

impl TableMapping {
    /// Headland's own table.
    fn edge_writes() -> Self {
        Self {
            schema: edge::SCHEMA.to_owned(),
            name: edge::TABLE.to_owned(),
            columns: edge::COLUMNS.map(ToOwned::to_owned).to_vec(),
            keys: edge::COLUMNS.len() - 1,
            namespace_fixed: None,
            row: Row::EdgeWrite,
            writable: false,
        }
    }

    /// Whether its rows are writes by devices, of which no record is made but which are merged into one.
    pub(super) fn is_edge_writes(&self) -> bool {
        matches!(self.row, Row::EdgeWrite)
    }

    fn of(schema: &str, table: file::Table) -> Result<Self, MappingError> {
        let (name, row) = (table.name, table.row);
        let wrong = |what: &str| MappingError(format!("table {name}: {what}"));
        let namespace_fixed = match (&table.namespace, table.namespace_is) {
            (None, Some(fixed)) => Some(fixed),
            (Some(_), None) => None,
            _ => return Err(wrong("say either namespace, a column, or namespace_is, a fixed one")),
        };
        if table.writable && row.written().is_none() {
            return Err(wrong(
                "it is said to be writable, and no column of it is: only current, the version of an alias, and the value of an approval are",
            ));
        }
        if table.writable && OF_MLFLOW.contains(&name.as_str()) {
            return Err(wrong(
                "it is MLflow's, and only MLflow's own server writes it; leave writable out, and use MLflow's client",
            ));
        }
        let mut columns: Vec<String> = table.namespace.into_iter().chain([table.model]).collect();
        columns.extend(row.keys().map(ToOwned::to_owned));
        let keys = columns.len();
        let doubled = (1..keys).any(|place| columns[..place].contains(&columns[place]));
        if doubled {
            return Err(wrong("one column is named for two parts of the key"));
        }
        for column in row.others() {
            if !columns.iter().any(|known| known == column) {
                columns.push(column.to_owned());
            }
        }
        Ok(Self {
            schema: table.schema.unwrap_or_else(|| schema.to_owned()),
            name,
            columns,
            keys,
            namespace_fixed,
            writable: table.writable,
            row,
        })
    }

    /// The record that a row belongs to, by its first fields; nothing when it cannot be one.
    pub(super) fn record(&self, fields: &[Field]) -> Option<RecordKey> {
        let (namespace, model) = match &self.namespace_fixed {
            Some(fixed) => (fixed.clone(), fields.first()?),
            None => (Namespace::new(fields.first()?.text()?).ok()?, fields.get(1)?),
        };
        let name = ModelName::new(model.text()?).ok()?;
        Some(RecordKey { namespace, name })
    }

    /// The fields of a row by their columns.
    pub(super) fn by_column<'f>(&'f self, fields: &'f [Field]) -> BTreeMap<&'f str, &'f Field> {
        self.columns.iter().map(String::as_str).zip(fields).collect()
    }
}
