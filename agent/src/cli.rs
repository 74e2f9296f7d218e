//! The commands that ask or tell the agent something, and print the answer.

mod access;
mod age;
mod listing;
mod resolve;
mod sheet;
mod standing;
mod story;
mod watch;

pub(crate) use resolve::resolve;
pub(crate) use standing::synced_line;
pub(crate) use watch::watch;

use crate::answer::{Counted, Facts, Listing, NoteWritten, One, Status};
use crate::program::{FreshnessArguments, ModelArgument, NoteArguments, WantedModels};
use crate::settings::Settings;
use access::Access;
use headland_api::model_key;
use headland_api::story::Why;
use headland_host::exit::Failure;
use headland_host::text::{print, words};
use headland_shared::key::RecordKey;
use headland_shared::view::parse_annotation_id;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A model as the commands read it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ModelText {
    namespace: String,
    name: String,
    attributes: BTreeMap<String, Value>,
    conflicts: BTreeMap<String, Vec<Value>>,
    counts: BTreeMap<String, i64>,
    versions: BTreeMap<String, VersionText>,
    current: Option<Value>,
    aliases: BTreeMap<String, Value>,
    annotations: Vec<NoteText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VersionText {
    manifest: Option<Value>,
    approvals: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct NoteText {
    id: String,
    author: String,
    at_ms: u64,
    subject: Option<String>,
    text: String,
}

/// `models`
pub(crate) fn models(settings: &Settings, wanted: &WantedModels, json: bool) -> Result<(), Failure> {
    let answer = Access::find(settings)?.models(wanted)?;
    if json {
        return print(&as_json(&answer)?);
    }
    let listing: Listing<ModelText> = understood(answer)?;
    print(&listing::text(&listing, wanted))
}

/// `show`
pub(crate) fn show(
    settings: &Settings,
    model: &ModelArgument,
    freshness: &FreshnessArguments,
    json: bool,
) -> Result<(), Failure> {
    let record = key(model)?;
    let answer = Access::find(settings)?.model(&record, freshness)?;
    if json {
        return print(&as_json(&answer)?);
    }
    let one: One<ModelText> = understood(answer)?;
    print(&sheet::text(&one))
}

/// `why`
pub(crate) fn why(
    settings: &Settings,
    model: &ModelArgument,
    attribute: &str,
    freshness: &FreshnessArguments,
    json: bool,
) -> Result<(), Failure> {
    let record = key(model)?;
    let answer = Access::find(settings)?.why(&record, attribute, freshness)?;
    if json {
        return print(&as_json(&answer)?);
    }
    let facts: Facts<Why> = understood(answer)?;
    print(&story::text(&facts))
}

/// `annotate`
pub(crate) fn annotate(settings: &Settings, note: NoteArguments, json: bool) -> Result<(), Failure> {
    let record = key(&note.model)?;
    if let Some(id) = note.remove {
        let bad_id = || {
            Failure::bad_input(format!(
                "removing note {id:?}: that is no id of a note; `headland-agent show` lists them"
            ))
        };
        let dot = parse_annotation_id(&id).ok_or_else(bad_id)?;
        let mut access = Access::find_to_write(settings)?;
        access.remove_note(&record, &id, dot)?;
        return print(if json { "{}\n" } else { "removed\n" });
    }
    let text = note.text.unwrap_or_default();
    let answer = Access::find_to_write(settings)?.annotate(&record, note.subject, text)?;
    if json {
        return print(&as_json(&answer)?);
    }
    let written: NoteWritten = understood(answer)?;
    print(&format!("{}\n", written.id))
}

/// `count`
pub(crate) fn count(settings: &Settings, model: &ModelArgument, by: i64, json: bool) -> Result<(), Failure> {
    let record = key(model)?;
    let answer = Access::find_to_write(settings)?.count(&record, by)?;
    if json {
        return print(&as_json(&answer)?);
    }
    let counted: Counted = understood(answer)?;
    let net = i128::from(counted.added) - i128::from(counted.removed);
    print(&format!("{record}: {} counted on this device\n", words::whole(net)))
}

/// `status`
pub(crate) fn status(settings: &Settings, json: bool) -> Result<(), Failure> {
    let answer = Access::find(settings)?.status()?;
    if json {
        return print(&as_json(&answer)?);
    }
    let status: Status = understood(answer)?;
    print(&standing::text(&status))
}

/// An answer as it is printed for programs.
pub(crate) fn as_json(answer: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(answer);
    text.map(|text| text + "\n")
        .map_err(|error| Failure::failed(format!("printing the answer as JSON: {error}")))
}

fn key(model: &ModelArgument) -> Result<RecordKey, Failure> {
    model_key(&model.namespace, &model.name)
        .map_err(|error| Failure::bad_input(format!("reading the arguments: {error}")))
}

fn understood<T: DeserializeOwned>(answer: Value) -> Result<T, Failure> {
    serde_json::from_value(answer).map_err(|error| {
        Failure::failed(format!(
            "reading the agent's answer: {error}; is the agent of the same version as this command?"
        ))
    })
}
