//! The memory of an enrolled agent, in a process of its own: another's freed memory would hide it.

use super::super::process::Usage;
use super::super::sheet::{Sheet, Unit};
use super::super::{BenchError, progress};
use super::scale::enrol;
use super::subject::{Subject, refused};
use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// The role under which this binary enrols agents and tells what that took.
pub(crate) const ROLE: &str = "hub-memory";
/// How many agents are enrolled.
const LEVELS: [usize; 2] = [10_000, 100_000];
const MEMORY: &str = "Memory and store of an enrolled agent";

/// Measures each level up to `agents_max`.
pub(super) fn measure(sheet: &mut Sheet, agents_max: usize) -> Result<(), BenchError> {
    for level in LEVELS.into_iter().filter(|level| *level <= agents_max) {
        progress(&format!("  memory of {level} agents"));
        let mut command = Command::new(std::env::current_exe()?);
        let output = command.arg(ROLE).arg(level.to_string()).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut numbers = text.split_whitespace().map(str::parse::<f64>);
        let (Some(Ok(rss)), Some(Ok(file))) = (numbers.next(), numbers.next()) else {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(BenchError::Void(format!(
                "enrolling {level} agents elsewhere failed: {said}"
            )));
        };
        let row = Unit::Count.show(level as f64);
        sheet.put(MEMORY, &row, "RSS, all", Unit::Bytes, rss);
        sheet.put(MEMORY, &row, "RSS, each", Unit::Bytes, rss / level as f64);
        sheet.put(MEMORY, &row, "store file, all", Unit::Bytes, file);
        sheet.put(MEMORY, &row, "store file, each", Unit::Bytes, file / level as f64);
    }
    Ok(())
}

/// Enrols as many agents as the argument says, and prints by how many bytes memory and file have grown.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let level = arguments.get(1).and_then(|text| text.to_str()?.parse().ok());
    let grown = level.ok_or_else(|| BenchError::Void("the number of agents is missing".to_owned()));
    let printed = grown.and_then(grow).and_then(|(rss, file)| {
        headland_host::text::print(&format!("{rss} {file}\n")).map_err(|failure| BenchError::Void(failure.to_string()))
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn grow(level: usize) -> Result<(f64, f64), BenchError> {
    let mut subject = Subject::empty()?;
    let used = |subject: &Subject| -> Result<(f64, f64), BenchError> {
        Ok((Usage::of(std::process::id())?.rss, subject.file_bytes()? as f64))
    };
    let before = used(&subject)?;
    enrol(&mut subject, 0..level)?;
    let enrolled = subject.replica.store().read().and_then(|views| views.agent_count());
    let enrolled = enrolled.map_err(refused("counting agents"))?;
    if enrolled != level as u64 {
        return Err(BenchError::Void(format!("{enrolled} of {level} agents were enrolled")));
    }
    let after = used(&subject)?;
    Ok((after.0 - before.0, after.1 - before.1))
}
