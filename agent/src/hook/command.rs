//! One run of the program: fed, watched and ended.

use super::pending::Pending;
use headland_host::text::words::counted;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::os::fd::AsFd;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::process::Child;

/// How long a program that was asked to end may take before it is killed.
const END_MS_MAX: u64 = 1_000;

/// What a service manager tells its daemon alone: a program that repeated it would speak for the agent.
const OWN_VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// The program, its arguments, and how long it may run.
#[derive(Debug)]
pub(super) struct Command {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
}

/// A run and all that it started; nothing of it is left when this is dropped.
struct Run {
    child: Child,
    group: Option<Pid>,
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // There may be nothing left to end.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Command {
    pub(super) fn new(program: &str, arguments: &[String], timeout: Duration) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.to_vec(),
            timeout,
        }
    }

    /// Runs it once and tells it what is pending; says whether it has taken that.
    pub(super) async fn run(&self, pending: &Pending) -> bool {
        let program = &self.program;
        let models = counted(pending.count() as u64, "model", "models");
        let begun = Instant::now();
        let mut run = match self.start() {
            Ok(run) => run,
            Err(error) => {
                tracing::warn!(
                    "running {program}: {error}; correct on_change.exec, or make it a program that the agent's user may run; it is tried again"
                );
                return false;
            }
        };
        let fed = feed(run.child.stdin.take(), pending.lines());
        let (_, ended) = match tokio::time::timeout(self.timeout, async { tokio::join!(fed, run.child.wait()) }).await {
            Ok(ended) => ended,
            Err(_) => {
                let seconds = self.timeout.as_secs();
                tracing::warn!(
                    "running {program}: it did not end within {seconds} s and is ended; it is run again, see on_change.timeout_s"
                );
                run.end().await;
                return false;
            }
        };
        // What it has left behind on purpose goes on.
        run.group = None;
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match ended {
            Ok(status) if status.success() => {
                tracing::info!(%program, took_ms, "told of {models}: {status}");
                true
            }
            Ok(status) => {
                tracing::warn!(%program, took_ms, "told of {models}, and failed: {status}; it is run again");
                false
            }
            Err(error) => {
                tracing::warn!(%program, "waiting for its end: {error}; it is run again");
                false
            }
        }
    }

    fn start(&self) -> io::Result<Run> {
        // What it says goes where the agent's log goes.
        let log = || Ok::<_, io::Error>(Stdio::from(io::stderr().as_fd().try_clone_to_owned()?));
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(log()?)
            .stderr(log()?)
            // A group of its own, so that what it starts ends with it.
            .process_group(0)
            .kill_on_drop(true);
        for variable in OWN_VARIABLES {
            command.env_remove(variable);
        }
        let child = command.spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let group = id.and_then(Pid::from_raw);
        Ok(Run { child, group })
    }
}

impl Run {
    /// Asks it to end, and kills what does not.
    async fn end(mut self) {
        if let Some(group) = self.group {
            // It may be ending just now.
            let _ = kill_process_group(group, Signal::TERM);
        }
        let moment = Duration::from_millis(END_MS_MAX);
        // Whatever becomes of it, it is killed when this is dropped.
        let _ = tokio::time::timeout(moment, self.child.wait()).await;
    }
}

/// Writes all lines, and closes. A program need not read them.
async fn feed(input: Option<tokio::process::ChildStdin>, lines: String) {
    if let Some(mut input) = input {
        let _ = input.write_all(lines.as_bytes()).await;
    }
}
