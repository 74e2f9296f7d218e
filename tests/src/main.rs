//! `headland-fleet`: the demo, the simulator and the benchmarks.

use std::process::ExitCode;

fn main() -> ExitCode {
    headland_fleet::program::run(std::env::args_os())
}
