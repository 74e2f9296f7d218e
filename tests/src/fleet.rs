//! A fleet of real processes: one hub, its agents, and between them a proxy for each link, which can be cut, slowed
//! down, and which counts bytes.

pub mod program;
pub mod shown;

use crate::mosquitto::{Mosquitto, MosquittoStartError};
use crate::ports::free_port;
use crate::proxy::Proxy;
use program::{Program, end, unexpected_of};
use serde_json::Value;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often states are asked for while waiting.
const POLL: Duration = Duration::from_millis(100);
/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the programs may take to start.
const START_S_MAX: u64 = 30;

/// How agents behave on their links unless it is said: nothing takes long.
const LINK: &str = "[link]\nbackoff_ms_base = 200\nbackoff_ms_max = 2000\nkeep_alive_s = 5\n\
                    [timing]\nacknowledge_ms = 300\nspread_ms = 300\ncatch_up_ms = 200\n";

/// Why a fleet failed.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// A program of the fleet failed.
    #[error("running {program}: {reason}")]
    Program {
        /// Which.
        program: String,
        /// What it said.
        reason: String,
    },
    /// The broker did not start.
    #[error(transparent)]
    Broker(#[from] MosquittoStartError),
    /// A program logged what should not happen.
    #[error("running {program}: it logged errors:\n{lines}")]
    Logged {
        /// Which.
        program: String,
        /// What it logged.
        lines: String,
    },
    /// Something took too long.
    #[error("waiting for {what}: not within {seconds} s; the logs are in {logs}{errors}")]
    TooLong {
        /// For what.
        what: String,
        /// How long.
        seconds: u64,
        /// Where the programs' logs are.
        logs: String,
        /// What else is known: errors that were logged, or nothing.
        errors: String,
    },
    /// The machine failed.
    #[error("running the fleet: {0}; check space and limits of this machine")]
    Io(#[from] io::Error),
}

/// Which broker a fleet speaks through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerChoice {
    /// The one inside the hub.
    Embedded,
    /// A mosquitto of its own.
    Mosquitto,
}

/// An agent and its link.
#[derive(Debug)]
pub struct Member {
    /// The agent.
    pub program: Program,
    /// Its way to the broker.
    pub proxy: Proxy,
}

/// A hub, a broker and agents. Dropping it ends them.
#[derive(Debug)]
pub struct Fleet {
    /// The hub.
    pub hub: Program,
    /// The agents, in the order in which they were added.
    pub members: Vec<Member>,
    binary: PathBuf,
    broker: SocketAddr,
    directory: TempDir,
    // Ends after the programs that speak through it.
    mosquitto: Option<Mosquitto>,
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

impl Fleet {
    /// Starts the hub from `binary`, a `headland-fleet`, with these lines in its configuration, and waits until it
    /// answers.
    pub async fn start(binary: &Path, broker: BrokerChoice, feed: &str) -> Result<Self, FleetError> {
        let directory = tempfile::Builder::new().prefix("headland-fleet-").tempdir()?;
        let port = free_port()?;
        let mosquitto = match broker {
            BrokerChoice::Embedded => None,
            BrokerChoice::Mosquitto => Some(Mosquitto::start(port)?),
        };
        let at = directory.path().display();
        let broker = match mosquitto {
            None => format!("[broker]\nlisten = \"127.0.0.1:{port}\"\n"),
            Some(_) => format!("[broker]\nembedded = false\nexternal = \"mqtt://127.0.0.1:{port}\"\n"),
        };
        let config = format!("store = \"{at}/hub.redb\"\nsocket = \"{at}/hub.sock\"\n{feed}{broker}");
        std::fs::write(directory.path().join("hub.toml"), config)?;
        let hub = Program::start(binary, directory.path(), "hub", "hub", &["serve"])?;
        let mut fleet = Self {
            hub,
            members: Vec::new(),
            binary: binary.to_owned(),
            broker: loopback(port),
            directory,
            mosquitto,
        };
        fleet.wait_for_hub().await?;
        Ok(fleet)
    }

    /// Where the broker listens.
    pub fn broker(&self) -> SocketAddr {
        self.broker
    }

    /// The process of the external broker, if there is one.
    pub fn mosquitto_id(&self) -> Option<u32> {
        self.mosquitto.as_ref()?.id()
    }

    /// Where the programs' files are.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts an agent behind a proxy of its own, with these lines first in its configuration.
    pub fn add_agent(&mut self, lines: &str) -> Result<(), FleetError> {
        self.add_agent_on(LINK, lines)
    }

    /// Starts an agent behind a proxy of its own, with these lines first in its configuration, and these for how it
    /// behaves on its link.
    pub fn add_agent_on(&mut self, link: &str, lines: &str) -> Result<(), FleetError> {
        let name = format!("agent-{}", self.members.len() + 1);
        let proxy = Proxy::start(loopback(free_port()?), self.broker)?;
        let at = self.directory.path().display();
        let config = format!(
            "name = \"{name}\"\nhubs = [\"mqtt://{}\"]\nstore = \"{at}/{name}.redb\"\nsocket = \"{at}/{name}.sock\"\n\
             {lines}{link}",
            proxy.listen()
        );
        std::fs::write(self.directory.path().join(format!("{name}.toml")), config)?;
        let program = Program::start(&self.binary, self.directory.path(), "agent", &name, &["run"])?;
        self.members.push(Member { program, proxy });
        Ok(())
    }

    /// Kills the broker; the embedded one goes with its hub.
    pub fn kill_broker(&mut self) {
        match &mut self.mosquitto {
            Some(mosquitto) => mosquitto.kill(),
            None => self.hub.kill(),
        }
    }

    /// Has the broker keep on disk what it holds for clients, if it can: the embedded one never does.
    pub fn save_broker(&self) -> io::Result<()> {
        self.mosquitto.as_ref().map_or(Ok(()), Mosquitto::save)
    }

    /// Removes what a killed broker has kept on disk.
    pub fn wipe_broker(&self) -> io::Result<()> {
        self.mosquitto.as_ref().map_or(Ok(()), Mosquitto::wipe)
    }

    /// Starts whatever of broker and hub does not run, and waits until the hub answers.
    pub async fn start_again(&mut self) -> Result<(), FleetError> {
        if let Some(mosquitto) = self.mosquitto.as_mut().filter(|mosquitto| mosquitto.id().is_none()) {
            mosquitto.restart()?;
        }
        self.hub.start_again()?;
        self.wait_for_hub().await
    }

    async fn wait_for_hub(&mut self) -> Result<(), FleetError> {
        let begun = Instant::now();
        while self.hub.get("/v1/status").await.is_err() {
            if let Some(error) = self.hub.ended() {
                return Err(error);
            }
            if begun.elapsed() > Duration::from_secs(START_S_MAX) {
                return Err(self.too_long("the hub to start", START_S_MAX));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until `there` says yes.
    ///
    /// # Panics
    ///
    /// After a minute, which is far longer than anything takes, so that only a hang runs into it.
    pub async fn until(&mut self, what: &str, mut there: impl AsyncFnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !there(self).await {
            if begun.elapsed() > PATIENCE {
                panic!("{}", self.too_long(what, PATIENCE.as_secs()));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// That something took too long; the programs' files stay.
    pub fn too_long(&mut self, what: &str, seconds: u64) -> FleetError {
        // The logs are what is left to find out why.
        self.directory.disable_cleanup(true);
        let errors = unexpected_of(&mut self.programs());
        FleetError::TooLong {
            what: what.to_owned(),
            seconds,
            logs: self.directory.path().display().to_string(),
            errors: errors.map_or_else(|error| format!("; {error}"), |()| String::new()),
        }
    }

    fn programs(&mut self) -> impl Iterator<Item = &mut Program> {
        let agents = self.members.iter_mut().map(|member| &mut member.program);
        agents.chain([&mut self.hub])
    }

    /// Hub's state, and each agent's; nothing for an agent that does not answer yet.
    pub async fn states(&mut self) -> Result<(Value, Vec<Option<Value>>), FleetError> {
        let hub = self.hub.get("/v1/status").await?;
        let mut agents = Vec::new();
        for member in &mut self.members {
            if let Some(error) = member.program.ended() {
                return Err(error);
            }
            agents.push(member.program.get("/v1/status").await.ok());
        }
        Ok((hub, agents))
    }

    /// Ends all programs. An error when one has logged what should not happen.
    pub fn end(self) -> Result<(), FleetError> {
        let mut programs: Vec<Program> = self.members.into_iter().map(|member| member.program).collect();
        programs.push(self.hub);
        end(programs)
    }
}

/// Whether an agent holds what the hub holds, has nothing to send, and follows.
pub fn is_equal(hub: &Value, agent: &Value) -> bool {
    agent["digest"] == hub["digest"] && agent["phase"] == "live" && agent["pending_writes"] == 0
}
