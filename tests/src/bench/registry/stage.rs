//! A database, a hub that follows it, and an agent of the hub: real ones.

use super::Options;
use crate::bench::BenchError;
use crate::fleet::program::{Program, end};
use crate::ports::free_port;
use crate::postgres::{Cluster, PASSWORD, PUBLICATION, TABLES};
use axum::http::Method;
use headland_host::control::request_blocking;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The database's name.
pub(super) const DATABASE: &str = "mlflow";
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longer than anything takes, in seconds: a snapshot of all models on a machine that compiles.
const SECONDS_MAX: u64 = 300;
const ANSWER_MS_MAX: u64 = 60_000;
/// Beside what the tests' cluster has: syncs as they are by default.
const SERVER: &str = "fsync = on\n";

/// Who makes the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    /// This program does, and the publication of them.
    Own,
    /// Somebody else will.
    Elsewhere,
}

/// All of it. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Stage {
    hub: Option<Program>,
    agent: Option<Program>,
    pub(super) cluster: Cluster,
    broker: u16,
    // The files of the programs are in it.
    directory: TempDir,
    stores: Option<TempDir>,
}

impl Stage {
    /// Starts the database.
    pub(super) fn prepare(programs: &Path, options: &Options, tables: Tables) -> Result<Self, BenchError> {
        let cluster = Cluster::start(programs, SERVER)?;
        cluster.sql("postgres", &format!("CREATE DATABASE {DATABASE}"))?;
        let stage = Self {
            hub: None,
            agent: None,
            cluster,
            broker: free_port()?,
            directory: tempfile::Builder::new().prefix("headland-bench-registry-").tempdir()?,
            stores: options.stores.as_ref().map(TempDir::new_in).transpose()?,
        };
        if tables == Tables::Own {
            stage.sql(TABLES)?;
            stage.sql(PUBLICATION)?;
        }
        Ok(stage)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn store(&self, name: &str) -> PathBuf {
        let directory = self.stores.as_ref().unwrap_or(&self.directory);
        directory.path().join(format!("{name}.redb"))
    }

    /// Runs SQL in the database; gives the rows, one a line.
    pub(super) fn sql(&self, sql: &str) -> Result<String, BenchError> {
        Ok(self.cluster.sql(DATABASE, sql)?)
    }

    /// Starts the hub, and waits until it holds all that the database says.
    pub(super) fn start_hub(&mut self) -> Result<(), BenchError> {
        let password = self.path("password");
        std::fs::write(&password, format!("{PASSWORD}\n"))?;
        let text = format!(
            "store = {:?}\nsocket = {:?}\n[registry.postgres]\nhost = \"localhost\"\nport = {}\n\
             password_file = {password:?}\nroot_certificates = {:?}\n[broker]\nlisten = \"127.0.0.1:{}\"\n",
            self.store("hub"),
            self.path("hub.sock"),
            self.cluster.port(),
            self.cluster.root_certificate(),
            self.broker
        );
        self.hub = Some(self.start("hub", &text, "serve")?);
        self.until("the hub to follow", || {
            Ok(self.status("hub")?["follow"]["state"] == "following")
        })
    }

    /// Starts the agent, and waits until it holds what the hub holds.
    pub(super) fn start_agent(&mut self) -> Result<(), BenchError> {
        let text = format!(
            "name = \"leaf-7\"\nhubs = [\"mqtt://127.0.0.1:{}\"]\nstore = {:?}\nsocket = {:?}\n",
            self.broker,
            self.store("agent"),
            self.path("agent.sock")
        );
        self.agent = Some(self.start("agent", &text, "run")?);
        self.until("the agent to be in step", || {
            let (agent, hub) = (self.status("agent")?, self.status("hub")?);
            Ok(agent["phase"] == "live" && agent["digest"] == hub["digest"])
        })
    }

    fn start(&self, name: &str, config: &str, verb: &str) -> Result<Program, BenchError> {
        std::fs::write(self.path(&format!("{name}.toml")), config)?;
        let binary = std::env::current_exe()?;
        Ok(Program::start(&binary, self.directory.path(), name, name, &[verb])?)
    }

    /// The number of the hub's process.
    pub(super) fn hub_id(&self) -> Option<u32> {
        self.hub.as_ref().map(Program::id)
    }

    /// How a program stands; null while it does not answer.
    pub(super) fn status(&self, name: &str) -> Result<Value, BenchError> {
        self.ask(name, "/v1/status")
    }

    /// What a program answers; null while it does not.
    pub(super) fn ask(&self, name: &str, target: &str) -> Result<Value, BenchError> {
        let socket = self.path(&format!("{name}.sock"));
        let answer = request_blocking(&socket, Method::GET, target, None, ANSWER_MS_MAX);
        Ok(answer.map_or(Value::Null, |(_, value)| value))
    }

    /// Waits until there is something.
    pub(super) fn until(
        &self,
        what: &str,
        mut there: impl FnMut() -> Result<bool, BenchError>,
    ) -> Result<(), BenchError> {
        let begun = Instant::now();
        while !there()? {
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

    /// Ends all. An error when hub or agent has logged what should not happen.
    pub(super) fn end(mut self) -> Result<(), BenchError> {
        let programs = self.agent.take().into_iter().chain(self.hub.take());
        Ok(end(programs.collect())?)
    }
}
