//! The fleet: one hub, its agents, and between them a proxy for each link, which can be cut and which counts bytes.

use super::programs::{Program, end};
use super::{BrokerChoice, DemoError};
use crate::mosquitto::Mosquitto;
use crate::ports::free_port;
use crate::proxy::Proxy;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often states are asked for while waiting.
const POLL: Duration = Duration::from_millis(100);
/// How long the programs may take to start.
const START_S_MAX: u64 = 30;

/// An agent and its link.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) program: Program,
    pub(crate) proxy: Proxy,
}

#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) hub: Program,
    pub(crate) members: Vec<Member>,
    directory: TempDir,
    // Ends after the programs that speak through it.
    mosquitto: Option<Mosquitto>,
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

impl Fleet {
    /// Starts the hub, with these lines in its configuration, and waits until it answers.
    pub(crate) async fn start(broker: BrokerChoice, feed: &str) -> Result<(Self, SocketAddr), DemoError> {
        let directory = tempfile::Builder::new().prefix("headland-fleet-").tempdir()?;
        let port = free_port()?;
        let mosquitto = match broker {
            BrokerChoice::Embedded => None,
            BrokerChoice::Mosquitto => {
                let started = Mosquitto::start(port);
                Some(started.map_err(|error| DemoError::Program {
                    program: "mosquitto".to_owned(),
                    reason: error.to_string(),
                })?)
            }
        };
        let at = directory.path().display();
        let broker = match mosquitto {
            None => format!("[broker]\nlisten = \"127.0.0.1:{port}\"\n"),
            Some(_) => format!("[broker]\nembedded = false\nexternal = \"mqtt://127.0.0.1:{port}\"\n"),
        };
        let config = format!("store = \"{at}/hub.redb\"\nsocket = \"{at}/hub.sock\"\n{feed}{broker}");
        std::fs::write(directory.path().join("hub.toml"), config)?;
        let hub = Program::start(directory.path(), "hub", "hub", &["serve"])?;
        let mut fleet = Self {
            hub,
            members: Vec::new(),
            directory,
            mosquitto,
        };
        fleet.wait_for_hub().await?;
        Ok((fleet, loopback(port)))
    }

    /// The process of the external broker, if there is one.
    pub(crate) fn mosquitto_id(&self) -> Option<u32> {
        self.mosquitto.as_ref()?.id()
    }

    /// Where the programs' files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    async fn wait_for_hub(&mut self) -> Result<(), DemoError> {
        let begun = Instant::now();
        while self.hub.get("/v1/status").await.is_err() {
            if let Some(error) = self.hub.ended(self.directory.path()) {
                return Err(error);
            }
            if begun.elapsed() > Duration::from_secs(START_S_MAX) {
                return Err(self.too_long("the hub to start", START_S_MAX));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Starts an agent behind a proxy of its own.
    pub(crate) fn add_agent(&mut self, broker: SocketAddr) -> Result<(), DemoError> {
        let name = format!("agent-{}", self.members.len() + 1);
        let proxy = Proxy::start(loopback(free_port()?), broker)?;
        let at = self.directory.path().display();
        let config = format!(
            "name = \"{name}\"\nhubs = [\"mqtt://{}\"]\nstore = \"{at}/{name}.redb\"\nsocket = \"{at}/{name}.sock\"\n\
             [link]\nbackoff_ms_base = 200\nbackoff_ms_max = 2000\nkeep_alive_s = 5\n\
             [timing]\nacknowledge_ms = 300\nspread_ms = 300\n",
            proxy.listen()
        );
        std::fs::write(self.directory.path().join(format!("{name}.toml")), config)?;
        let program = Program::start(self.directory.path(), "agent", &name, &["run"])?;
        self.members.push(Member { program, proxy });
        Ok(())
    }

    pub(crate) fn too_long(&mut self, what: &str, seconds: u64) -> DemoError {
        // The logs are what is left to find out why.
        self.directory.disable_cleanup(true);
        DemoError::TooLong {
            what: what.to_owned(),
            seconds,
            logs: self.directory.path().display().to_string(),
        }
    }

    /// Hub's state, and each agent's; nothing for an agent that does not answer yet.
    pub(crate) async fn states(&mut self) -> Result<(Value, Vec<Option<Value>>), DemoError> {
        let hub = self.hub.get("/v1/status").await?;
        let mut agents = Vec::new();
        for member in &mut self.members {
            if let Some(error) = member.program.ended(self.directory.path()) {
                return Err(error);
            }
            agents.push(member.program.get("/v1/status").await.ok());
        }
        Ok((hub, agents))
    }

    /// Ends all programs; with `keep`, leaves their files.
    pub(crate) fn end(self) {
        let mut programs: Vec<Program> = self.members.into_iter().map(|member| member.program).collect();
        programs.push(self.hub);
        end(programs);
    }

    pub(crate) fn socket_of(&self, index: usize) -> PathBuf {
        self.members[index].program.socket.clone()
    }
}
