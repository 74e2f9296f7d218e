//! Everything at once: a first snapshot, and one commit that changes every model.

use super::stage::{Stage, Tables};
use super::{Options, put};
use crate::bench::BenchError;
use crate::bench::process::peak_rss;
use crate::bench::programs::until;
use crate::bench::sheet::{Sheet, Unit};
use std::path::Path;
use std::time::Instant;

const SNAPSHOT_S_AIM: f64 = 30.0;
const PEAK_BYTES_AIM: f64 = 256.0 * 1024.0 * 1024.0;

pub(super) fn measure(programs: &Path, options: &Options, sheet: &mut Sheet) -> Result<(), BenchError> {
    let mut stage = Stage::prepare(programs, options, Tables::Own)?;
    let count = options.models;
    stage.sql(&format!("INSERT INTO registered_models (name, description) SELECT 'm/' || n, 'number ' || n FROM generate_series(1, {count}) n"))?;
    stage.sql(&format!("INSERT INTO registered_model_tags (name, key, value) SELECT 'm/' || n, 'task', 'task-' || n % 20 FROM generate_series(1, {count}) n"))?;
    stage.sql(&format!("INSERT INTO model_versions (name, version, source) SELECT 'm/' || n, 1, 's3://models/' || n FROM generate_series(1, {count}) n"))?;
    let begun = Instant::now();
    stage.start_hub()?;
    put(
        sheet,
        "snapshot of all models",
        Unit::Seconds,
        begun.elapsed().as_secs_f64(),
        SNAPSHOT_S_AIM,
    );
    let hub = stage
        .hub_id()
        .ok_or_else(|| BenchError::Void("the hub does not run".to_owned()))?;
    put(
        sheet,
        "the hub's peak until then",
        Unit::Bytes,
        peak_rss(hub)?,
        PEAK_BYTES_AIM,
    );
    let begun = Instant::now();
    stage.sql("UPDATE registered_models SET description = 'changed ' || name")?;
    let committed = Instant::now();
    let target = format!("/v1/namespaces/default/models/m%2F{count}");
    until("the hub to show the commit", || {
        let shown = stage.programs.ask("hub", &target);
        let description = shown["model"]["attributes"]["description"].as_str();
        description.is_some_and(|text| text.starts_with("changed"))
    })?;
    for (row, seconds) in [
        (
            "a commit of a row of each, at the hub",
            committed.elapsed().as_secs_f64(),
        ),
        ("the same, within the database", (committed - begun).as_secs_f64()),
    ] {
        sheet.put(super::MUCH, row, super::MEASURED, Unit::Seconds, seconds);
    }
    put(
        sheet,
        "the hub's peak until then and after it",
        Unit::Bytes,
        peak_rss(hub)?,
        PEAK_BYTES_AIM,
    );
    stage.end()
}
