//! The agent's program: from its arguments to its exit code.

mod arguments;

use crate::settings::{SOURCE, Settings};
use crate::{cli, daemon, doctor, once, rescue};
use arguments::{Arguments, Command};
pub(crate) use arguments::{
    Asked, FreshnessArguments, ModelArgument, NoteArguments, OnceArguments, ReportArguments, WantedModels,
    WatchArguments, WhyArguments,
};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use headland_host::exit::Failure;
use headland_host::text::print;
use headland_host::{completions, config, log};
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

/// What the program is called in its own messages.
pub(crate) const PROGRAM: &str = "headland-agent";

/// What is logged unless somebody says otherwise: the daemon tells of its links, a command only of what is wrong.
const FILTER_DAEMON: &str = "info";
const FILTER_COMMAND: &str = "warn";
/// The doctor tells of everything itself.
const FILTER_DOCTOR: &str = "off";

/// Runs the program with these arguments, the first of which is its name, and gives the code to exit with.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    rescue::note_invocation(args.len());
    match parse(args).and_then(|arguments| arguments.map_or(Ok(()), execute)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(PROGRAM),
    }
}

/// The arguments; nothing when help or the version was asked for, and is printed.
fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Option<Arguments>, Failure> {
    let keys = config::example(SOURCE.keys);
    let help = format!("{}{keys}", arguments::AFTER_HELP);
    let command = Arguments::command().after_long_help(help);
    let parsed = command
        .try_get_matches_from(args)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => Ok(Some(arguments)),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            print(&error.render().to_string()).map(|()| None)
        }
        Err(error) => Err(Failure::bad_input(complaint(&error))),
    }
}

/// What is wrong with the arguments, without the reminder of all that would be right.
fn complaint(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("reading the arguments: name a command; `{PROGRAM} --help` lists them");
    }
    let text = error.render().to_string();
    let text = text.split("\nUsage:").next().unwrap_or(&text);
    let text = text.split("\nFor more information").next().unwrap_or(text);
    format!("reading the arguments: {}", text.trim().trim_start_matches("error: "))
}

fn execute(arguments: Arguments) -> Result<(), Failure> {
    if let Some(Command::Completions { shell }) = arguments.command {
        return print(&completions::script(shell, Arguments::command(), PROGRAM));
    }
    if let Some(Command::ReadDamagedStore { attempt, file }) = arguments.command {
        return rescue::print(&file, attempt);
    }
    let file = Settings::file(arguments.config.as_deref());
    if let (Some(Command::Doctor { wait }), false) = (&arguments.command, arguments.check_config) {
        log::init(FILTER_DOCTOR)?;
        return doctor::run(file, Duration::from_secs(*wait), arguments.json);
    }
    let settings = Settings::load(file.as_deref())?;
    if arguments.check_config {
        settings.api.loopback().check()?;
        let path = file.unwrap_or_else(|| SOURCE.default_path.into());
        let source = if path.exists() {
            path.display().to_string()
        } else {
            format!("defaults, no {}", path.display())
        };
        return print(&format!("the configuration of {} is valid ({source})\n", settings.name));
    }
    let Some(command) = arguments.command else {
        return Err(Failure::bad_input(format!(
            "reading the arguments: name a command; `{PROGRAM} --help` lists them"
        )));
    };
    let json = arguments.json;
    log::init(if matches!(command, Command::Run) {
        FILTER_DAEMON
    } else {
        FILTER_COMMAND
    })?;
    match command {
        Command::Run => daemon::run(&settings),
        Command::Doctor { wait } => doctor::run(file, Duration::from_secs(wait), json),
        Command::ReadDamagedStore { attempt, file } => rescue::print(&file, attempt),
        Command::Completions { shell } => print(&completions::script(shell, Arguments::command(), PROGRAM)),
        Command::Sync => once::run(&settings, json),
        Command::Models(wanted) => cli::models(&settings, &wanted, json),
        Command::Show { model, freshness } => cli::show(&settings, &model, &freshness, json),
        Command::Why(wanted) => cli::why(&settings, &wanted, json),
        Command::Resolve(asked) => cli::resolve(&settings, asked, json),
        Command::Watch(wanted) => cli::watch(&settings, &wanted, json),
        Command::Annotate(note) => cli::annotate(&settings, note, json),
        Command::Count { model, by, once } => cli::count(&settings, &model, by, &once, json),
        Command::Report(report) => cli::report(&settings, report, json),
        Command::Status => cli::status(&settings, json),
    }
}

/// A runtime for the link, the control socket and the signals. One thread: the work is in the replica's own.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS_MAX)
        .build()
        .map_err(|error| {
            Failure::failed(format!(
                "starting the runtime: {error}; check the limits on this process"
            ))
        })
}

/// Threads that read the store for the local API: each may hold a page of a thousand models.
const READERS_MAX: usize = 4;
