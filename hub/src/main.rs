//! `headland-hub`: one region's hub.

use std::process::ExitCode;

fn main() -> ExitCode {
    headland_hub::program::run(std::env::args_os())
}
