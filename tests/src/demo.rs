//! The demo: a hub and its agents as real processes, a real catalogue, links that are cut, and everything merging
//! when they return.

pub mod catalogue;
mod fleet;
mod full_cost;
mod programs;
mod report;
mod screen;
mod story;
mod views;

pub use report::Report;

use std::path::PathBuf;

/// Which broker the fleet speaks through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerChoice {
    /// The one inside the hub.
    Embedded,
    /// A mosquitto that the demo starts.
    Mosquitto,
}

/// How the demo is to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Release files in order; the shipped catalogue when there are none.
    pub catalogue: Vec<PathBuf>,
    /// How many agents.
    pub agents: usize,
    /// Whether only the final report is printed, as JSON.
    pub json: bool,
    /// Whether the fleet keeps running until it is interrupted.
    pub keep: bool,
    /// Which broker.
    pub broker: BrokerChoice,
}

/// Why the demo could not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A catalogue cannot be used.
    #[error("reading the catalogue: {0}")]
    Catalogue(String),
    /// A program of the fleet failed.
    #[error("running {program}: {reason}")]
    Program {
        /// Which.
        program: String,
        /// What it said.
        reason: String,
    },
    /// Something took too long.
    #[error("waiting for {what}: not within {seconds} s; the logs are in {logs}")]
    TooLong {
        /// For what.
        what: String,
        /// How long.
        seconds: u64,
        /// Where the programs' logs are.
        logs: String,
    },
    /// The machine failed.
    #[error("running the demo: {0}")]
    Io(#[from] std::io::Error),
}

/// Runs the demo to its report.
pub async fn run(options: &Options) -> Result<Report, DemoError> {
    story::tell(options).await
}
