//! The catalogues' real history, release by release, and how large the stores are that have lived through it.

use super::Options;
use super::device::Device;
use super::sqlite::Twin;
use crate::bench::BenchError;
use crate::bench::sheet::{Sheet, Unit};
use crate::demo::catalogue::{Catalogue, Models, Release};
use redb::{Database, ReadableDatabase, ReadableTableMetadata};
use std::collections::BTreeMap;
use std::path::Path;

const TABLE: &str = "The store after the real history";
const AIM: f64 = 2.0;

/// Replays it for both.
pub(super) fn replay(options: &Options, sheet: &mut Sheet) -> Result<(), BenchError> {
    let catalogue = Catalogue::shipped()?;
    let mut device = Device::empty(options, Vec::new())?;
    let all = || catalogue.base.iter().chain(&catalogue.releases);
    for (nth, release) in all().enumerate() {
        device.import(&release.namespace, &release.json_lines())?;
        if nth + 1 == catalogue.base.len() {
            device.start()?;
        }
        if nth + 1 >= catalogue.base.len() {
            device.programs.until_in_step()?;
        }
    }
    device.stop_agent()?;
    let (file, content) = agent_sizes(&device.store())?;
    let twin = device.programs.path("history.sqlite");
    let (other_file, other_content) = sqlite_sizes(&twin, all())?;
    device.end()?;
    for (row, file, content) in [("agent", file, content), ("SQLite", other_file, other_content)] {
        let mut put = |column, unit, value| sheet.put(TABLE, row, column, unit, value);
        put("file", Unit::Bytes, file);
        put("content", Unit::Bytes, content);
        put("ratio", Unit::Ratio, file / content);
    }
    sheet.put(TABLE, "agent", "aim", Unit::Ratio, AIM);
    sheet.put(TABLE, "agent", "releases", Unit::Count, all().count() as f64);
    Ok(())
}

/// Bytes of the file, and of the keys and values in it.
fn agent_sizes(path: &Path) -> Result<(f64, f64), BenchError> {
    let file = std::fs::metadata(path)?.len() as f64;
    let content = || -> Result<u64, redb::Error> {
        let database = Database::open(path)?;
        let transaction = database.begin_read()?;
        let mut bytes = 0;
        for table in transaction.list_tables()? {
            bytes += transaction.open_untyped_table(table)?.stats()?.stored_bytes();
        }
        Ok(bytes)
    };
    let content = content().map_err(|error| BenchError::Void(format!("reading the agent's store: {error}")))?;
    Ok((file, content as f64))
}

fn sqlite_sizes<'a>(path: &Path, releases: impl Iterator<Item = &'a Release>) -> Result<(f64, f64), BenchError> {
    let mut twin = Twin::empty(path)?;
    let mut held: BTreeMap<&str, &Models> = BTreeMap::new();
    let none = Models::new();
    for release in releases {
        let namespace = release.namespace.as_str();
        let before = held.get(namespace).copied().unwrap_or(&none);
        twin.together(|twin| {
            for (name, attributes) in &release.models {
                if before.get(name) != Some(attributes) {
                    twin.put(namespace, name, attributes)?;
                }
            }
            let gone = before.keys().filter(|name| !release.models.contains_key(*name));
            gone.into_iter().try_for_each(|name| twin.remove(namespace, name))
        })?;
        held.insert(namespace, &release.models);
    }
    twin.sizes()
}
