//! An agent in a network of its own, whose packets are counted.

use super::super::BenchError;
use super::super::process::Usage;
use super::line;
use crate::fleet::Fleet;
use crate::fleet::program::Program;
use crate::network::Network;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

/// How long it may take to be in step.
const SECONDS_MAX: u64 = 120;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// An agent and the line to its hub. Dropping it ends both.
#[derive(Debug)]
pub(super) struct Counted {
    agent: Program,
    _line: Program,
    broker_end: JoinHandle<()>,
    network: Network,
}

/// What an agent has carried and used up to a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    at: Instant,
    octets: u64,
    cpu_s: f64,
    reckoned: u64,
    frames_in: u64,
    frames_out: u64,
    sessions: u64,
}

/// The difference of two readings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) seconds: f64,
    pub(super) octets: f64,
    pub(super) cpu_s: f64,
    /// Bytes as the agent counts them for its budget.
    pub(super) reckoned: f64,
    pub(super) frames_in: f64,
    pub(super) frames_out: f64,
    pub(super) sessions: f64,
}

impl Counted {
    /// Starts an agent of this name that behaves so on its link.
    pub(super) fn start(fleet: &Fleet, binary: &Path, name: &str, link: &str) -> Result<Self, BenchError> {
        let directory = fleet.directory();
        let network = Network::make()?;
        network.set_up(true)?;
        let within = network.within(directory, binary)?;
        let listener = UnixListener::bind(directory.join(format!("{name}-tcp.line")))?;
        let broker_end = tokio::spawn(line::broker_end(listener, fleet.broker()));
        let line = Program::start(&within, directory, line::ROLE, &format!("{name}-tcp"), &[])?;
        let at = directory.display();
        let config = format!(
            "name = \"{name}\"\nhubs = [\"mqtt://127.0.0.1:{}\"]\nstore = \"{at}/{name}.redb\"\n\
             socket = \"{at}/{name}.sock\"\n[link]\nbackoff_ms_base = 200\nbackoff_ms_max = 1000\n{link}\n",
            line::PORT
        );
        std::fs::write(directory.join(format!("{name}.toml")), config)?;
        let agent = Program::start(&within, directory, "agent", name, &["run"])?;
        Ok(Self {
            agent,
            _line: line,
            broker_end,
            network,
        })
    }

    /// Waits until the hub has said that both hold the same.
    pub(super) async fn in_step(&self) -> Result<(), BenchError> {
        let begun = Instant::now();
        loop {
            let status = self.agent.get("/v1/status").await.unwrap_or_default();
            if status["proof"]["equal"] == true && status["models"].as_u64() > Some(0) {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(SECONDS_MAX) {
                return Err(BenchError::TooLong {
                    what: format!("{} to be in step", self.agent.name()),
                    seconds: SECONDS_MAX,
                });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What it has carried and used so far.
    pub(super) async fn read(&self) -> Result<Reading, BenchError> {
        let status = self.agent.get("/v1/status").await?;
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let link = &status["link"];
        Ok(Reading {
            at: Instant::now(),
            octets: self.network.octets()?,
            cpu_s: Usage::of(self.agent.id())?.cpu_s,
            reckoned: number(&link["wire_bytes"]),
            frames_in: number(&link["frames_in"]),
            frames_out: number(&link["frames_out"]),
            sessions: number(&link["sessions"]),
        })
    }

    /// Ends it. An error when it has logged what should not happen.
    pub(super) fn end(self) -> Result<(), BenchError> {
        self.broker_end.abort();
        crate::fleet::program::end(vec![self.agent])?;
        Ok(())
    }
}

impl Reading {
    pub(super) fn until(self, later: Self) -> Span {
        let count = |before: u64, after: u64| after.saturating_sub(before) as f64;
        Span {
            seconds: (later.at - self.at).as_secs_f64(),
            octets: count(self.octets, later.octets),
            cpu_s: later.cpu_s - self.cpu_s,
            reckoned: count(self.reckoned, later.reckoned),
            frames_in: count(self.frames_in, later.frames_in),
            frames_out: count(self.frames_out, later.frames_out),
            sessions: count(self.sessions, later.sessions),
        }
    }
}
