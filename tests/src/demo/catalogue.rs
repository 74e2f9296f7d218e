//! The catalogue's releases: the shipped history, or files in release order.

use super::DemoError;
use headland_hub::import_file::{ImportedRecord, read_file};
use headland_shared::digest::hash_128;
use headland_shared::name::Namespace;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const TIMM: &str = include_str!("../../catalog/timm.history.jsonl");
const LITELLM: &str = include_str!("../../catalog/litellm.history.jsonl");

/// A model's attributes by its id.
pub type Models = BTreeMap<String, Map<String, Value>>;

/// One release: what a namespace holds from then on.
#[derive(Debug, Clone)]
pub struct Release {
    /// What it is called.
    pub name: String,
    /// The namespace that it states.
    pub namespace: String,
    /// What the namespace holds.
    pub models: Models,
    /// The file as given, for measuring what sending it whole would cost.
    pub given: Option<PathBuf>,
}

/// A change of one release, told by name.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) model: String,
    pub(super) what: String,
}

/// What the fleet holds at first, and the releases that follow, in order.
#[derive(Debug)]
pub struct Catalogue {
    /// One release for each namespace.
    pub base: Vec<Release>,
    /// What comes after.
    pub releases: Vec<Release>,
}

impl Catalogue {
    /// The history that the repository ships, expanded.
    pub fn shipped() -> Result<Self, DemoError> {
        let mut vision = history(TIMM, "vision")?.into_iter();
        let mut llm = history(LITELLM, "llm")?.into_iter();
        let base = vision.next().into_iter().chain(llm.next()).collect();
        let mut releases = Vec::new();
        loop {
            let (a, b) = (vision.next(), llm.next());
            if a.is_none() && b.is_none() {
                return Ok(Self { base, releases });
            }
            releases.extend(a.into_iter().chain(b));
        }
    }

    pub(super) fn from_files(files: &[PathBuf]) -> Result<Self, DemoError> {
        let mut releases = files
            .iter()
            .map(|file| from_file(file))
            .collect::<Result<Vec<_>, _>>()?;
        if releases.len() < 2 {
            let text = "--catalog needs at least two files, in release order: what the fleet holds, and what comes";
            return Err(DemoError::Catalogue(text.to_owned()));
        }
        let rest = releases.split_off(1);
        Ok(Self {
            base: releases,
            releases: rest,
        })
    }

    /// All attributes, as hashes, that each model has had in any release.
    pub(super) fn states(&self) -> BTreeMap<(String, String), BTreeSet<u128>> {
        let mut states: BTreeMap<(String, String), BTreeSet<u128>> = BTreeMap::new();
        for release in self.base.iter().chain(&self.releases) {
            for (id, attributes) in &release.models {
                let key = (release.namespace.clone(), id.clone());
                states.entry(key).or_default().insert(hash(attributes));
            }
        }
        states
    }

    /// The models that must be there at the end, by namespace and name.
    pub(super) fn last(&self) -> BTreeSet<(String, String)> {
        let mut namespaces: BTreeMap<&str, &Release> = BTreeMap::new();
        for release in self.base.iter().chain(&self.releases) {
            namespaces.insert(&release.namespace, release);
        }
        let models = namespaces
            .values()
            .flat_map(|release| release.models.keys().map(|id| (release.namespace.clone(), id.clone())));
        models.collect()
    }
}

/// The hash of a model's attributes, in which `1` and `1.0` are one number, as everywhere in Headland.
pub(super) fn hash(attributes: &Map<String, Value>) -> u128 {
    let mut text = String::new();
    canonical(&Value::Object(attributes.clone()), &mut text);
    hash_128(&[text.as_bytes()])
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Number(number) => {
            let real = number.as_f64().unwrap_or(f64::NAN);
            out.push_str(&format!("{real:e}"));
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            out.push('{');
            for (name, value) in sorted {
                out.push_str(name);
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Expands a condensed history: each release's changes after the one before.
fn history(text: &str, namespace: &str) -> Result<Vec<Release>, DemoError> {
    let mut releases: Vec<Release> = Vec::new();
    let mut models = Models::new();
    let mut name: Option<String> = None;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).map_err(|error| DemoError::Catalogue(error.to_string()))?;
        if let Some(next) = line["release"].as_str() {
            push(&mut releases, name.replace(next.to_owned()), namespace, &models);
            continue;
        }
        apply(&mut models, &line);
    }
    push(&mut releases, name, namespace, &models);
    Ok(releases)
}

fn push(releases: &mut Vec<Release>, name: Option<String>, namespace: &str, models: &Models) {
    if let Some(name) = name {
        releases.push(Release {
            name,
            namespace: namespace.to_owned(),
            models: models.clone(),
            given: None,
        });
    }
}

fn apply(models: &mut Models, line: &Value) {
    let id = line["id"].as_str().unwrap_or_default().to_owned();
    if line["gone"] == true {
        models.remove(&id);
    } else if let Some(attributes) = line["attributes"].as_object() {
        models.insert(id, attributes.clone());
    } else if let Some(model) = models.get_mut(&id) {
        for (name, value) in line["set"].as_object().into_iter().flatten() {
            model.insert(name.clone(), value.clone());
        }
        for name in line["unset"].as_array().into_iter().flatten() {
            model.remove(name.as_str().unwrap_or_default());
        }
    }
}

fn from_file(file: &Path) -> Result<Release, DemoError> {
    let fail = |reason: String| DemoError::Catalogue(format!("{}: {reason}", file.display()));
    let namespace = Namespace::new("default").map_err(|error| fail(error.to_string()))?;
    let records = read_file(file, &namespace).map_err(|error| fail(error.to_string()))?;
    let stem = file
        .file_stem()
        .map_or_else(|| "release".into(), |stem| stem.to_string_lossy().into_owned());
    let models = records
        .into_iter()
        .map(|record| (record.key.name.to_string(), attributes(&record)));
    Ok(Release {
        name: stem,
        namespace: namespace.to_string(),
        models: models.collect(),
        given: Some(file.to_path_buf()),
    })
}

fn attributes(record: &ImportedRecord) -> Map<String, Value> {
    let value = |value| serde_json::to_value(value).unwrap_or(Value::Null);
    record
        .attributes
        .iter()
        .map(|(name, held)| (name.to_string(), value(held)))
        .collect()
}

impl Release {
    /// Writes the release as JSON Lines of records.
    pub(super) fn write(&self, file: &Path) -> std::io::Result<()> {
        std::fs::write(file, self.json_lines())
    }

    pub(super) fn json_lines(&self) -> String {
        let mut text = String::new();
        for (id, attributes) in &self.models {
            let line = serde_json::json!({ "id": id, "attributes": attributes });
            text.push_str(&line.to_string());
            text.push('\n');
        }
        text
    }

    /// Up to three changes against the release before, each of another kind, by name.
    pub(super) fn told(&self, before: &Models) -> Vec<Told> {
        let changed = || {
            self.models
                .iter()
                .filter_map(|(id, now)| Some((id, before.get(id)?, now)))
        };
        let price = changed().find_map(|(id, old, new)| change_of(id, old, new, |name| name.contains("cost")));
        let withdrawal = changed().find_map(|(id, old, new)| change_of(id, old, new, |name| name.contains("deprecat")));
        let gone = before.keys().find(|id| !self.models.contains_key(*id));
        let gone = gone.map(|id| Told {
            model: id.clone(),
            what: "withdrawn".to_owned(),
        });
        let other = changed().find_map(|(id, old, new)| change_of(id, old, new, |_| true));
        let new = self.models.keys().find(|id| !before.contains_key(*id));
        let new = new.map(|id| Told {
            model: id.clone(),
            what: "new".to_owned(),
        });
        let mut told: Vec<Told> = [price, withdrawal, gone].into_iter().flatten().collect();
        told.extend(other.into_iter().chain(new));
        told.dedup_by(|a, b| a.model == b.model);
        told.truncate(3);
        told
    }
}

fn change_of(
    id: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    wanted: impl Fn(&str) -> bool,
) -> Option<Told> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let name = names
        .into_iter()
        .find(|name| wanted(name) && old.get(*name) != new.get(*name))?;
    let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    Some(Told {
        model: id.to_owned(),
        what: format!("{name} {} -> {}", shown(old.get(name)), shown(new.get(name))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_history_expands_to_its_releases() {
        let catalogue = Catalogue::shipped().unwrap();
        assert_eq!(catalogue.base.len(), 2);
        let counts: Vec<_> = catalogue
            .releases
            .iter()
            .map(|r| (r.name.as_str(), r.models.len()))
            .collect();
        assert!(counts.contains(&("timm 1.0.20", 1_594)), "{counts:?}");
        assert!(counts.contains(&("litellm 1.105.0", 1_726)), "{counts:?}");
    }

    #[test]
    fn one_and_one_point_zero_hash_alike() {
        let of = |text: &str| hash(serde_json::from_str::<Value>(text).unwrap().as_object().unwrap());
        assert_eq!(of(r#"{"a": 1, "b": [2.5]}"#), of(r#"{"b": [2.5], "a": 1.0}"#));
        assert_ne!(of(r#"{"a": 1}"#), of(r#"{"a": 1.5}"#));
    }
}
