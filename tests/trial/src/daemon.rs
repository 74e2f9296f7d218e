//! Daemons, whose logs are read to their ends: nothing that should not happen passes unseen.

use crate::log::is_error;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A daemon that runs. Dropping it kills it, and fails the test when it has logged an error.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    /// The line that said that it runs.
    ready: String,
    /// Errors that it logged before that.
    early: Vec<String>,
    errors: Option<JoinHandle<Vec<String>>>,
}

impl Daemon {
    /// Starts a daemon and waits until it logs a line that holds `ready`.
    pub fn start(mut command: Command, ready: &str) -> Self {
        let spawned = command.stderr(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("starting {command:?}: {error}"));
        let log = child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(log).lines();
        let mut said = Vec::new();
        let ready = loop {
            let Some(line) = lines.next() else {
                panic!("the daemon ended without running ({:?}): {said:#?}", child.wait());
            };
            let line = line.expect("its log can be read");
            if line.contains(ready) {
                break line;
            }
            said.push(line);
        };
        Self {
            child,
            ready,
            early: said.into_iter().filter(|line| is_error(line)).collect(),
            errors: Some(errors_of(lines)),
        }
    }

    /// The line that said that it runs.
    #[must_use]
    pub fn ready(&self) -> &str {
        &self.ready
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, and gives the errors that it has logged, which are expected then.
    #[must_use]
    pub fn errors(mut self) -> Vec<String> {
        self.end()
    }

    /// Sends a signal and waits for the end: the exit code, and how long that took.
    pub fn stop(mut self, signal: Signal) -> (Option<i32>, Duration) {
        let started = Instant::now();
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
        let status = self.child.wait().expect("it is this process's child");
        (status.code(), started.elapsed())
    }

    fn end(&mut self) -> Vec<String> {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut errors = std::mem::take(&mut self.early);
        let rest = self.errors.take().map(JoinHandle::join);
        errors.extend(
            rest.into_iter()
                .flat_map(|rest| rest.expect("reading a log does not panic")),
        );
        errors
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let errors = self.end();
        // A test that fails anyway is not to be told of what follows from that.
        assert!(
            errors.is_empty() || std::thread::panicking(),
            "the daemon logged errors: {errors:#?}"
        );
    }
}

/// Reads a log to its end: the lines that stand for something that should not happen.
fn errors_of(lines: Lines<BufReader<ChildStderr>>) -> JoinHandle<Vec<String>> {
    std::thread::spawn(move || lines.map_while(Result::ok).filter(|line| is_error(line)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    const FAILURE: &str = "echo '2026-01-01T00:00:00Z ERROR it: on fire' >&2";
    const READY: &str = "echo '2026-01-01T00:00:00Z INFO it: running' >&2";

    #[test]
    fn errors_before_and_after_it_runs_are_given_together() {
        let daemon = Daemon::start(shell(&format!("{FAILURE}; {READY}; {FAILURE}")), "running");
        assert!(daemon.ready().contains("INFO"));
        while daemon.errors.as_ref().is_some_and(|errors| !errors.is_finished()) {
            std::thread::yield_now();
        }
        assert_eq!(daemon.errors().len(), 2);
    }

    #[test]
    #[should_panic(expected = "on fire")]
    fn dropping_a_daemon_that_logged_an_error_panics() {
        drop(Daemon::start(shell(&format!("{FAILURE}; {READY}")), "running"));
    }

    #[test]
    #[should_panic(expected = "ended without running")]
    fn a_daemon_that_ends_at_its_start_is_not_waited_for() {
        Daemon::start(shell(FAILURE), "running");
    }
}
