//! Benchmarks: what a storm of returning agents costs, what the hub's core does by itself, how long reads and
//! resolving take on a device, and what an idle agent carries.

pub mod agent;
mod client;
mod document;
pub mod hub_core;
pub mod idle;
mod limits;
mod machine;
mod probe;
mod process;
mod programs;
mod quantile;
pub mod query;
mod records;
pub mod registry;
pub mod resolve;
mod sheet;
pub mod storm;

use crate::demo::DemoError;
use crate::fleet::FleetError;
use crate::mlflow::MlflowError;
use crate::postgres::PostgresError;
use std::path::PathBuf;

/// What every benchmark is told.
#[derive(Debug, Clone)]
pub struct Wish {
    /// How often it is run: medians and spreads are over these.
    pub runs: usize,
    /// Whether one JSON object is printed and nothing else.
    pub json: bool,
    /// The document whose section it writes.
    pub document: Option<PathBuf>,
    /// The command as it was given, for the document.
    pub command: String,
}

/// Why a benchmark could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The fleet failed.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The catalogue cannot be used.
    #[error(transparent)]
    Catalogue(#[from] DemoError),
    /// PostgreSQL failed.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// MLflow failed.
    #[error(transparent)]
    Mlflow(#[from] MlflowError),
    /// The machine failed.
    #[error("running the benchmark: {0}; check space and limits of this machine")]
    Io(#[from] std::io::Error),
    /// The hub's core refused something.
    #[error("running the benchmark: {doing}: {reason}")]
    Hub {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        reason: String,
    },
    /// The machine does not let one process have as much as is needed.
    #[error("preparing the benchmark: {needed} {what} are needed and {allowed} are allowed; {remedy}")]
    Limit {
        /// What there is too little of.
        what: &'static str,
        /// How much is needed.
        needed: u64,
        /// How much there may be.
        allowed: u64,
        /// What to do about it.
        remedy: String,
    },
    /// The document cannot be written.
    #[error("writing document {path}: {reason}; name a file that can be written")]
    Document {
        /// The document.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// Something took too long.
    #[error("waiting for {what}: not within {seconds} s; run it with fewer agents, or on a faster machine")]
    TooLong {
        /// For what.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// What was measured means nothing.
    #[error("checking the benchmark: {0}")]
    Void(String),
}

/// Tells progress, on standard error: standard output is for the result.
fn progress(text: &str) {
    use std::io::Write;
    // A reader that has gone away is no reason to stop measuring.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Shows the result, and writes the document's section if one was asked for.
fn deliver(
    wish: &Wish,
    marker: &str,
    title: &str,
    notes: &[String],
    summary: &sheet::Summary,
) -> Result<(), BenchError> {
    let text = if wish.json {
        let mut text = serde_json::to_string_pretty(&summary.json(notes)).unwrap_or_default();
        text.push('\n');
        text
    } else {
        summary.plain(notes)
    };
    headland_host::text::print(&text).map_err(|failure| std::io::Error::other(failure.to_string()))?;
    let Some(path) = &wish.document else {
        return Ok(());
    };
    let head = format!(
        "## {title}\n\n`{}`, commit {}, {}.\n\n",
        wish.command,
        machine::commit(),
        machine::description()
    );
    document::write_section(path, marker, &format!("{head}{}", summary.markdown(notes)))
}
