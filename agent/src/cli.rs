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

use crate::answer::{Counted, Listing, NoteWritten, One, Reported, Status, Synced};
use crate::program::{
    FreshnessArguments, ModelArgument, NoteArguments, OnceArguments, ReportArguments, WantedModels, WhyArguments,
};
use crate::settings::Settings;
use access::{Access, Once};
use headland_api::model_key;
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

/// `sync`, where an agent runs: it is asked to. Nothing where none runs.
pub(crate) fn sync_by_agent(settings: &Settings) -> Result<Option<Synced>, Failure> {
    let synced = access::sync(settings)?;
    let read = |answer| {
        serde_json::from_value(answer).map_err(|error| {
            Failure::failed(format!(
                "syncing: the agent's answer cannot be read: {error}; let both be of one version"
            ))
        })
    };
    synced.map(read).transpose()
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
pub(crate) fn why(settings: &Settings, wanted: &WhyArguments, json: bool) -> Result<(), Failure> {
    let record = key(&wanted.model)?;
    let access = Access::find(settings)?;
    let attributes = match wanted.attributes.as_slice() {
        [] => attributes_of(access.model(&record, &wanted.freshness)?, wanted.limit),
        named => named.to_vec(),
    };
    let answers = attributes
        .iter()
        .map(|attribute| access.why(&record, attribute, &wanted.freshness));
    let answers = answers.collect::<Result<Vec<_>, _>>()?;
    match (json, <[Value; 1]>::try_from(answers)) {
        // One that was asked for by itself is no list.
        (true, Ok([answer])) if !wanted.attributes.is_empty() => print(&as_json(&answer)?),
        (true, Ok([answer])) => print(&as_json(&[answer])?),
        (true, Err(answers)) => print(&as_json(&answers)?),
        (false, Ok([answer])) => print(&story::text(&understood(answer)?)),
        (false, Err(answers)) => {
            let texts = answers.into_iter().map(|answer| Ok(story::text(&understood(answer)?)));
            print(&texts.collect::<Result<Vec<_>, Failure>>()?.join("\n"))
        }
    }
}

/// The names of the first attributes of a model, in the order of their names.
fn attributes_of(answer: Value, limit: usize) -> Vec<String> {
    let attributes = answer.pointer("/model/attributes").and_then(Value::as_object);
    let names = attributes.into_iter().flat_map(|attributes| attributes.keys().cloned());
    names.take(limit).collect()
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
        access.remove_note(&record, &id, dot, &Once::of(&note.once)?)?;
        return print(if json { "{}\n" } else { "removed\n" });
    }
    let text = note.text.unwrap_or_default();
    let once = Once::of(&note.once)?;
    let answer = Access::find_to_write(settings)?.annotate(&record, note.subject, text, &once)?;
    if json {
        return print(&as_json(&answer)?);
    }
    let written: NoteWritten = understood(answer)?;
    print(&format!("{}\n", written.id))
}

/// `count`
pub(crate) fn count(
    settings: &Settings,
    model: &ModelArgument,
    by: i64,
    once: &OnceArguments,
    json: bool,
) -> Result<(), Failure> {
    let record = key(model)?;
    let once = Once::of(once)?;
    let answer = Access::find_to_write(settings)?.count(&record, by, &once)?;
    if json {
        return print(&as_json(&answer)?);
    }
    let counted: Counted = understood(answer)?;
    let net = i128::from(counted.added) - i128::from(counted.removed);
    print(&format!("{record}: {} counted on this device\n", words::whole(net)))
}

/// `report`
pub(crate) fn report(settings: &Settings, report: ReportArguments, json: bool) -> Result<(), Failure> {
    let record = key(&report.model)?;
    let once = Once::of(&report.once)?;
    let answer = Access::find_to_write(settings)?.report(&record, report.availability, &once)?;
    if json {
        return print(&as_json(&answer)?);
    }
    let said = match understood::<Reported>(answer)?.reported {
        Some(reported) => format!("{reported} on this device"),
        None => "nothing reported by this device".to_owned(),
    };
    print(&format!("{record}: {said}\n"))
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
