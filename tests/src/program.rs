//! The command line of `headland-fleet`.

mod benchmarks;

use crate::bench::hub_core::memory;
use crate::bench::idle::line;
use crate::bench::storm::worker;
use crate::demo::{self, Options};
use crate::explore;
use crate::fleet::BrokerChoice;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const BAD_INPUT: u8 = 2;
/// Fewer could not show both sides: one agent that follows, one that is cut off.
const AGENTS_MIN: usize = 2;
/// More processes than a small machine wants to see.
const AGENTS_MAX: usize = 64;
/// The seed at which exploring ends unless it is told when: a minute or so.
const SEEDS_DEFAULT: u64 = 200;
/// A week: longer than anybody explores at once.
const MINUTES_MAX: u64 = 7 * 24 * 60;

/// Headland's fleet on one machine: a demo with real processes, and a simulator.
///
/// Without arguments it runs the demo: a hub and eight agents over MQTT on loopback, a real catalogue, links that are
/// cut for "three days" of an accelerated clock, and everything merging when they return.
#[derive(Debug, Parser)]
#[command(name = "headland-fleet", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demo: DemoArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the demo (the default).
    Demo(DemoArguments),
    /// Explores schedules of the simulator: headland-fleet simulate --seeds 1..1000
    Simulate(SimulateArguments),
    /// Measures on this machine: headland-fleet bench storm, headland-fleet bench hub
    #[command(subcommand)]
    Bench(benchmarks::Benchmark),
}

#[derive(Debug, clap::Args)]
struct DemoArguments {
    /// Release files in release order, JSON Lines of records or LiteLLM price files; the shipped catalogue otherwise.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// How many agents.
    #[arg(long, default_value_t = 8, value_name = "N")]
    agents: usize,
    /// Print one JSON object at the end and nothing else.
    #[arg(long)]
    json: bool,
    /// Keep the fleet running afterwards, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Speak through a mosquitto that the demo starts, instead of the hub's own broker.
    #[arg(long)]
    mosquitto: bool,
}

#[derive(Debug, clap::Args)]
struct SimulateArguments {
    /// The seeds, as A..B; B is not run. 1..200 unless said, or all from 1 with --minutes.
    #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
    seeds: Option<std::ops::Range<u64>>,
    /// Begin no further seed after so many minutes.
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..=MINUTES_MAX))]
    minutes: Option<u64>,
    /// Tell what happens in each schedule.
    #[arg(long)]
    verbose: bool,
}

fn parse_seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let error = || format!("{text:?} is not of the form A..B with A below B, such as 1..1000");
    let (from, to) = text.split_once("..").ok_or_else(error)?;
    let range = from.parse().map_err(|_| error())?..to.parse().map_err(|_| error())?;
    if range.is_empty() { Err(error()) } else { Ok(range) }
}

/// Runs `headland-fleet`. When its first argument is `agent` or `hub` it is that program: so the demo's processes are
/// this one binary.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match arguments.get(1).and_then(|first| first.to_str()) {
        Some("agent") => headland_agent::program::run(renamed(&arguments, "headland-agent")),
        Some("hub") => headland_hub::program::run(renamed(&arguments, "headland-hub")),
        Some(memory::ROLE) => memory::run(&renamed(&arguments, memory::ROLE)),
        Some(line::ROLE) => line::run(&renamed(&arguments, line::ROLE)),
        Some(worker::ROLE) => worker::run(renamed(&arguments, worker::ROLE)),
        _ => run_fleet(arguments),
    }
}

fn renamed(arguments: &[OsString], name: &str) -> Vec<OsString> {
    std::iter::once(OsString::from(name))
        .chain(arguments.iter().skip(2).cloned())
        .collect()
}

fn run_fleet(arguments: Vec<OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; where they cannot be printed, nobody reads.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(BAD_INPUT));
        }
    };
    match arguments.command {
        Some(Command::Simulate(simulate)) => run_simulate(simulate),
        Some(Command::Demo(demo)) => run_demo(demo),
        Some(Command::Bench(benchmark)) => benchmarks::run(benchmark),
        None => run_demo(arguments.demo),
    }
}

fn run_simulate(arguments: SimulateArguments) -> ExitCode {
    let end = if arguments.minutes.is_some() {
        u64::MAX
    } else {
        SEEDS_DEFAULT
    };
    let seeds = arguments.seeds.unwrap_or(1..end);
    let time = arguments.minutes.map(|minutes| Duration::from_secs(minutes * 60));
    explore::run(seeds, time, arguments.verbose)
}

fn run_demo(arguments: DemoArguments) -> ExitCode {
    if !(AGENTS_MIN..=AGENTS_MAX).contains(&arguments.agents) {
        return fail(
            &format!("--agents {}: between {AGENTS_MIN} and {AGENTS_MAX}", arguments.agents),
            BAD_INPUT,
        );
    }
    let options = Options {
        catalogue: arguments.catalog,
        agents: arguments.agents,
        json: arguments.json,
        keep: arguments.keep,
        broker: if arguments.mosquitto {
            BrokerChoice::Mosquitto
        } else {
            BrokerChoice::Embedded
        },
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("starting: {error}"), 1),
    };
    match runtime.block_on(demo::run(&options)) {
        Ok(report) => {
            if options.json {
                let text = serde_json::to_string_pretty(&report).unwrap_or_default();
                // A reader that has gone away still gets the exit code.
                let _ = writeln!(std::io::stdout().lock(), "{text}");
            }
            if report.is_good() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error @ demo::DemoError::Catalogue(_)) => fail(&error.to_string(), BAD_INPUT),
        Err(error) => fail(&error.to_string(), 1),
    }
}

fn fail(what: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "headland-fleet: error: {what}");
    ExitCode::from(code)
}
