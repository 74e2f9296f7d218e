//! A registry in PostgreSQL: how soon its commits are visible at a connected agent, and what much of it costs a hub.

mod bulk;
mod flow;
mod polling;
mod quiet;
mod stage;
mod watcher;

use super::sheet::{Sheet, Summary, Unit};
use super::{BenchError, Wish, deliver, progress};
use crate::mlflow;
use crate::postgres::installed;
use flow::Kind;
use stage::{Stage, Tables};
use std::path::PathBuf;

const MUCH: &str = "Much at once, and nothing at all";
const MEASURED: &str = "measured";

/// How following a registry is to be measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every benchmark is told.
    pub wish: Wish,
    /// Commits a second.
    pub rate: usize,
    /// For how long they are made, in seconds.
    pub seconds: usize,
    /// How many models are read at once, and changed by one commit.
    pub models: usize,
    /// For how long the log is looked at that the database keeps in quiet times, in seconds.
    pub quiet_seconds: usize,
    /// Where the stores of hub and agent lie; among other temporary files when nothing is said.
    pub stores: Option<PathBuf>,
}

/// Measures, and delivers the result.
pub fn run(options: &Options) -> Result<(), BenchError> {
    let programs = installed().ok_or_else(|| {
        BenchError::Void("there is no PostgreSQL; install it with `apt-get install postgresql`".to_owned())
    })?;
    let mut sheets = Vec::new();
    for run in 1..=options.wish.runs {
        progress(&format!("run {run} of {}", options.wish.runs));
        let mut sheet = Sheet::default();
        let mut stage = Stage::prepare(&programs, options, Tables::Own)?;
        for kind in [Kind::Urgent, Kind::Ordinary] {
            progress(&format!("  {}", kind.row()));
            flow::measure(options, &mut stage, kind, &mut sheet)?;
        }
        progress("  quiet");
        quiet::measure(options, &stage, &mut sheet)?;
        stage.end()?;
        progress("  much at once");
        bulk::measure(&programs, options, &mut sheet)?;
        sheets.push(sheet);
    }
    let polled = match mlflow::installed() {
        Ok(mlflow) => {
            progress("beside an MLflow that is polled");
            // Once is enough: a change falls anywhere between two looks.
            polling::measure(&programs, &mlflow, options, &mut sheets[0])?
        }
        Err(reason) => format!("Polling MLflow is not measured: {reason}."),
    };
    let notes = notes(options, polled);
    deliver(
        &options.wish,
        "registry",
        "Following a registry in PostgreSQL",
        &notes,
        &Summary::of(&sheets),
    )
}

fn notes(options: &Options, polled: String) -> Vec<String> {
    let stores = match &options.stores {
        Some(stores) => format!("the stores of hub and agent lie in {}", stores.display()),
        None => "the database and the stores of hub and agent share one disk".to_owned(),
    };
    vec![
        format!(
            "A real PostgreSQL with TLS and its own syncs, a real hub with its own broker and default settings, and a real \
             agent, all on this machine; {stores}. {} models, of which each commit changes one attribute of one.",
            flow::MODELS
        ),
        format!(
            "A time is from the moment at which the database has answered the commit until a program on the device that \
             watches the agent's socket has read the new value. The first {} s are not counted. Urgent: a model's \
             `status`, which is P0; ordinary: another attribute, which is P1 and waits up to a second for company.",
            flow::WARM_UP_S
        ),
        "In quiet times the tables that are followed rest, and another one of the database gets ten rows a second.".to_owned(),
        "Much at once: each model has a tag and a version, so the snapshot has three rows for one model. The time of the \
         commit runs from the database's answer until the hub shows the last model changed; what the database itself \
         takes is beside it. The peak is the most that the hub's process had resident since its start (VmHWM)."
            .to_owned(),
        polled,
    ]
}

/// A figure and the aim for it.
fn put(sheet: &mut Sheet, row: &str, unit: Unit, value: f64, aim: f64) {
    sheet.put(MUCH, row, MEASURED, unit, value);
    sheet.put(MUCH, row, "aim", unit, aim);
}
