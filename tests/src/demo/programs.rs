//! The fleet's programs: this very binary, executed again, each with files of its own.

use super::DemoError;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to end when it is asked to.
const END_MAX: Duration = Duration::from_secs(3);
/// How long one request to a program may take, in milliseconds.
const REQUEST_MS_MAX: u64 = 20_000;

/// One running program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) socket: PathBuf,
    child: Child,
}

impl Program {
    /// Starts `role` (agent or hub) with `arguments`; it logs to `name.log`.
    pub(crate) fn start(directory: &Path, role: &str, name: &str, arguments: &[&str]) -> Result<Self, DemoError> {
        let fail = |reason: String| DemoError::Program {
            program: name.to_owned(),
            reason,
        };
        let log = File::create(directory.join(format!("{name}.log")))?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(role)
            .arg("--config")
            .arg(directory.join(format!("{name}.toml")))
            .args(arguments);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().map_err(|error| fail(error.to_string()))?;
        Ok(Self {
            name: name.to_owned(),
            socket: directory.join(format!("{name}.sock")),
            child,
        })
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) async fn get(&self, target: &str) -> Result<Value, DemoError> {
        self.request(axum::http::Method::GET, target, None).await
    }

    pub(crate) async fn post(&self, target: &str, body: &Value) -> Result<Value, DemoError> {
        self.request(axum::http::Method::POST, target, Some(body)).await
    }

    async fn request(
        &self,
        method: axum::http::Method,
        target: &str,
        body: Option<&Value>,
    ) -> Result<Value, DemoError> {
        let fail = |reason: String| DemoError::Program {
            program: self.name.clone(),
            reason,
        };
        let answer = headland_host::control::request(&self.socket, method, target, body, REQUEST_MS_MAX).await;
        let (status, value) = answer.map_err(|error| fail(error.to_string()))?;
        if status.is_success() {
            return Ok(value);
        }
        let detail = value["detail"]
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        Err(fail(format!("{target}: {status}: {detail}")))
    }

    /// Whether it has ended, with what it said last.
    pub(crate) fn ended(&mut self, directory: &Path) -> Option<DemoError> {
        let status = self.child.try_wait().ok().flatten()?;
        let log = std::fs::read_to_string(directory.join(format!("{}.log", self.name))).unwrap_or_default();
        let last = log.lines().last().unwrap_or("it said nothing").to_owned();
        Some(DemoError::Program {
            program: self.name.clone(),
            reason: format!("it ended ({status}): {last}"),
        })
    }

    fn ask_to_end(&self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.ask_to_end();
        let begun = Instant::now();
        while begun.elapsed() < END_MAX {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks all to end before any of them is waited for.
pub(crate) fn end(programs: Vec<Program>) {
    for program in &programs {
        program.ask_to_end();
    }
    drop(programs);
}
