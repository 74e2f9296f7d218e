//! A database, a hub that follows it, and an agent of the hub: real ones.

use super::Options;
use crate::bench::BenchError;
use crate::bench::programs::{Programs, until};
use crate::fleet::program::{Program, end};
use crate::ports::free_port;
use crate::postgres::{Cluster, PASSWORD, PUBLICATION, TABLES};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The database's name.
pub(super) const DATABASE: &str = "mlflow";
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
    pub(super) programs: Programs,
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
            programs: Programs::new("registry")?,
            stores: options.stores.as_ref().map(TempDir::new_in).transpose()?,
        };
        if tables == Tables::Own {
            stage.sql(TABLES)?;
            stage.sql(PUBLICATION)?;
        }
        Ok(stage)
    }

    fn store(&self, name: &str) -> PathBuf {
        let directory = self.stores.as_ref().map_or(self.programs.directory(), TempDir::path);
        directory.join(format!("{name}.redb"))
    }

    /// Runs SQL in the database; gives the rows, one a line.
    pub(super) fn sql(&self, sql: &str) -> Result<String, BenchError> {
        Ok(self.cluster.sql(DATABASE, sql)?)
    }

    /// Starts the hub, and waits until it holds all that the database says.
    pub(super) fn start_hub(&mut self) -> Result<(), BenchError> {
        let password = self.programs.path("password");
        std::fs::write(&password, format!("{PASSWORD}\n"))?;
        let text = format!(
            "store = {:?}\nsocket = {:?}\n[registry.postgres]\nhost = \"localhost\"\nport = {}\n\
             password_file = {password:?}\nroot_certificates = {:?}\n[broker]\nlisten = \"127.0.0.1:{}\"\n",
            self.store("hub"),
            self.programs.path("hub.sock"),
            self.cluster.port(),
            self.cluster.root_certificate(),
            self.broker
        );
        let binary = std::env::current_exe()?;
        self.hub = Some(self.programs.start(&binary, "hub", &text, "serve")?);
        until("the hub to follow", || {
            self.programs.status("hub")["follow"]["state"] == "following"
        })
    }

    /// Starts the agent, and waits until it holds what the hub holds.
    pub(super) fn start_agent(&mut self) -> Result<(), BenchError> {
        let text = format!(
            "name = \"leaf-7\"\nhubs = [\"mqtt://127.0.0.1:{}\"]\nstore = {:?}\nsocket = {:?}\n",
            self.broker,
            self.store("agent"),
            self.programs.path("agent.sock")
        );
        let binary = std::env::current_exe()?;
        self.agent = Some(self.programs.start(&binary, "agent", &text, "run")?);
        self.programs.until_in_step()
    }

    /// The number of the hub's process.
    pub(super) fn hub_id(&self) -> Option<u32> {
        self.hub.as_ref().map(Program::id)
    }

    /// Ends all. An error when hub or agent has logged what should not happen.
    pub(super) fn end(mut self) -> Result<(), BenchError> {
        let programs = self.agent.take().into_iter().chain(self.hub.take());
        Ok(end(programs.collect())?)
    }
}
