//! Records of Headland's own: one JSON object a line.

mod fields;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use headland_shared::key::RecordKey;
use headland_shared::name::{AliasName, ApprovalName, AttributeName, ModelName, Namespace, VersionName};
use headland_shared::resolve::AliasTarget;
use headland_shared::value::Value;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::{ImportFileError, RecordError, reason};
use super::value::value_of;
use super::{ImportedRecord, ImportedVersion};
use fields::Fields;

/// Whether a file that begins with this line holds one record a line.
pub(super) fn is_record(line: &str) -> bool {
    #[derive(Deserialize)]
    struct Record {
        #[serde(rename = "id")]
        _id: String,
        #[serde(rename = "attributes")]
        _attributes: IgnoredAny,
    }
    serde_json::from_str::<Record>(line).is_ok()
}

/// Reads one record a line, in the file's order.
pub(super) fn read(
    path: &Path,
    text: &str,
    namespace_default: &Namespace,
) -> Result<Vec<ImportedRecord>, ImportFileError> {
    let mut records = Vec::new();
    let mut lines = BTreeMap::new();
    for (index, content) in text.lines().enumerate() {
        if content.trim().is_empty() {
            continue;
        }
        let line = index + 1;
        let json = serde_json::from_str(content).map_err(|error| ImportFileError::Json {
            path: path.into(),
            line,
            column: error.column(),
            reason: reason(&error),
        })?;
        let invalid = |problem| ImportFileError::Record {
            path: path.into(),
            line,
            problem,
        };
        let record = record_of(json, namespace_default).map_err(invalid)?;
        if let Some(line_first) = lines.insert(record.key.clone(), line) {
            return Err(ImportFileError::Duplicate {
                path: path.into(),
                line,
                line_first,
                key: record.key,
            });
        }
        records.push(record);
    }
    Ok(records)
}

/// Takes one attribute, unless it is null: a file says so of what it does not know.
pub(super) fn add_attribute(
    attributes: &mut BTreeMap<AttributeName, Value>,
    name: String,
    value: serde_json::Value,
) -> Result<(), RecordError> {
    if value.is_null() {
        return Ok(());
    }
    let name = AttributeName::new(name)?;
    let value = value_of(value).map_err(|problem| RecordError::Value {
        what: format!("attribute {name}"),
        problem,
    })?;
    attributes.insert(name, value);
    Ok(())
}

fn record_of(json: serde_json::Value, namespace_default: &Namespace) -> Result<ImportedRecord, RecordError> {
    let mut fields = Fields::of_record(json)?;
    let name = ModelName::new(fields.text("id")?)?;
    let namespace = match fields.text_optional("namespace")? {
        Some(namespace) => Namespace::new(namespace)?,
        None => namespace_default.clone(),
    };
    let mut attributes = BTreeMap::new();
    for (name, value) in fields.object("attributes")? {
        add_attribute(&mut attributes, name, value)?;
    }
    let mut versions = Vec::new();
    let mut listed = BTreeSet::new();
    for json in fields.list_optional("versions")? {
        let version = version_of(json)?;
        if !listed.insert(version.version.clone()) {
            let version = version.version;
            return Err(RecordError::DuplicateVersion { version });
        }
        versions.push(version);
    }
    let in_record = |what: String, version: String| {
        let version = VersionName::new(version)?;
        match listed.contains(&version) {
            true => Ok(version),
            false => Err(RecordError::VersionNotListed { what, version }),
        }
    };
    let current = fields
        .text_optional("current")?
        .map(|version| in_record("`current`".to_string(), version))
        .transpose()?;
    let mut aliases = BTreeMap::new();
    for (alias, target) in fields.object_optional("aliases")? {
        let alias = AliasName::new(alias)?;
        let target = value_of(target).map_err(|problem| RecordError::Value {
            what: format!("alias {alias}"),
            problem,
        })?;
        let target = AliasTarget::of(&target).ok_or_else(|| fields.kind("aliases"))?;
        for version in target.versions() {
            in_record(format!("alias {alias}"), version.to_string())?;
        }
        aliases.insert(alias, target);
    }
    Ok(ImportedRecord {
        key: RecordKey { namespace, name },
        attributes,
        versions,
        current,
        aliases,
    })
}

fn version_of(json: serde_json::Value) -> Result<ImportedVersion, RecordError> {
    let mut fields = Fields::of_version(json)?;
    let version = VersionName::new(fields.text("version")?)?;
    let manifest = fields.object("manifest")?;
    let manifest = value_of(manifest.into()).map_err(|problem| RecordError::Value {
        what: format!("the manifest of version {version}"),
        problem,
    })?;
    let mut approvals = BTreeMap::new();
    for (approval, outcome) in fields.texts_optional("approvals")? {
        let approval = ApprovalName::new(approval)?;
        // It is stored as a value, so it must be able to be one.
        value_of(outcome.as_str().into()).map_err(|problem| RecordError::Value {
            what: format!("approval {approval} of version {version}"),
            problem,
        })?;
        approvals.insert(approval, outcome);
    }
    Ok(ImportedVersion {
        version,
        manifest,
        approvals,
    })
}
