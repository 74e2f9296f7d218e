//! What one change costs the disk.

use super::device::Device;
use super::sqlite::Twin;
use crate::bench::BenchError;
use crate::bench::process::written_bytes;
use crate::bench::sheet::{Sheet, Unit};
use crate::demo::catalogue::{Catalogue, Models};
use rustix::fs::{Advice, fadvise};
use serde_json::{Value, json};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

const TABLE: &str = "Bytes written to the disk for each change";
const NAMESPACE: &str = "wear";
/// Models of which one or all change.
const MODELS: usize = 100;
/// Changes of one model by itself.
const SINGLE: usize = 50;
/// Changes of all of them together.
const BATCHES: usize = 5;
const PRICE: &str = "input_cost_per_token";
/// What follows on a change is written by then: acknowledgements.
const SETTLE: Duration = Duration::from_secs(2);
const AIM_TIMES_SQLITE: f64 = 3.0;

/// Measures both, with all else that they hold.
pub(super) fn measure(device: &Device, sheet: &mut Sheet) -> Result<(), BenchError> {
    let catalogue = Catalogue::shipped()?;
    let llm = catalogue.base.iter().find(|release| release.namespace == "llm");
    let llm = llm.ok_or_else(|| BenchError::Void("the catalogue has no llm".to_owned()))?;
    let models: Models = llm.models.clone().into_iter().take(MODELS).collect();
    let agent = of_agent(device, models.clone())?;
    let twin = device.programs.path("wear.sqlite");
    let sqlite = of_sqlite(device, &twin, models)?;
    if agent.iter().chain(&sqlite).any(|bytes| *bytes == 0.0) {
        let text = "nothing was written to a disk; set TMPDIR to a directory that is on one";
        return Err(BenchError::Void(text.to_owned()));
    }
    for (index, row) in ["one change", "one of a hundred in a batch"].into_iter().enumerate() {
        let mut put = |column, unit, value| sheet.put(TABLE, row, column, unit, value);
        put("agent", Unit::Bytes, agent[index]);
        put("SQLite", Unit::Bytes, sqlite[index]);
        put("ratio", Unit::Ratio, agent[index] / sqlite[index]);
        put("aim", Unit::Ratio, AIM_TIMES_SQLITE);
    }
    Ok(())
}

/// Sets the price of one model, or of all, to a number that it did not have.
fn change(models: &mut Models, only: Option<usize>, number: usize) {
    for (index, attributes) in models.values_mut().enumerate() {
        if only.is_none_or(|only| only == index) {
            attributes.insert(PRICE.to_owned(), json!(number as f64 / 1e9));
        }
    }
}

/// Has the kernel drop what it caches of a file. It counts what it keeps together as written when a page of it is, and
/// after a file was read from its beginning it keeps megabytes together, while a disk gets the one page.
fn drop_cached(file: &Path) -> Result<(), BenchError> {
    let file = match File::open(file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    file.sync_all()?;
    let advised = fadvise(&file, 0, None, Advice::DontNeed);
    Ok(advised.map_err(std::io::Error::from)?)
}

fn of_agent(device: &Device, mut models: Models) -> Result<[f64; 2], BenchError> {
    let state = |models: &Models| -> Result<(), BenchError> {
        let line = |(id, attributes): (&String, &serde_json::Map<String, Value>)| {
            format!("{}\n", json!({ "id": id, "attributes": attributes }))
        };
        device.import(NAMESPACE, &models.iter().map(line).collect::<String>())?;
        device.programs.until_in_step()
    };
    state(&models)?;
    let pid = device.agent_id()?.to_string();
    let mut number = 0;
    let mut each = |count: usize, single: bool| {
        std::thread::sleep(SETTLE);
        drop_cached(&device.store())?;
        let before = written_bytes(&pid)?;
        for nth in 0..count {
            number += 1;
            change(&mut models, single.then_some(nth), number);
            state(&models)?;
        }
        std::thread::sleep(SETTLE);
        let changes = if single { count } else { count * MODELS };
        Ok::<_, BenchError>((written_bytes(&pid)? - before) / changes as f64)
    };
    Ok([each(SINGLE, true)?, each(BATCHES, false)?])
}

fn of_sqlite(device: &Device, path: &Path, mut models: Models) -> Result<[f64; 2], BenchError> {
    let mut twin = Twin::filled(path, &device.records)?;
    let put_all = |twin: &mut Twin, models: &Models| {
        models
            .iter()
            .try_for_each(|(name, attributes)| twin.put(NAMESPACE, name, attributes))
    };
    twin.together(|twin| put_all(twin, &models))?;
    twin.checkpoint()?;
    let mut number = 0;
    let mut each = |count: usize, single: bool| {
        drop_cached(path)?;
        let before = written_bytes("thread-self")?;
        for nth in 0..count {
            number += 1;
            change(&mut models, single.then_some(nth), number);
            twin.together(|twin| match models.iter().nth(nth).filter(|_| single) {
                Some((name, attributes)) => twin.put(NAMESPACE, name, attributes),
                None => put_all(twin, &models),
            })?;
        }
        twin.checkpoint()?;
        let changes = if single { count } else { count * MODELS };
        Ok::<_, BenchError>((written_bytes("thread-self")? - before) / changes as f64)
    };
    Ok([each(SINGLE, true)?, each(BATCHES, false)?])
}
