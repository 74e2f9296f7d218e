//! Looks a device over: what of it works, what does not, and what to do about it.
//!
//! Where the agent runs, it is asked over its socket; where it does not, its store is opened here. Brokers are dialled
//! in both cases, under a name of the doctor's own, so that the agent's link is left alone.

mod agent;
mod finding;
mod hubs;
mod machine;
mod report;

use crate::settings::{SOURCE, Settings};
use finding::Finding;
use headland_host::exit::{CODE_BAD_INPUT, CODE_FAILED, Failure};
use headland_host::text::print;
use report::Report;
use std::path::PathBuf;
use std::time::Duration;

/// Looks this device over, as the configuration in `file` describes it, waiting for each hub's heartbeat for `patience`.
///
/// The failure says by its exit code what was found; the words are on standard output.
pub(crate) fn run(file: Option<PathBuf>, patience: Duration, json: bool) -> Result<(), Failure> {
    let settings = match Settings::load(file.as_deref()) {
        Ok(settings) => settings,
        Err(error) => {
            let remedy = "correct the file; `headland-agent --help` lists the keys with their defaults";
            let finding = Finding::failed("configuration", error, remedy);
            tell(&Report::new(None, false, vec![finding]), json)?;
            return Err(Failure::told(CODE_BAD_INPUT));
        }
    };
    let path = file.unwrap_or_else(|| SOURCE.default_path.into());
    let mut findings = vec![Finding::ok("configuration", read_from(&path))];
    findings.extend(machine::clock());
    let agent = agent::look(&settings);
    let running = agent.runs();
    findings.extend(agent.findings(&settings));
    findings.extend(hubs::look(&settings, patience)?);
    findings.extend(agent.session());
    let report = Report::new(Some(settings.name.to_string()), running, findings);
    tell(&report, json)?;
    match report.is_sound() {
        true => Ok(()),
        false => Err(Failure::told(CODE_FAILED)),
    }
}

fn read_from(path: &std::path::Path) -> String {
    match path.exists() {
        true => path.display().to_string(),
        false => format!("defaults, no {}", path.display()),
    }
}

fn tell(report: &Report, json: bool) -> Result<(), Failure> {
    match json {
        true => print(&crate::cli::as_json(report)?),
        false => print(&report.text()),
    }
}
