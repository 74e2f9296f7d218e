//! Imports: files state what namespaces shall hold; the difference becomes one commit.

use super::REMOVALS_PERCENT_MAX;
use super::change::{Held, Outcome, RegistryCommit, Wanted};
use super::statement::{Stated, declaration_to_hold, elements};
use crate::import_file::ImportedRecord;
use crate::replica::{Commit, CommitError, Replica};
use crate::store::Origin;
use headland_host::tables::StoreError;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{AttributeName, Namespace, VersionName};
use headland_shared::schema::{Declaration, Kind, Rule};
use headland_shared::session::Now;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// How many names a report lists of each kind; the counts are whole.
const NAMES_MAX: usize = 20;

/// Whether an import may remove more than the brake allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removals {
    /// Up to the brake's percentage of a namespace.
    Braked,
    /// As many as there are.
    Allowed,
}

/// How an import is to be done.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Whether it may remove much.
    pub removals: Removals,
    /// Whether newly inferred attributes are declared; otherwise they are listed and the import is refused.
    pub register: bool,
    /// Whether to stop before the commit and only say what it would do.
    pub dry_run: bool,
    /// What the history calls it: the files' names.
    pub origin: String,
}

/// An attribute that the import declares, or makes able to hold more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NewAttribute {
    /// Its name, for ever.
    pub name: String,
    /// What it holds.
    pub kind: String,
    /// How it merges.
    pub rule: String,
    /// Whether its name is new to everyone: neither built in, nor known and only made able to hold more.
    pub needs_register: bool,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportReport {
    /// The commit's seq; nothing when nothing differed, or in a dry run.
    pub seq: Option<u64>,
    /// Models that are new.
    pub new: u64,
    /// Models that changed.
    pub changed: u64,
    /// Models that are gone.
    pub gone: u64,
    /// Models that the namespaces hold afterwards.
    pub models: u64,
    /// Attributes that are declared with it.
    pub attributes: Vec<NewAttribute>,
    /// Some names of new models.
    pub new_names: Vec<String>,
    /// Some names of changed models.
    pub changed_names: Vec<String>,
    /// Some names of models that are gone.
    pub gone_names: Vec<String>,
}

/// Why an import was refused. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files name attributes that the schema does not know.
    #[error(
        "importing: {count} new attributes, and names are for ever: {names}; pass --register to declare them so, --dry-run lists them all"
    )]
    Unregistered {
        /// How many.
        count: usize,
        /// Their names, kinds and rules.
        names: String,
        /// All of them.
        attributes: Vec<NewAttribute>,
    },
    /// The import would remove too much.
    #[error(
        "importing: it would remove {gone} of {held} models of namespace {namespace}, more than {REMOVALS_PERCENT_MAX} %; check the file, or pass --allow-removals"
    )]
    Brake {
        /// The namespace.
        namespace: Namespace,
        /// How many would go.
        gone: u64,
        /// How many it holds.
        held: u64,
    },
    /// Two files name the same model.
    #[error("importing: model {0} is in more than one file; keep it in one")]
    Twice(RecordKey),
    /// A released version cannot change.
    #[error(
        "importing model {record}: version {version} is released with another manifest; release a new version instead"
    )]
    ManifestChanged {
        /// The model.
        record: RecordKey,
        /// The version.
        version: VersionName,
    },
    /// What is counted at the edge cannot be set.
    #[error("importing model {record}: attribute {attribute} is counted by devices; leave it out")]
    Counted {
        /// The model.
        record: RecordKey,
        /// The attribute.
        attribute: AttributeName,
    },
}

enum Stopped {
    Failed(Box<ImportError>),
    DryRun(Box<ImportReport>),
}

impl<E: Into<ImportError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error.into()))
    }
}

/// Commits the difference between what the files state and what the hub holds, namespace by namespace that they name.
pub fn import(
    replica: &mut Replica,
    records: Vec<ImportedRecord>,
    options: &ImportOptions,
    now: Now,
) -> Result<ImportReport, ImportError> {
    let mut wanted: BTreeMap<RecordKey, ImportedRecord> = BTreeMap::new();
    for record in records {
        let key = record.key.clone();
        if wanted.insert(key.clone(), record).is_some() {
            return Err(ImportError::Twice(key));
        }
    }
    let result = replica.commit(now, |commit| build(commit, wanted, options, now));
    match result {
        Ok((mut report, committed)) => {
            report.seq = committed.map(|committed| committed.seq.0);
            Ok(report)
        }
        Err(Stopped::DryRun(report)) => Ok(*report),
        Err(Stopped::Failed(error)) => Err(*error),
    }
}

fn build(
    commit: &mut Commit<'_, '_>,
    wanted: BTreeMap<RecordKey, ImportedRecord>,
    options: &ImportOptions,
    now: Now,
) -> Result<ImportReport, Stopped> {
    let attributes = infer(commit, &wanted);
    let new: Vec<NewAttribute> = attributes
        .iter()
        .map(|(name, declaration, needs)| described(name, *declaration, *needs))
        .collect();
    let unregistered: Vec<NewAttribute> = new
        .iter()
        .filter(|attribute| attribute.needs_register)
        .cloned()
        .collect();
    if !unregistered.is_empty() && !options.register && !options.dry_run {
        return Err(unregistered_error(unregistered).into());
    }
    let gone = gone(commit, &wanted, options.removals)?;
    for (name, declaration, _) in &attributes {
        commit.declare(name, *declaration)?;
    }
    let mut report = ImportReport {
        models: wanted.len() as u64,
        attributes: new,
        ..ImportReport::default()
    };
    let declared_only = !commit.is_empty();
    let mut registry = RegistryCommit::begin(commit, now)?;
    for (key, record) in wanted {
        let held = registry.held(&key)?;
        forbidden(registry.commit, &held, &record)?;
        let elements = elements(registry.commit, &held, record, Stated::Listed);
        match registry.set(&key, &held, elements)? {
            Outcome::New => note(&mut report.new_names, &key),
            Outcome::Changed => note(&mut report.changed_names, &key),
            Outcome::Unchanged | Outcome::Gone => {}
        }
    }
    for key in gone {
        let held = registry.held(&key)?;
        registry.set(&key, &held, vec![Wanted::new(ElementKey::Life, None)])?;
        note(&mut report.gone_names, &key);
    }
    (report.new, report.changed, report.gone) = (registry.new, registry.changed, registry.gone);
    if report.new + report.changed + report.gone > 0 || declared_only {
        registry.finish(Origin::Import(options.origin.clone()))?;
    }
    if options.dry_run {
        return Err(Stopped::DryRun(Box::new(report)));
    }
    Ok(report)
}

fn note(names: &mut Vec<String>, key: &RecordKey) {
    if names.len() < NAMES_MAX {
        names.push(key.to_string());
    }
}

fn described(name: &AttributeName, declaration: Declaration, needs_register: bool) -> NewAttribute {
    NewAttribute {
        name: name.to_string(),
        kind: declaration.kind.to_string(),
        rule: declaration.rule.to_string(),
        needs_register,
    }
}

fn unregistered_error(attributes: Vec<NewAttribute>) -> ImportError {
    let mut names: Vec<String> = attributes
        .iter()
        .take(NAMES_MAX)
        .map(|a| format!("{} ({}, {})", a.name, a.kind, a.rule))
        .collect();
    if attributes.len() > NAMES_MAX {
        names.push(format!("and {} more", attributes.len() - NAMES_MAX));
    }
    ImportError::Unregistered {
        count: attributes.len(),
        names: names.join(", "),
        attributes,
    }
}

/// Attributes that are new, or hold what they could not hold so far; the flag says whether the name is new to everyone.
fn infer(
    commit: &Commit<'_, '_>,
    wanted: &BTreeMap<RecordKey, ImportedRecord>,
) -> Vec<(AttributeName, Declaration, bool)> {
    let mut kinds: BTreeMap<&AttributeName, BTreeSet<Kind>> = BTreeMap::new();
    for record in wanted.values() {
        for (name, value) in &record.attributes {
            kinds.entry(name).or_default().extend(Kind::of(value));
        }
    }
    let mut changes = Vec::new();
    for (name, kinds) in kinds {
        let mut seen = kinds.into_iter();
        let kind = match (seen.next(), seen.next()) {
            (Some(kind), None) => kind,
            _ => Kind::Any,
        };
        if let Some(declaration) = declaration_to_hold(commit, name, kind) {
            let known = commit.attributes.contains_key(name) || Declaration::built_in(name.as_str()).is_some();
            changes.push((name.clone(), declaration, !known));
        }
    }
    changes
}

/// Models of the stated namespaces that the files do not name. The brake holds when they are too many.
fn gone(
    commit: &Commit<'_, '_>,
    wanted: &BTreeMap<RecordKey, ImportedRecord>,
    removals: Removals,
) -> Result<Vec<RecordKey>, ImportError> {
    let namespaces: BTreeSet<&Namespace> = wanted.keys().map(|key| &key.namespace).collect();
    let mut all = Vec::new();
    for namespace in namespaces {
        let mut held = 0;
        let mut gone = Vec::new();
        commit
            .tables
            .each_handle(&RecordKey::prefix(namespace), None, |handle| {
                if let Some((key, blob)) = commit.tables.record(handle)? {
                    let alive = headland_shared::blob::Blob::parse(&blob).is_ok_and(|blob| blob.head.task.is_some());
                    held += u64::from(alive);
                    if alive && !wanted.contains_key(&key) {
                        gone.push(key);
                    }
                }
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            })?;
        if removals == Removals::Braked && gone.len() as u64 * 100 > held * REMOVALS_PERCENT_MAX {
            return Err(ImportError::Brake {
                namespace: namespace.clone(),
                gone: gone.len() as u64,
                held,
            });
        }
        all.append(&mut gone);
    }
    Ok(all)
}

/// What an import may not say of a record.
fn forbidden(commit: &Commit<'_, '_>, held: &Held, record: &ImportedRecord) -> Result<(), ImportError> {
    let counts =
        |name: &&AttributeName| commit.declaration(name).map(|declaration| declaration.rule) == Some(Rule::Counter);
    if let Some(attribute) = record.attributes.keys().find(counts) {
        let (record, attribute) = (record.key.clone(), attribute.clone());
        return Err(ImportError::Counted { record, attribute });
    }
    for version in &record.versions {
        let key = ElementKey::Version(version.version.clone());
        let manifest = held.central(&key.encoded()).filter(|_| held.alive);
        if manifest.is_some_and(|manifest| manifest != version.manifest) {
            let (record, version) = (record.key.clone(), version.version.clone());
            return Err(ImportError::ManifestChanged { record, version });
        }
    }
    Ok(())
}
