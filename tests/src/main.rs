//! `headland-fleet`: the demo and the simulator.

use std::process::ExitCode;

fn main() -> ExitCode {
    headland_fleet::program::run(std::env::args_os())
}
