//! The agent as a product: what it weighs, how soon it answers, what it writes to its disk; beside SQLite, with the same
//! records and the same questions.

mod device;
mod history;
mod memory;
mod questions;
mod sqlite;
mod wear;

use super::sheet::{Sheet, Summary, Unit};
use super::{BenchError, Wish, deliver, progress};
use device::Device;
use std::path::PathBuf;

const STARTING: &str = "The program";

/// How the agent is to be measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every benchmark is told.
    pub wish: Wish,
    /// How many models the agent holds.
    pub models: usize,
    /// How often each question is asked.
    pub requests: usize,
    /// For how many minutes memory and processor are looked at, twice.
    pub minutes: f64,
    /// The agent's program as it is shipped; this one in its place if there is none.
    pub program: Option<PathBuf>,
    /// Its package.
    pub package: Option<PathBuf>,
}

/// Measures, and delivers the result.
pub fn run(options: &Options) -> Result<(), BenchError> {
    let mut sheets = Vec::new();
    for run in 1..=options.wish.runs {
        progress(&format!("run {run} of {}", options.wish.runs));
        sheets.push(measure(options)?);
    }
    deliver(
        &options.wish,
        "agent",
        "The agent, and SQLite",
        &notes(options),
        &Summary::of(&sheets),
    )
}

fn measure(options: &Options) -> Result<Sheet, BenchError> {
    let mut sheet = Sheet::default();
    sizes(options, &mut sheet)?;
    let mut device = Device::prepare(options)?;
    progress("  a full catch-up");
    memory::of_catch_up(&mut device, &mut sheet)?;
    progress("  idle after it");
    memory::of_idling(
        options,
        &device,
        "idle, after a full catch-up",
        memory::AFTER_AIM_MIB,
        &mut sheet,
    )?;
    progress("  starting");
    device.start_again(&mut sheet)?;
    progress("  connected and idle");
    memory::of_idling(options, &device, "connected and idle", memory::IDLE_AIM_MIB, &mut sheet)?;
    progress("  questions");
    questions::ask(options, &device, &mut sheet)?;
    progress("  writing");
    wear::measure(&device, &mut sheet)?;
    device.end()?;
    progress("  the history");
    history::replay(options, &mut sheet)?;
    Ok(sheet)
}

fn sizes(options: &Options, sheet: &mut Sheet) -> Result<(), BenchError> {
    const MIB: f64 = 1024.0 * 1024.0;
    for (row, file, aim) in [
        ("program, stripped", &options.program, 3.0 * MIB),
        (".deb", &options.package, 2.0 * MIB),
    ] {
        if let Some(file) = file {
            sheet.put(
                STARTING,
                row,
                "measured",
                Unit::Bytes,
                std::fs::metadata(file)?.len() as f64,
            );
            sheet.put(STARTING, row, "aim", Unit::Bytes, aim);
        }
    }
    Ok(())
}

fn notes(options: &Options) -> Vec<String> {
    let program = match &options.program {
        Some(program) => format!("The agent is {}.", program.display()),
        None => {
            "The agent is this benchmark's own program in that role, which is larger than the shipped one: its size is \
                 not told, and its memory holds pages of a larger program."
                .to_owned()
        }
    };
    let package = match &options.package {
        Some(_) => "",
        None => " The package is not built: `tests/package --agent amd64` builds it, and --package names it.",
    };
    vec![
        format!("{program}{package} A real hub with its own broker runs beside it; the profile is `lan`, and all settings are the defaults but for the hub's feed, which waits for no company, so that each change is told by itself."),
        format!(
            "{} models: the first releases of timm and LiteLLM as shipped, repeated under prefixes. Synthetic: the \
             description and the two tags of each, and the two versions with a manifest of every tenth, the first of them \
             approved.",
            options.models
        ),
        format!(
            "Memory is what the kernel says (smaps_rollup) once a second for {} minutes, as in the published reports of AWS \
             IoT Greengrass nucleus lite; during a catch-up it is looked at without a pause. Processor time is that of all \
             threads while it is connected and idle, in hundredths of one core.",
            options.minutes
        ),
        "The agent's times run from the first byte of the request on its Unix socket to the last of the answer, with HTTP \
         and JSON. SQLite is asked within the asking process through rusqlite, with statements that are prepared and an index \
         or FTS5 for each question, and gives the stored JSON as it is: that favours SQLite by two context switches and all \
         of HTTP. Its words are whole ones, and its resolving is the first approved version without the reasons why others \
         are not."
            .to_owned(),
        "Disk: bytes in pages that the process had the kernel write (write_bytes of /proc/PID/io, for SQLite those of its \
         thread), with the file system's own journal left out for both. The kernel counts as written all that it caches \
         together with a page, so what it has cached of both files is dropped before. SQLite keeps a WAL with synchronous=FULL, which is \
         what an agent promises, and the checkpoint of it counts. A change is one price of one model in a transaction; \
         batched are a hundred models in one. The agent's share includes all else that it does meanwhile."
            .to_owned(),
        "The history is every later release of both catalogues, one after another while the agent is connected; for SQLite \
         one transaction each. Content is the bytes of all keys and values that are stored, as the storage engine counts \
         them, and for SQLite the bytes of all columns without its indexes."
            .to_owned(),
        "What an idle agent carries in a day is measured by `headland-fleet bench idle`.".to_owned(),
    ]
}
