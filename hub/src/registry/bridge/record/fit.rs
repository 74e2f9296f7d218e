//! What is left out of a record that would be too long.

use super::Assembly;
use crate::import_file::{ImportedRecord, ImportedVersion};
use headland_shared::name::{AttributeName, VersionName};
use headland_shared::resolve::AliasTarget;
use headland_shared::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How much a database may say of one model, in bytes: half of what a record may have, so that devices find room.
const SAID_BYTES_MAX: usize = 128 * 1024;
/// What an element takes beside its key and value, in bytes, at most.
const ELEMENT_BYTES: usize = 48;

impl Assembly {
    /// Leaves out the oldest versions that nothing names, then the longest attributes, until the record fits.
    pub(super) fn make_fit(&mut self) {
        let mut bytes = said_bytes(&self.record);
        if bytes <= SAID_BYTES_MAX {
            return;
        }
        let named: BTreeSet<&VersionName> = self
            .record
            .aliases
            .values()
            .flat_map(AliasTarget::versions)
            .chain(&self.record.current)
            .collect();
        let mut unnamed: Vec<&ImportedVersion> = self
            .record
            .versions
            .iter()
            .filter(|version| !named.contains(&version.version))
            .collect();
        unnamed.sort_by_key(|version| (version.version.as_str().len(), &version.version));
        let mut dropped = BTreeSet::new();
        for version in unnamed {
            if bytes <= SAID_BYTES_MAX {
                break;
            }
            bytes -= version_bytes(version);
            dropped.insert(version.version.clone());
        }
        self.record
            .versions
            .retain(|version| !dropped.contains(&version.version));
        if !dropped.is_empty() {
            self.leave_out(&format!(
                "the {} oldest versions that no alias names: one record cannot hold them all",
                dropped.len()
            ));
        }
        while bytes > SAID_BYTES_MAX
            && let Some(name) = longest(&self.record.attributes)
            && let Some(value) = self.record.attributes.remove(&name)
        {
            bytes -= name.as_str().len() + length(&value) + ELEMENT_BYTES;
            self.leave_out(&format!(
                "attribute {name}: one record cannot hold it beside the others"
            ));
        }
    }
}

fn longest(attributes: &BTreeMap<AttributeName, Value>) -> Option<AttributeName> {
    attributes
        .iter()
        .max_by_key(|(_, value)| length(value))
        .map(|(name, _)| name.clone())
}

fn said_bytes(record: &ImportedRecord) -> usize {
    let attributes = record.attributes.iter();
    let attributes: usize = attributes
        .map(|(name, value)| name.as_str().len() + length(value) + ELEMENT_BYTES)
        .sum();
    let aliases: usize = record
        .aliases
        .keys()
        .map(|alias| alias.as_str().len() + VersionName::BYTES_MAX + ELEMENT_BYTES)
        .sum();
    attributes + aliases + record.versions.iter().map(version_bytes).sum::<usize>()
}

fn version_bytes(version: &ImportedVersion) -> usize {
    let name = version.version.as_str().len();
    let approvals = version.approvals.iter();
    let approvals: usize = approvals
        .map(|(approval, outcome)| name + approval.as_str().len() + outcome.len() + ELEMENT_BYTES)
        .sum();
    name + length(&version.manifest) + ELEMENT_BYTES + approvals
}

pub(super) fn length(value: &Value) -> usize {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes.len()
}
