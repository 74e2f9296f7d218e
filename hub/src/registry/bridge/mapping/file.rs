//! The mapping as it is written.

use headland_shared::name::{AttributeName, Namespace};
use serde::Deserialize;
use std::collections::BTreeMap;

fn public() -> String {
    "public".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The schema of tables that name none.
    #[serde(default = "public")]
    pub(super) schema: String,
    pub(super) table: Vec<Table>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Table {
    pub(super) schema: Option<String>,
    pub(super) name: String,
    /// The column that holds the namespace.
    pub(super) namespace: Option<String>,
    /// The namespace of all rows, where no column holds it.
    pub(super) namespace_is: Option<Namespace>,
    /// The column that holds the model's name.
    pub(super) model: String,
    /// Whether the hub may write in it what can be put.
    #[serde(default)]
    pub(super) writable: bool,
    #[serde(flatten)]
    pub(super) row: Row,
}

/// What a row of a table is, and which of its columns say what.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "row", rename_all = "kebab-case")]
pub(in crate::registry::bridge) enum Row {
    /// A model.
    Model {
        /// Attributes and their columns.
        #[serde(default)]
        attributes: BTreeMap<AttributeName, String>,
        /// Columns whose JSON object is an attribute for each of its members.
        #[serde(default)]
        members: Vec<String>,
        /// The column that names the current version.
        current: Option<String>,
        /// Only rows of which this is so.
        only: Option<Condition>,
        /// No rows of which this is so.
        unless: Option<Condition>,
    },
    /// An attribute of a model.
    Attribute {
        /// The column of its name.
        key: String,
        /// The column of its value.
        value: String,
        /// Names that begin with one of these are passed over.
        #[serde(default)]
        ignore: Vec<String>,
        /// Names whose values are JSON, where they can be read so.
        #[serde(default)]
        json: Vec<String>,
    },
    /// An alias of a version.
    Alias {
        /// The column of its name.
        alias: String,
        /// The column of the version that it names.
        version: String,
        /// The alias that also says which version is current.
        current: Option<String>,
    },
    /// A version of a model.
    Version {
        /// The column of its name.
        version: String,
        /// Fields of the manifest and their columns.
        #[serde(default)]
        manifest: BTreeMap<String, String>,
        /// Columns whose JSON object is a field of the manifest for each of its members.
        #[serde(default)]
        members: Vec<String>,
        /// Only rows of which this is so.
        only: Option<Condition>,
        /// No rows of which this is so.
        unless: Option<Condition>,
    },
    /// A field of a version's manifest, or an approval of it.
    VersionAttribute {
        /// The column of the version's name.
        version: String,
        /// The column of its name.
        key: String,
        /// The column of its value.
        value: String,
        /// Names that begin with one of these are passed over.
        #[serde(default)]
        ignore: Vec<String>,
        /// Names whose values are JSON, where they can be read so.
        #[serde(default)]
        json: Vec<String>,
        /// What the names of approvals begin with.
        approvals: Option<String>,
    },
    /// A write by a device, as a hub stored it in Headland's own table: no file names this.
    #[serde(skip)]
    EdgeWrite,
}

/// A column and the texts of which it holds one.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::registry::bridge) struct Condition {
    pub(in crate::registry::bridge) column: String,
    pub(in crate::registry::bridge) is: Vec<String>,
}

impl Row {
    /// The columns that name a row, beside those of its record.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let columns: Vec<&String> = match self {
            Self::Model { .. } | Self::EdgeWrite => Vec::new(),
            Self::Attribute { key, .. } => vec![key],
            Self::Alias { alias, .. } => vec![alias],
            Self::Version { version, .. } => vec![version],
            Self::VersionAttribute { version, key, .. } => vec![version, key],
        };
        columns.into_iter().map(String::as_str)
    }

    /// The other columns that are read.
    pub(super) fn others(&self) -> impl Iterator<Item = &str> {
        let mut columns: Vec<&String> = Vec::new();
        match self {
            Self::Model {
                attributes,
                members,
                current,
                only,
                unless,
            } => {
                columns.extend(attributes.values().chain(members).chain(current));
                columns.extend(only.iter().chain(unless).map(|condition| &condition.column));
            }
            Self::Version {
                manifest,
                members,
                only,
                unless,
                ..
            } => {
                columns.extend(manifest.values().chain(members));
                columns.extend(only.iter().chain(unless).map(|condition| &condition.column));
            }
            Self::Attribute { value, .. } | Self::VersionAttribute { value, .. } => columns.push(value),
            Self::Alias { version, .. } => columns.push(version),
            Self::EdgeWrite => {}
        }
        columns.into_iter().map(String::as_str)
    }
}
