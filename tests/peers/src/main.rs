//! `headland-peers`: Headland's sync beside other ways to do it. Writes the tables of `docs/benchmarks.md` and the plots
//! of `docs/benchmarks`; with `--dry-run` it measures, checks and writes nothing.

mod compress;
mod contenders;
mod document;
mod draw;
mod entropy;
mod failure;
mod headland;
mod heap;
mod measure;
mod model;
mod plot;
mod progress;
mod report;
mod table;
mod workload;

use contenders::automerge::Automerge;
use contenders::json::Patched;
use contenders::loro::Loro;
use contenders::yrs::Yrs;
use failure::Failure;
use measure::library::{Inputs, measured};
use report::{Measured, rows};
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let write = is_to_write(std::env::args().skip(1))?;
    let say = progress::say;
    say("drawing the workload");
    let inputs = Inputs::drawn();
    say("Headland");
    let headland = measure::headland::measured(&inputs)?;
    let mut rows = vec![rows::headland(&headland)];
    say("loro");
    rows.extend(rows::library("loro", &measured::<Loro>(&inputs)?)?);
    say("yrs, format 1");
    rows.extend(rows::library("yrs v1", &measured::<Yrs<1>>(&inputs)?)?);
    say("yrs, format 2");
    rows.extend(rows::library("yrs v2", &measured::<Yrs<2>>(&inputs)?)?);
    say("automerge");
    let figures = measured::<Automerge>(&inputs)?;
    rows.extend(rows::library("automerge `save_after`", &figures)?);
    let ways = measure::automerge::measured(&inputs, &figures.snapshot, &figures.aged.snapshot)?;
    rows.extend(rows::automerge(&ways));
    say("JSON");
    let patches = measured::<Patched>(&inputs)?;
    rows.extend(rows::library("JSON merge patch", &patches)?);
    rows.extend(rows::json(&inputs, &patches)?);
    rows.extend(rows::bounds(&inputs));
    say("the real catalogues");
    let steps = measure::history::measured()?;
    say("nothing trusted");
    let identified = measure::untrusted::measured()?;
    let extent = measure::library::extent(&inputs.lean.base);
    let measured = Measured {
        extent,
        headland,
        rows,
        steps,
        identified,
    };
    if write {
        report::written(&measured)?;
        say("docs/benchmarks.md and docs/benchmarks/*.svg are written");
    } else {
        say("all contenders showed what the workload says; nothing is written");
    }
    Ok(())
}

/// Whether the results go into the document.
fn is_to_write(mut arguments: impl Iterator<Item = String>) -> Result<bool, Failure> {
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok(true),
        (Some("--dry-run"), None) => Ok(false),
        _ => Err(Failure::new(
            "reading the command line",
            "it takes nothing, or --dry-run".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_run_without_arguments_writes() {
        let is_to_write = |words: &[&str]| is_to_write(words.iter().map(ToString::to_string)).ok();
        assert_eq!(is_to_write(&[]), Some(true));
        assert_eq!(is_to_write(&["--dry-run"]), Some(false));
        assert_eq!(is_to_write(&["--dry"]), None);
        assert_eq!(is_to_write(&["--dry-run", "more"]), None);
    }
}
