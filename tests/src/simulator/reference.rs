//! The reference model: what the registry has said, commit by commit, and what agents have written.

use super::ledger::Ledger;
use headland_hub::import_file::{ImportedRecord, ImportedVersion};
use headland_shared::digest::hash_128;
use headland_shared::key::RecordKey;
use headland_shared::name::{ApprovalName, AttributeName, ModelName, Namespace, VersionName};
use headland_shared::scope::{Follow, Scope};
use headland_shared::value::Value;
use headland_shared::view::Model;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const APPROVAL: &str = "field-use";
const STATUS: &str = "status";
/// What devices count everywhere.
pub(super) const EVERYWHERE: &str = "usage";
/// What devices count that stays in the region where it was made.
pub(super) const HERE: &str = "visits";

/// One model as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) task: String,
    pub(super) mark: i64,
    pub(super) note: Option<String>,
    /// An attribute that is urgent, as approvals are.
    pub(super) status: Option<String>,
    pub(super) versions: BTreeMap<u32, bool>,
    pub(super) current: u32,
}

pub(super) type Catalogue = BTreeMap<String, Entry>;

#[derive(Debug, Default)]
pub(super) struct Reference {
    pub(super) catalogue: Catalogue,
    /// For each set of patterns: the hash of what must be seen, after each commit.
    seen: Vec<BTreeMap<String, u128>>,
    /// The catalogue after each commit.
    catalogues: Vec<Catalogue>,
    pub(super) ledger: Ledger,
    pub(super) follows: BTreeSet<String>,
}

pub(super) fn namespace() -> Namespace {
    Namespace::new("sim").expect("a plain word is a valid namespace")
}

pub(super) fn key(model: &str) -> RecordKey {
    RecordKey {
        namespace: namespace(),
        name: ModelName::new(model).expect("the simulator names models plainly"),
    }
}

fn version(number: u32) -> VersionName {
    VersionName::new(format!("1.{number}")).expect("a number is a valid version")
}

/// A catalogue as an import.
pub(super) fn records(catalogue: &Catalogue) -> Vec<ImportedRecord> {
    let name = |text: &str| AttributeName::new(text).expect("a plain word is a valid attribute name");
    let record = |(model, entry): (&String, &Entry)| {
        let mut attributes = BTreeMap::from([
            (name("task"), Value::text(entry.task.clone())),
            (name("mark"), Value::whole(entry.mark)),
        ]);
        if let Some(note) = &entry.note {
            attributes.insert(name("note"), Value::text(note.clone()));
        }
        if let Some(status) = &entry.status {
            attributes.insert(name(STATUS), Value::text(status.clone()));
        }
        let versions = entry.versions.iter().map(|(number, approved)| ImportedVersion {
            version: version(*number),
            manifest: Value::Map(BTreeMap::from([(
                "digest".to_owned(),
                Value::whole(i64::from(*number)),
            )])),
            approvals: approved
                .then(|| (ApprovalName::new(APPROVAL).expect("valid"), "approved".to_owned()))
                .into_iter()
                .collect(),
        });
        ImportedRecord {
            key: key(model),
            attributes,
            versions: versions.collect(),
            current: Some(version(entry.current)),
            aliases: BTreeMap::new(),
        }
    };
    catalogue.iter().map(record).collect()
}

/// What a reader sees of a model, without what agents wrote.
fn line_of_entry(model: &str, entry: &Entry) -> String {
    let (note, status) = (
        entry.note.as_deref().unwrap_or(""),
        entry.status.as_deref().unwrap_or(""),
    );
    let versions: Vec<_> = entry
        .versions
        .iter()
        .map(|(number, approved)| format!("1.{number}:{approved}"))
        .collect();
    format!(
        "{model}|{}|{}|{note}|{status}|{}|1.{}",
        entry.task,
        entry.mark,
        versions.join(","),
        entry.current
    )
}

fn line_of_model(model: &Model) -> String {
    let text = |name: &str| match model.attributes.get(name) {
        Some(Value::Text(text)) => text.clone(),
        Some(other) => serde_json::to_string(other).unwrap_or_default(),
        None => String::new(),
    };
    let mut versions: Vec<(u32, String)> = Vec::new();
    for (name, version) in &model.versions {
        let approved = version.approvals.get(APPROVAL) == Some(&Value::text("approved"));
        let number = name.trim_start_matches("1.").parse().unwrap_or(u32::MAX);
        versions.push((number, format!("{name}:{approved}")));
    }
    versions.sort();
    let versions: Vec<_> = versions.into_iter().map(|(_, text)| text).collect();
    let current = model.current.as_ref().and_then(Value::as_text).unwrap_or("");
    format!(
        "{}|{}|{}|{}|{}|{}|{current}",
        model.name,
        text("task"),
        text("mark"),
        text("note"),
        text(STATUS),
        versions.join(",")
    )
}

/// What is urgent of a model, by name: its status, and the approvals of its versions.
pub(super) fn urgent_of_entry(entry: &Entry) -> BTreeMap<String, String> {
    let approved = entry.versions.iter().filter(|(_, approved)| **approved);
    let approvals = approved.map(|(number, _)| (format!("1.{number}"), "approved".to_owned()));
    let status = entry.status.iter().map(|status| (STATUS.to_owned(), status.clone()));
    approvals.chain(status).collect()
}

/// Takes what is urgent out of what an agent shows.
pub(super) fn take_urgent(model: &mut Model) -> BTreeMap<String, String> {
    let text = |value: Value| value.as_text().unwrap_or("no text").to_owned();
    let status = model.attributes.remove(STATUS);
    let mut urgent: BTreeMap<String, String> = status
        .into_iter()
        .map(|value| (STATUS.to_owned(), text(value)))
        .collect();
    for (name, version) in &mut model.versions {
        for (_, value) in std::mem::take(&mut version.approvals) {
            urgent.insert(name.clone(), text(value));
        }
    }
    urgent
}

fn hash(lines: &[String]) -> u128 {
    let parts: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    hash_128(&parts)
}

/// The hash of what an agent shows.
pub(super) fn hash_of_models(models: &[Model]) -> u128 {
    let lines: Vec<String> = models.iter().map(line_of_model).collect();
    hash(&lines)
}

impl Reference {
    /// The registry has committed the catalogue as it is now.
    pub(super) fn committed(&mut self) {
        let mut hashes = BTreeMap::new();
        for pattern in &self.follows {
            hashes.insert(pattern.clone(), self.hash_for(pattern));
        }
        self.seen.push(hashes);
        self.catalogues.push(self.catalogue.clone());
    }

    fn hash_for(&self, pattern: &str) -> u128 {
        hash(&self.lines(pattern))
    }

    /// The earliest commit, not before `from`, after which a follower of `pattern` must see exactly this.
    pub(super) fn commit_with(&self, pattern: &str, hash: u128, from: usize) -> Option<usize> {
        (from..self.seen.len()).find(|commit| self.seen[*commit].get(pattern) == Some(&hash))
    }

    /// The latest commit before `from` after which a follower of `pattern` must see exactly this, and from which `from`
    /// differs for it by models that left, and by nothing else.
    pub(super) fn commit_before_departures(&self, pattern: &str, hash: u128, from: usize) -> Option<usize> {
        let now = followed(&self.catalogues[from], pattern);
        (0..from).rev().find(|commit| {
            self.seen[*commit].get(pattern) == Some(&hash) && {
                let before = followed(&self.catalogues[*commit], pattern);
                now.iter().all(|one| before.contains(one))
            }
        })
    }

    /// The catalogue after a commit.
    pub(super) fn catalogue_at(&self, commit: usize) -> &Catalogue {
        &self.catalogues[commit]
    }

    /// Whether the registry said this of a model, at some commit not before `from`.
    pub(super) fn said_since(&self, from: usize, model: &str, said: impl Fn(&Entry) -> bool) -> bool {
        let entries = self.catalogues[from..]
            .iter()
            .filter_map(|catalogue| catalogue.get(model));
        entries.into_iter().any(said)
    }

    pub(super) fn last(&self) -> usize {
        self.seen.len().saturating_sub(1)
    }

    /// A line for each model that a follower of `pattern` must see now.
    pub(super) fn lines(&self, pattern: &str) -> Vec<String> {
        lines(&self.catalogue, pattern)
    }

    /// A line for each model that there was after a commit.
    pub(super) fn lines_at(&self, commit: usize) -> Vec<String> {
        lines(&self.catalogues[commit], "*/*")
    }
}

fn lines(catalogue: &Catalogue, pattern: &str) -> Vec<String> {
    let followed = followed(catalogue, pattern).into_iter();
    followed.map(|(model, entry)| line_of_entry(model, entry)).collect()
}

fn followed<'a>(catalogue: &'a Catalogue, pattern: &str) -> Vec<(&'a String, &'a Entry)> {
    let follows = Follows::of(pattern);
    let followed = |(_, entry): &(&String, &Entry)| {
        follows.scopes.matches(&Scope::of(namespace(), Some(&entry.task))) && follows.holds_for(entry)
    };
    catalogue.iter().filter(followed).collect()
}

/// What a device follows: scopes, and of their models perhaps only some.
#[derive(Debug)]
pub(super) struct Follows<'a> {
    pub(super) scopes: Follow,
    pub(super) filter: Option<&'a str>,
}

impl<'a> Follows<'a> {
    /// Reads `SCOPES where FILTER`.
    pub(super) fn of(pattern: &'a str) -> Self {
        let (scopes, filter) = match pattern.split_once(" where ") {
            Some((scopes, filter)) => (scopes, Some(filter)),
            None => (pattern, None),
        };
        let scopes = scopes.parse().expect("the simulator's patterns are valid");
        Self { scopes, filter }
    }

    /// What the filter means, told by itself: what reads filters is not trusted here.
    fn holds_for(&self, entry: &Entry) -> bool {
        match self.filter {
            None => true,
            Some("note:*") => entry.note.is_some(),
            Some("mark > 4") => entry.mark > 4,
            Some(other) => panic!("nobody has said what {other} means"),
        }
    }
}

pub(super) fn lines_of_models(models: &[Model]) -> Vec<String> {
    models.iter().map(line_of_model).collect()
}
