//! The rows of one record, put together.

mod fit;

use super::mapping::{Condition, Mapping, Row, TableMapping};
use super::row::Field;
use crate::import_file::{ImportedRecord, ImportedVersion, ValueError, value_of};
use fit::length;
use headland_shared::key::RecordKey;
use headland_shared::name::{AliasName, ApprovalName, AttributeName, VersionName};
use headland_shared::resolve::AliasTarget;
use headland_shared::value::{VALUE_BYTES_MAX, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A record as its rows say it.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    /// Nothing when no row says that the model is there.
    pub(super) record: Option<ImportedRecord>,
    /// What the catalogue cannot hold, each with its reason.
    pub(super) left_out: Vec<String>,
}

/// Puts the rows of a record together. Columns count more than rows of names and values.
pub(super) fn assemble(mapping: &Mapping, key: &RecordKey, rows: &[(u16, Vec<Field>)]) -> Assembled {
    let mut assembly = Assembly {
        alive: false,
        record: ImportedRecord {
            key: key.clone(),
            attributes: BTreeMap::new(),
            versions: Vec::new(),
            current: None,
            aliases: BTreeMap::new(),
        },
        manifests: BTreeMap::new(),
        approvals: BTreeMap::new(),
        left_out: Vec::new(),
    };
    let table = |number: u16| mapping.tables().get(usize::from(number));
    let mapped = || {
        rows.iter()
            .filter_map(|(number, fields)| Some((table(*number)?, fields)))
    };
    for (table, fields) in mapped().filter(|(table, _)| !table.row.is_by_name()) {
        assembly.columns(table, fields);
    }
    for (table, fields) in mapped().filter(|(table, _)| table.row.is_by_name()) {
        assembly.named(table, fields);
    }
    assembly.finish()
}

impl Row {
    /// Whether rows hold a name and its value.
    const fn is_by_name(&self) -> bool {
        matches!(self, Self::Attribute { .. } | Self::VersionAttribute { .. })
    }
}

struct Assembly {
    alive: bool,
    record: ImportedRecord,
    manifests: BTreeMap<VersionName, BTreeMap<String, Value>>,
    approvals: BTreeMap<VersionName, BTreeMap<ApprovalName, String>>,
    left_out: Vec<String>,
}

impl Assembly {
    fn columns(&mut self, table: &TableMapping, fields: &[Field]) {
        let row = table.by_column(fields);
        match &table.row {
            Row::Model {
                attributes,
                members,
                current,
                only,
                unless,
            } => {
                if !holds(&row, only.as_ref(), unless.as_ref()) {
                    return;
                }
                self.alive = true;
                for column in members {
                    for (name, value) in self.members(&row, column) {
                        self.attribute(&name, Ok(Some(value)));
                    }
                }
                for (name, column) in attributes {
                    self.attribute(name.as_str(), value(row.get(column.as_str()).copied(), false));
                }
                let current = current.as_ref().and_then(|column| row.get(column.as_str())?.text());
                self.record.current = current.and_then(|text| VersionName::new(text).ok());
            }
            Row::Version {
                version,
                manifest,
                members,
                only,
                unless,
            } => {
                if !holds(&row, only.as_ref(), unless.as_ref()) {
                    return;
                }
                let Some(version) = self.version(&row, version) else {
                    return;
                };
                let mut said = BTreeMap::new();
                for column in members {
                    said.extend(self.members(&row, column));
                }
                for (name, column) in manifest {
                    match value(row.get(column.as_str()).copied(), false) {
                        Ok(Some(value)) => drop(said.insert(name.clone(), value)),
                        Ok(None) => {}
                        Err(error) => self.leave_out(&format!("{name} of version {version} {error}")),
                    }
                }
                self.manifests.insert(version, said);
            }
            Row::Alias {
                alias,
                version,
                current,
            } => self.alias(&row, alias, version, current.as_deref()),
            Row::Attribute { .. } | Row::VersionAttribute { .. } | Row::EdgeWrite => {}
        }
    }

    fn named(&mut self, table: &TableMapping, fields: &[Field]) {
        let row = table.by_column(fields);
        let text = |column: &str| row.get(column).and_then(|field| field.text());
        match &table.row {
            Row::Attribute {
                key,
                value: column,
                ignore,
                json,
            } => {
                let Some(name) = text(key).filter(|name| is_wanted(name, ignore)) else {
                    return;
                };
                if !self.record.attributes.keys().any(|known| known.as_str() == name) {
                    let value = value(
                        row.get(column.as_str()).copied(),
                        json.iter().any(|known| known == name),
                    );
                    self.attribute(name, value);
                }
            }
            Row::VersionAttribute {
                version,
                key,
                value: column,
                ignore,
                json,
                approvals,
            } => {
                let Some(name) = text(key).filter(|name| is_wanted(name, ignore)) else {
                    return;
                };
                let Some(version) = self.version(&row, version) else {
                    return;
                };
                if let Some(approval) = approvals.as_deref().and_then(|prefix| name.strip_prefix(prefix)) {
                    self.approval(version, approval, text(column).unwrap_or_default());
                    return;
                }
                let value = value(
                    row.get(column.as_str()).copied(),
                    json.iter().any(|known| known == name),
                );
                let Some(manifest) = self.manifests.get_mut(&version) else {
                    return;
                };
                match value {
                    Ok(Some(value)) => drop(manifest.entry(name.to_owned()).or_insert(value)),
                    Ok(None) => {}
                    Err(error) => self.leave_out(&format!("{name} of version {version} {error}")),
                }
            }
            Row::Model { .. } | Row::Version { .. } | Row::Alias { .. } | Row::EdgeWrite => {}
        }
    }

    fn attribute(&mut self, name: &str, value: Result<Option<Value>, String>) {
        let result = value.and_then(|value| {
            let name = AttributeName::new(name).map_err(|error| error.to_string())?;
            Ok(value.map(|value| (name, value)))
        });
        match result {
            Ok(Some((name, value))) => drop(self.record.attributes.insert(name, value)),
            Ok(None) => {}
            Err(error) => self.leave_out(&format!("attribute {} {error}", shortened(name))),
        }
    }

    fn alias(&mut self, row: &BTreeMap<&str, &Field>, alias: &str, version: &str, current: Option<&str>) {
        let Some(version) = self.version(row, version) else {
            return;
        };
        let Some(text) = row.get(alias).and_then(|field| field.text()) else {
            return;
        };
        match AliasName::new(text) {
            Ok(name) => {
                if current == Some(text) && self.record.current.is_none() {
                    self.record.current = Some(version.clone());
                }
                self.record.aliases.insert(name, AliasTarget::Version(version));
            }
            Err(error) => self.leave_out(&error.to_string()),
        }
    }

    fn approval(&mut self, version: VersionName, name: &str, outcome: &str) {
        match ApprovalName::new(name) {
            Ok(name) => drop(
                self.approvals
                    .entry(version)
                    .or_default()
                    .insert(name, outcome.to_owned()),
            ),
            Err(error) => self.leave_out(&error.to_string()),
        }
    }

    fn version(&mut self, row: &BTreeMap<&str, &Field>, column: &str) -> Option<VersionName> {
        let text = row.get(column).and_then(|field| field.text())?;
        VersionName::new(text)
            .map_err(|error| self.leave_out(&error.to_string()))
            .ok()
    }

    /// The members of a column's JSON object.
    fn members(&mut self, row: &BTreeMap<&str, &Field>, column: &str) -> Vec<(String, Value)> {
        let Some(text) = row.get(column).and_then(|field| field.text()) else {
            return Vec::new();
        };
        let Ok(serde_json::Value::Object(members)) = serde_json::from_str(text) else {
            self.leave_out(&format!("column {column} holds no JSON object"));
            return Vec::new();
        };
        let mut values = Vec::new();
        for (name, json) in members {
            match value_of(json) {
                Ok(Value::Null) => {}
                Ok(value) => values.push((name, value)),
                Err(error) => self.leave_out(&format!("{} of column {column} {error}", shortened(&name))),
            }
        }
        values
    }

    fn leave_out(&mut self, what: &str) {
        self.left_out.push(format!("model {}: {what}", self.record.key));
    }

    fn finish(mut self) -> Assembled {
        if !self.alive {
            return Assembled::default();
        }
        for (version, manifest) in std::mem::take(&mut self.manifests) {
            let manifest = Value::Map(manifest);
            if length(&manifest) > VALUE_BYTES_MAX {
                self.leave_out(&format!("version {version} says too much"));
                continue;
            }
            let approvals = self.approvals.remove(&version).unwrap_or_default();
            self.record.versions.push(ImportedVersion {
                version,
                manifest,
                approvals,
            });
        }
        self.make_fit();
        let released: BTreeSet<&VersionName> = self.record.versions.iter().map(|version| &version.version).collect();
        self.record.current = self.record.current.take().filter(|current| released.contains(current));
        Assembled {
            record: Some(self.record),
            left_out: self.left_out,
        }
    }
}

fn is_wanted(name: &str, ignore: &[String]) -> bool {
    !ignore.iter().any(|prefix| name.starts_with(prefix.as_str()))
}

fn holds(row: &BTreeMap<&str, &Field>, only: Option<&Condition>, unless: Option<&Condition>) -> bool {
    let is = |condition: &Condition| {
        let text = row.get(condition.column.as_str()).and_then(|field| field.text());
        text.is_some_and(|text| condition.is.iter().any(|wanted| wanted == text))
    };
    only.is_none_or(is) && !unless.is_some_and(is)
}

/// The value of a field. Texts are JSON where that was said and they can be read so.
fn value(field: Option<&Field>, json: bool) -> Result<Option<Value>, String> {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    let json = match field {
        None | Some(Field::Null | Field::Unchanged) => return Ok(None),
        Some(Field::Bool(bool)) => (*bool).into(),
        Some(Field::Text(text)) if text.is_empty() => return Ok(None),
        Some(Field::Text(text)) if json => read(text).unwrap_or_else(|_| text.as_str().into()),
        Some(Field::Text(text)) => text.as_str().into(),
        Some(Field::Number(text) | Field::Json(text)) => {
            read(text).map_err(|_| format!("is {}, which is no value", shortened(text)))?
        }
    };
    match value_of(json) {
        Ok(Value::Null) => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(error @ (ValueError::TooLong { .. } | ValueError::TooDeep | ValueError::NumberTooLarge { .. })) => {
            Err(error.to_string())
        }
    }
}

/// As much of a text as a line of a log needs.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
