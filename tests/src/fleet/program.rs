//! A program of the fleet: the binary `headland-fleet` in one of its roles, with files of its own.

use super::FleetError;
use axum::http::Method;
use headland_trial::log;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to end when it is asked to.
const END_MAX: Duration = Duration::from_secs(3);
/// How often to look whether it has; a test runner's own children make a signal of it unfit.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long one request to a program may take, in milliseconds.
const REQUEST_MS_MAX: u64 = 20_000;

/// One program, which runs until it is killed or dropped.
///
/// Nothing that it logs at the level ERROR passes unseen: [`end`] gives an error then, and dropping it panics, unless
/// [`Program::may_log`] said that it belongs to what is tested.
#[derive(Debug)]
pub struct Program {
    name: String,
    binary: PathBuf,
    directory: PathBuf,
    arguments: Vec<String>,
    child: Child,
    expected: Vec<String>,
    examined: bool,
}

impl Program {
    /// Runs `binary` as `role` with `arguments`, configured by `NAME.toml` in `directory`; it logs to `NAME.log` there.
    pub fn start(
        binary: &Path,
        directory: &Path,
        role: &str,
        name: &str,
        arguments: &[&str],
    ) -> Result<Self, FleetError> {
        let config = directory.join(format!("{name}.toml")).display().to_string();
        let arguments: Vec<String> = [role, "--config", &config]
            .iter()
            .chain(arguments)
            .map(ToString::to_string)
            .collect();
        Ok(Self {
            child: run(binary, directory, name, &arguments)?,
            name: name.to_owned(),
            binary: binary.to_owned(),
            directory: directory.to_owned(),
            arguments,
            expected: Vec::new(),
            examined: false,
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(format!("{}.sock", self.name))
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it log errors that hold `text`: they belong to what is tested.
    pub fn may_log(&mut self, text: &str) {
        self.expected.push(text.to_owned());
    }

    /// Kills it, with no chance to say goodbye. It is gone when this returns.
    pub fn kill(&mut self) {
        // Fails only if it has ended already, and then it is only left to be collected.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, as an init system would, and waits until it is gone.
    pub fn stop(&mut self) {
        self.ask_to_end();
        let begun = Instant::now();
        while begun.elapsed() < END_MAX {
            if !self.runs() {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        self.kill();
    }

    /// Runs it again if it does not run. Its log goes on.
    pub fn start_again(&mut self) -> Result<(), FleetError> {
        if !self.runs() {
            self.child = run(&self.binary, &self.directory, &self.name, &self.arguments)?;
        }
        Ok(())
    }

    /// Asks it something.
    pub async fn get(&self, target: &str) -> Result<Value, FleetError> {
        self.request(Method::GET, target, None).await
    }

    /// Has it do something.
    pub async fn post(&self, target: &str, body: &Value) -> Result<Value, FleetError> {
        self.request(Method::POST, target, Some(body)).await
    }

    async fn request(&self, method: Method, target: &str, body: Option<&Value>) -> Result<Value, FleetError> {
        let answer = headland_host::control::request(&self.socket(), method, target, body, REQUEST_MS_MAX).await;
        let (status, value) = answer.map_err(|error| self.failed(error.to_string()))?;
        if status.is_success() {
            return Ok(value);
        }
        let detail = value["detail"]
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        Err(self.failed(format!("{target}: {status}: {detail}")))
    }

    fn failed(&self, reason: String) -> FleetError {
        FleetError::Program {
            program: self.name.clone(),
            reason,
        }
    }

    fn log(&self) -> PathBuf {
        self.directory.join(format!("{}.log", self.name))
    }

    /// Whether it has ended, with what it said last.
    pub fn ended(&mut self) -> Option<FleetError> {
        let status = self.child.try_wait().ok().flatten()?;
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let last = log.lines().last().unwrap_or("it said nothing").to_owned();
        Some(self.failed(format!("it ended ({status}): {last}")))
    }

    /// The errors that it has logged and that nobody expects; whoever asks has to tell of them.
    pub fn unexpected(&mut self) -> Vec<String> {
        self.examined = true;
        let lines = log::errors(&self.log()).unwrap_or_else(|error| vec![format!("its log cannot be read: {error}")]);
        let is_expected = |line: &String| self.expected.iter().any(|text| line.contains(text));
        lines.into_iter().filter(|line| !is_expected(line)).collect()
    }

    fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn ask_to_end(&mut self) {
        if self.runs() {
            // It may end by itself meanwhile.
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
        // A test that fails anyway is not to be told of what follows from that.
        if !self.examined && !std::thread::panicking() {
            let unexpected = self.unexpected();
            assert!(
                unexpected.is_empty(),
                "{} logged errors:\n{}",
                self.name,
                unexpected.join("\n")
            );
        }
    }
}

fn run(binary: &Path, directory: &Path, name: &str, arguments: &[String]) -> Result<Child, FleetError> {
    let path = directory.join(format!("{name}.log"));
    let log = File::options().create(true).append(true).open(path)?;
    let also_log = log.try_clone()?;
    command(binary)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(also_log)
        .stderr(log)
        .spawn()
        .map_err(|error: io::Error| FleetError::Program {
            program: name.to_owned(),
            reason: error.to_string(),
        })
}

/// A command of a fleet, which the settings in this process's environment do not reach; what is to be logged does.
pub fn command(binary: &Path) -> Command {
    headland_trial::command::command(binary, Some(headland_host::log::FILTER_VARIABLE))
}

/// Ends all, each asked before any is waited for. An error when one has logged what nobody expects.
pub fn end(mut programs: Vec<Program>) -> Result<(), FleetError> {
    for program in &mut programs {
        program.ask_to_end();
    }
    for program in &mut programs {
        program.stop();
    }
    unexpected_of(&mut programs.iter_mut())
}

/// An error when one of these has logged what nobody expects. All are examined.
pub(super) fn unexpected_of(programs: &mut dyn Iterator<Item = &mut Program>) -> Result<(), FleetError> {
    let mut result = Ok(());
    for program in programs {
        let lines = program.unexpected();
        if !lines.is_empty() && result.is_ok() {
            result = Err(FleetError::Logged {
                program: program.name.clone(),
                lines: lines.join("\n"),
            });
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that logs one error and ends: a shell, which takes the role for its script.
    fn failing(directory: &Path) -> Program {
        let script = directory.join("role");
        std::fs::write(&script, "echo '2026-01-01T00:00:00Z ERROR it: on fire'\n").unwrap();
        let mut program = Program::start(Path::new("/bin/sh"), directory, script.to_str().unwrap(), "p", &[]).unwrap();
        program.child.wait().unwrap();
        program
    }

    #[test]
    fn what_nobody_expects_in_a_log_is_an_error_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let error = end(vec![failing(directory.path())]).unwrap_err();
        assert!(error.to_string().contains("on fire"), "{error}");
    }

    #[test]
    fn what_is_expected_in_a_log_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let mut program = failing(directory.path());
        program.may_log("on fire");
        end(vec![program]).unwrap();
    }

    #[test]
    #[should_panic(expected = "on fire")]
    fn dropping_a_program_that_logged_an_error_panics() {
        let directory = tempfile::tempdir().unwrap();
        drop(failing(directory.path()));
    }

    #[test]
    fn what_a_program_logged_before_it_was_started_again_is_not_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let mut program = failing(directory.path());
        program.start_again().unwrap();
        program.child.wait().unwrap();
        assert_eq!(program.unexpected().len(), 2);
    }
}
