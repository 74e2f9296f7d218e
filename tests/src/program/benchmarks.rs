//! The command line of the benchmarks.

use super::{BAD_INPUT, fail};
use crate::bench::{Wish, hub_core};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// More runs than anybody waits for.
const RUNS_MAX: usize = 100;
/// The most agents that a hub enrols.
const AGENTS_ENROLLED_MAX: usize = 100_000;

/// Which benchmark.
#[derive(Debug, Subcommand)]
pub(super) enum Benchmark {
    /// Measures the hub's core by itself: uploads, acknowledgements, hellos, and what depends on how many are enrolled.
    Hub(HubArguments),
}

#[derive(Debug, Args)]
struct Common {
    /// How often to run it; with several runs, medians and spreads are shown.
    #[arg(long, default_value_t = 1, value_name = "K")]
    runs: usize,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    json: bool,
    /// Also write the benchmark's section into this document.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

/// How the hub's core is measured.
#[derive(Debug, Args)]
pub(super) struct HubArguments {
    /// The most agents to enrol.
    #[arg(long, default_value_t = AGENTS_ENROLLED_MAX, value_name = "N")]
    agents_max: usize,
    #[command(flatten)]
    common: Common,
}

impl Common {
    fn wish(self, command: String) -> Wish {
        let runs = self.runs;
        Wish {
            runs,
            json: self.json,
            document: self.document,
            command: format!("headland-fleet bench {command} --runs {runs}"),
        }
    }
}

/// Runs a benchmark.
pub(super) fn run(benchmark: Benchmark) -> ExitCode {
    let (Benchmark::Hub(HubArguments { common, .. })) = &benchmark;
    if !(1..=RUNS_MAX).contains(&common.runs) {
        let text = format!("--runs {}: between 1 and {RUNS_MAX}", common.runs);
        return fail(&text, BAD_INPUT);
    }
    let result = match benchmark {
        Benchmark::Hub(HubArguments { agents_max, .. }) if !(1..=AGENTS_ENROLLED_MAX).contains(&agents_max) => {
            let text = format!("--agents-max {agents_max}: between 1 and {AGENTS_ENROLLED_MAX}");
            return fail(&text, BAD_INPUT);
        }
        Benchmark::Hub(HubArguments { agents_max, common }) => hub_core::run(&hub_core::Options {
            wish: common.wish(format!("hub --agents-max {agents_max}")),
            agents_max,
        }),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string(), 1),
    }
}
