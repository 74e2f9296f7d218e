//! The demo: a hub and its agents as real processes, a real catalogue, links that are cut, and everything merging
//! when they return.

pub mod catalogue;
mod full_cost;
mod report;
mod screen;
mod story;
mod views;

pub use report::Report;

use crate::fleet::{BrokerChoice, FleetError};
use std::path::PathBuf;

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
    /// The fleet failed.
    #[error(transparent)]
    Fleet(#[from] FleetError),
    /// The machine failed.
    #[error("running the demo: {0}")]
    Io(#[from] std::io::Error),
}

/// Runs the demo to its report.
pub async fn run(options: &Options) -> Result<Report, DemoError> {
    story::tell(options).await
}
