//! The hub's program: from its arguments to its exit code.

mod arguments;

pub(crate) use arguments::{ModelArgument, SetArguments, WantedModels};

use crate::backup::Existing;
use crate::operation::{Decision, ImportWish, RevertWish};
use crate::settings::{SOURCE, Settings};
use crate::{cli, daemon};
use arguments::{Arguments, Command, RegistryCommand};
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use headland_host::exit::Failure;
use headland_host::text::print;
use headland_host::{completions, config, log};
use std::ffi::OsString;
use std::process::ExitCode;

/// What the program is called in its own messages.
pub(crate) const PROGRAM: &str = "headland-hub";
/// What is logged unless somebody says otherwise. The broker's library speaks of every client.
const FILTER_DAEMON: &str = "info,rmqtt=warn,rmqtt_net=warn,rmqtt_codec=warn,rust_box=warn";
const FILTER_COMMAND: &str = "warn";
/// Threads that read the store for the local API: each may hold a page of a thousand models.
const READERS_MAX: usize = 8;

/// Runs the program with these arguments, the first of which is its name, and gives the code to exit with.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    match parse(args).and_then(|arguments| arguments.map_or(Ok(()), execute)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(PROGRAM),
    }
}

/// The arguments; nothing when help or the version was asked for, and is printed.
fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Option<Arguments>, Failure> {
    let help = format!("{}{}", arguments::AFTER_HELP, config::example(SOURCE.keys));
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
    let text = error.render().to_string();
    let text = text.split("\nUsage:").next().unwrap_or(&text);
    let text = text.split("\nFor more information").next().unwrap_or(text);
    format!("reading the arguments: {}", text.trim().trim_start_matches("error: "))
}

fn execute(arguments: Arguments) -> Result<(), Failure> {
    if let Some(Command::Completions { shell }) = arguments.command {
        return print(&completions::script(shell, Arguments::command(), PROGRAM));
    }
    let file = Settings::file(arguments.config.as_deref());
    let settings = Settings::load(file.as_deref())?;
    let broker = settings.broker_address().map_err(Failure::bad_input)?;
    settings.registry_source().map_err(Failure::bad_input)?;
    settings.write_back().map_err(Failure::bad_input)?;
    if arguments.check_config {
        settings.api.loopback().check()?;
        return print(&format!(
            "the configuration of region {} is valid (broker {broker})\n",
            settings.region
        ));
    }
    let Some(command) = arguments.command else {
        return Err(Failure::bad_input(format!(
            "reading the arguments: name a command; `{PROGRAM} --help` lists them"
        )));
    };
    let json = arguments.json;
    log::init(if matches!(command, Command::Serve) {
        FILTER_DAEMON
    } else {
        FILTER_COMMAND
    })?;
    match command {
        Command::Serve => daemon::run(&settings),
        Command::Import(import) => {
            let wish = ImportWish {
                files: import.files,
                namespace: import.namespace,
                allow_removals: import.allow_removals,
                register: import.register,
                dry_run: import.dry_run,
            };
            cli::import(&settings, wish, json)
        }
        Command::Models(wanted) => cli::models(&settings, &wanted, json),
        Command::Show { model } => cli::show(&settings, &model, json),
        Command::History { limit } => cli::history(&settings, limit, json),
        Command::Revert { seq } => cli::revert(&settings, RevertWish { seq }, json),
        Command::Unfence { agent } => cli::decide(&settings, &Decision::Unfence { agent }, json),
        Command::ConfirmRestored => cli::decide(&settings, &Decision::ConfirmRestored, json),
        Command::SetCurrent { model, version, how } => {
            cli::set(&settings, &cli::Wish::current(model, &version), &how, json)
        }
        Command::SetAlias {
            model,
            alias,
            version,
            how,
        } => cli::set(&settings, &cli::Wish::alias(model, &alias, &version), &how, json),
        Command::Approve { approved, status, how } => cli::set(&settings, &approved.wish(&status), &how, json),
        Command::Revoke { approved, how } => cli::set(&settings, &approved.wish("revoked"), &how, json),
        Command::Request { id } => cli::request(&settings, &id, json),
        Command::Backup { to } => cli::backup(&settings, &to, json),
        Command::Restore { from, replace } => {
            let existing = if replace { Existing::Replace } else { Existing::Keep };
            cli::restore(&settings, &from, existing, json)
        }
        Command::Release => cli::release(&settings, json),
        Command::Completions { shell } => print(&completions::script(shell, Arguments::command(), PROGRAM)),
        Command::Doctor => cli::doctor(&settings, json),
        Command::Registry {
            command: RegistryCommand::Init(init),
        } => match init.apply {
            false => cli::print_init(&settings, json),
            true => cli::apply_init(&settings, init.user, init.password_file, json),
        },
        Command::Status => cli::status(&settings, json),
        Command::Agents => cli::agents(&settings, json),
    }
}

/// A runtime for the link, the control socket and the signals. One thread: the work is in the replica's own.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS_MAX)
        .build();
    runtime.map_err(|error| {
        Failure::failed(format!(
            "starting the runtime: {error}; check the limits on this process"
        ))
    })
}
