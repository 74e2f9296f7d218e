//! All that a program shows of its models, read page by page.

use super::FleetError;
use super::program::Program;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A model's namespace and name.
pub type Key = (String, String);

/// One model as it is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShownModel {
    /// What the registry says.
    pub attributes: Map<String, Value>,
    /// How often it was used, all devices together.
    pub usage: u64,
    /// The ids of the notes about it, in order; one that was shown twice would be here twice.
    pub notes: Vec<String>,
}

/// All models that a program shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown(pub BTreeMap<Key, ShownModel>);

impl Shown {
    /// Which models.
    pub fn keys(&self) -> BTreeSet<Key> {
        self.0.keys().cloned().collect()
    }

    /// The ids of all notes.
    pub fn notes(&self) -> BTreeSet<String> {
        self.0.values().flat_map(|model| model.notes.iter().cloned()).collect()
    }

    /// All uses.
    pub fn usage(&self) -> u64 {
        self.0.values().map(|model| model.usage).sum()
    }
}

/// Reads what a program shows.
pub async fn shown(program: &Program) -> Result<Shown, FleetError> {
    let mut all = Shown::default();
    let mut token: Option<String> = None;
    loop {
        let more = token.map_or_else(String::new, |token| format!("&page_token={token}"));
        let page = program.get(&format!("/v1/models?page_size=1000{more}")).await?;
        for model in page["models"].as_array().into_iter().flatten() {
            let text = |name: &str| model[name].as_str().unwrap_or_default().to_owned();
            all.0.insert((text("namespace"), text("name")), read(model));
        }
        token = page["next_page_token"].as_str().map(ToOwned::to_owned);
        if token.is_none() {
            return Ok(all);
        }
    }
}

fn read(model: &Value) -> ShownModel {
    let notes = model["annotations"].as_array().into_iter().flatten();
    let mut notes: Vec<String> = notes
        .filter_map(|note| note["id"].as_str().map(ToOwned::to_owned))
        .collect();
    notes.sort();
    ShownModel {
        attributes: model["attributes"].as_object().cloned().unwrap_or_default(),
        usage: model["counts"]["usage"].as_u64().unwrap_or(0),
        notes,
    }
}
