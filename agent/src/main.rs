//! The agent's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    headland_agent::program::run(std::env::args_os())
}
