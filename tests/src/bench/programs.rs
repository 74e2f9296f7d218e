//! Programs of a fleet in one directory, and asking them.

use super::BenchError;
use crate::fleet::program::Program;
use axum::http::Method;
use headland_host::control::request_blocking;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longer than anything takes, in seconds: a snapshot of all models on a machine that compiles.
const SECONDS_MAX: u64 = 300;
const ANSWER_MS_MAX: u64 = 60_000;

/// The directory. It goes when this is dropped.
#[derive(Debug)]
pub(super) struct Programs(TempDir);

impl Programs {
    pub(super) fn new(name: &str) -> Result<Self, BenchError> {
        let prefix = format!("headland-bench-{name}-");
        Ok(Self(tempfile::Builder::new().prefix(&prefix).tempdir()?))
    }

    pub(super) fn directory(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Starts `binary` as a `role` with this configuration; it is called so too.
    pub(super) fn start(&self, binary: &Path, role: &str, config: &str, verb: &str) -> Result<Program, BenchError> {
        std::fs::write(self.path(&format!("{role}.toml")), config)?;
        Ok(Program::start(binary, self.directory(), role, role, &[verb])?)
    }

    /// How a program stands; null while it does not answer.
    pub(super) fn status(&self, name: &str) -> Value {
        self.ask(name, "/v1/status")
    }

    /// What a program answers; null while it does not.
    pub(super) fn ask(&self, name: &str, target: &str) -> Value {
        let socket = self.path(&format!("{name}.sock"));
        let answer = request_blocking(&socket, Method::GET, target, None, ANSWER_MS_MAX);
        answer.map_or(Value::Null, |(_, value)| value)
    }

    /// Has a program do something.
    pub(super) fn post(&self, name: &str, target: &str, body: &Value) -> Result<Value, BenchError> {
        let socket = self.path(&format!("{name}.sock"));
        let answer = request_blocking(&socket, Method::POST, target, Some(body), ANSWER_MS_MAX);
        let (status, value) = answer.map_err(|error| BenchError::Void(error.to_string()))?;
        match status.is_success() {
            true => Ok(value),
            false => Err(BenchError::Void(format!("{target}: {status}: {value}"))),
        }
    }

    /// Waits until the agent holds what the hub holds.
    pub(super) fn until_in_step(&self) -> Result<(), BenchError> {
        until("the agent to be in step", || {
            let (agent, hub) = (self.status("agent"), self.status("hub"));
            hub["digest"].is_string() && agent["phase"] == "live" && agent["digest"] == hub["digest"]
        })
    }
}

/// Waits until there is something.
pub(super) fn until(what: &str, mut there: impl FnMut() -> bool) -> Result<(), BenchError> {
    let begun = Instant::now();
    while !there() {
        if begun.elapsed() > Duration::from_secs(SECONDS_MAX) {
            return Err(BenchError::TooLong {
                what: what.to_owned(),
                seconds: SECONDS_MAX,
            });
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
