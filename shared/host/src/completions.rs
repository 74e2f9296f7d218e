//! Scripts that have a shell complete a program's words.

use clap::Command;
pub use clap_complete::Shell;

/// What stands in the generated script for bash between the names of a command and of one below it.
const BETWEEN: &str = "__subcmd__";

/// The script for a shell that completes what `command` takes, under the name of `program`.
#[must_use]
pub fn script(shell: Shell, mut command: Command, program: &str) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut command, program, &mut bytes);
    let script = String::from_utf8_lossy(&bytes).into_owned();
    match shell {
        Shell::Bash => with_one_spelling(&script, program),
        _ => script,
    }
}

/// clap_complete 4.6.11 spells a program with a hyphen in one way where the script finds out which command is being
/// completed, and in another where it looks that up (clap-rs/clap#6421). A version without that is left as it is.
fn with_one_spelling(script: &str, program: &str) -> String {
    let looked_up = format!("{}{BETWEEN}", program.replace('-', BETWEEN));
    let found_out = format!("{}{BETWEEN}", program.replace('-', "__"));
    script.replace(&looked_up, &found_out)
}
