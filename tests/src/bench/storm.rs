//! The storm: thousands of agents whose links return at once, to a real hub through a real broker.

mod baseline;
mod board;
mod devices;
mod link;
mod outcome;
mod plain;
mod probes;
mod schedule;
pub(crate) mod worker;
mod workers;

use super::sheet::Summary;
use super::{BenchError, Wish, deliver, limits, progress};
use crate::fleet::BrokerChoice;
use board::Event;
use std::path::PathBuf;
use std::time::Duration;

/// How long the links are cut at least: longer than an import takes, and shorter than the agents' backoff needs to
/// spread them by itself.
const CUT: Duration = Duration::from_secs(3);
/// Which of the catalogue's releases comes while the links are cut, and how it is told: the next one of timm changes
/// almost nothing.
const RELEASE: usize = 1;
const RELEASE_TOLD: &str = "the next one of LiteLLM";
/// How long a storm may take, in seconds.
const STORM_S_MAX: u64 = 600;

/// How the storm is to be run.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every benchmark is told.
    pub wish: Wish,
    /// How many agents.
    pub agents: usize,
    /// Which broker the hub speaks through.
    pub broker: BrokerChoice,
    /// Where the agents' stores lie; among other temporary files when nothing is said.
    pub stores: Option<PathBuf>,
}

/// Runs the storm, and delivers the result.
pub fn run(options: &Options) -> Result<(), BenchError> {
    limits::raise(options.agents as u64, workers::GUESTS_PER_WORKER as u64)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sheets = Vec::new();
    for run in 1..=options.wish.runs {
        progress(&format!("run {run} of {}", options.wish.runs));
        let storm = runtime.block_on(schedule::run(options))?;
        let load = outcome::load(&storm)?;
        let plain = runtime.block_on(baseline::run(options.agents, load))?;
        sheets.push(outcome::sheet(options, &storm, load, &plain));
    }
    let (marker, title) = match options.broker {
        BrokerChoice::Embedded => ("storm", "The storm, through the hub's own broker"),
        BrokerChoice::Mosquitto => ("storm-mosquitto", "The storm, through mosquitto"),
    };
    deliver(
        &options.wish,
        marker,
        title,
        &outcome::notes(options),
        &Summary::of(&sheets),
    )
}

/// For each guest, seconds from `from_us` until it had come as far as `mark`; those that never came are left out.
fn arrivals(events: &[Event], guests: usize, mark: u64, from_us: u64) -> Vec<f64> {
    let mut first = vec![None; guests];
    for event in events.iter().filter(|event| event.mark >= mark) {
        let known: &mut Option<u64> = &mut first[event.guest];
        *known = Some(known.map_or(event.at_us, |at| at.min(event.at_us)));
    }
    let seconds = |at_us: u64| at_us.saturating_sub(from_us) as f64 / 1e6;
    first.into_iter().flatten().map(seconds).collect()
}
