//! The shapes of answers about models. `F` is what a program says of how fresh they are.

use headland_shared::value::Value;
use headland_shared::view::{AnnotationView, Model, VersionView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "One_for_{M}"))]
pub struct One<M, F> {
    /// The model.
    pub model: M,
    /// How old this is.
    #[serde(flatten)]
    pub freshness: F,
}

/// A page of models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Listing_for_{M}"))]
pub struct Listing<M, F> {
    /// The models, in the order that was asked for; by namespace and name where that does not decide.
    pub models: Vec<M>,
    /// What to ask for the next page with; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    /// How many models are held, of all namespaces.
    pub models_held: u64,
    /// Where to watch from, at an agent: all changes up to here are in this page. Of several pages the first one's
    /// counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// How old this is.
    #[serde(flatten)]
    pub freshness: F,
}

/// Part of one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Facts_for_{P}"))]
pub struct Facts<P, F> {
    /// Whose model.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The part.
    #[serde(flatten)]
    pub part: P,
    /// How old this is.
    #[serde(flatten)]
    pub freshness: F,
}

/// The versions of a model and which of them is current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Versions {
    /// Each version, by name.
    pub versions: BTreeMap<String, VersionView>,
    /// The one that is current.
    pub current: Option<Value>,
}

/// The aliases of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Aliases {
    /// Which version each alias names.
    pub aliases: BTreeMap<String, Value>,
    /// The version that is current.
    pub current: Option<Value>,
}

/// The notes about a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Annotations {
    /// The notes, oldest first.
    pub annotations: Vec<AnnotationView>,
}

impl From<&Model> for Versions {
    fn from(model: &Model) -> Self {
        Self {
            versions: model.versions.clone(),
            current: model.current.clone(),
        }
    }
}

impl From<&Model> for Aliases {
    fn from(model: &Model) -> Self {
        Self {
            aliases: model.aliases.clone(),
            current: model.current.clone(),
        }
    }
}

impl From<&Model> for Annotations {
    fn from(model: &Model) -> Self {
        Self {
            annotations: model.annotations.clone(),
        }
    }
}
