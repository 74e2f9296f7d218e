//! A real agent of a real hub that holds many models.

use super::{Options, STARTING};
use crate::bench::BenchError;
use crate::bench::client::Client;
use crate::bench::programs::{Programs, until};
use crate::bench::quantile::quantile;
use crate::bench::records::{Record, repeated};
use crate::bench::sheet::{Sheet, Unit};
use crate::fleet::program::{Program, command, end};
use crate::ports::free_port;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How often it is started.
const STARTS: usize = 10;
const START_MS_AIM: f64 = 100.0;
/// How often it is tried whether it answers: nothing announces that it listens.
const TRY_EVERY: Duration = Duration::from_micros(200);
const START_S_MAX: u64 = 30;
/// Each change is told by itself, and at once.
const FEED: &str = "[feed]\np1_ms_max = 0\np2_ms_max = 0\n";
/// Every so many records has versions.
const VERSIONED: usize = 10;

/// Hub and agent. Dropping it ends them.
#[derive(Debug)]
pub(super) struct Device {
    agent: Option<Program>,
    hub: Option<Program>,
    pub(super) records: Vec<Record>,
    pub(super) programs: Programs,
    broker: u16,
    program: Option<PathBuf>,
}

impl Device {
    /// Starts the hub, and fills it.
    pub(super) fn prepare(options: &Options) -> Result<Self, BenchError> {
        let device = Self::empty(options, repeated(options.models)?)?;
        for namespace in ["vision", "llm"] {
            let lines: String = device
                .records
                .iter()
                .enumerate()
                .filter(|(_, record)| record.namespace == namespace)
                .map(|(number, record)| line(record, number))
                .collect();
            device.import(namespace, &lines)?;
        }
        Ok(device)
    }

    /// Starts a hub that holds nothing, and is to hold these records.
    pub(super) fn empty(options: &Options, records: Vec<Record>) -> Result<Self, BenchError> {
        let programs = Programs::new("agent")?;
        let broker = free_port()?;
        let config = format!(
            "store = {:?}\nsocket = {:?}\n[broker]\nlisten = \"127.0.0.1:{broker}\"\n{FEED}",
            programs.path("hub.redb"),
            programs.path("hub.sock"),
        );
        let hub = programs.start(&std::env::current_exe()?, "hub", &config, "serve")?;
        until("the hub to start", || programs.status("hub").is_object())?;
        Ok(Self {
            agent: None,
            hub: Some(hub),
            records,
            programs,
            broker,
            program: options.program.clone(),
        })
    }

    /// Has the hub hold exactly these records in a namespace.
    pub(super) fn import(&self, namespace: &str, lines: &str) -> Result<(), BenchError> {
        let file = self.programs.path("records.jsonl");
        std::fs::write(&file, lines)?;
        let wish = json!({
            "files": [file], "namespace": namespace, "allow_removals": true, "register": true, "dry_run": false,
        });
        self.programs.post("hub", "/v1/import", &wish).map(|_| ())
    }

    /// Starts the agent, with nothing in its store the first time.
    pub(super) fn start(&mut self) -> Result<(), BenchError> {
        let binary = match &self.program {
            Some(program) => self.in_the_role(program)?,
            None => std::env::current_exe()?,
        };
        self.agent = Some(self.programs.start(&binary, "agent", &self.config(), "run")?);
        Ok(())
    }

    fn config(&self) -> String {
        format!(
            "name = \"leaf-7\"\nhubs = [\"mqtt://127.0.0.1:{}\"]\nstore = {:?}\nsocket = {:?}\n",
            self.broker,
            self.store(),
            self.socket()
        )
    }

    /// A program that is the agent alone knows no roles: one that leaves it out and becomes that program.
    fn in_the_role(&self, program: &Path) -> Result<PathBuf, BenchError> {
        let path = self.programs.path("agent.sh");
        let program = std::path::absolute(program)?;
        std::fs::write(
            &path,
            format!("#!/bin/sh\nshift\nexec {:?} \"$@\"\n", program.display().to_string()),
        )?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Ends the agent, and starts it several times with all that it holds; the last of these stays, and is in step.
    pub(super) fn start_again(&mut self, sheet: &mut Sheet) -> Result<(), BenchError> {
        let mut times_ms = Vec::new();
        self.stop_agent()?;
        for _ in 0..STARTS {
            times_ms.push(self.start_to_first_answer()?);
        }
        self.start()?;
        self.programs.until_in_step()?;
        for (column, share) in [("measured", 0.5), ("most", 1.0)] {
            sheet.put(
                STARTING,
                "start to first answer",
                column,
                Unit::Millis,
                quantile(&mut times_ms, share),
            );
        }
        sheet.put(STARTING, "start to first answer", "aim", Unit::Millis, START_MS_AIM);
        Ok(())
    }

    fn start_to_first_answer(&self) -> Result<f64, BenchError> {
        let own = std::env::current_exe()?;
        let mut command = command(self.program.as_ref().unwrap_or(&own));
        if self.program.is_none() {
            command.arg("agent");
        }
        command.arg("--config").arg(self.programs.path("agent.toml")).arg("run");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let mut child = command.spawn()?;
        let answered = loop {
            let asked = Client::connect(&self.socket()).and_then(|mut client| client.get("/v1/status"));
            if asked.is_ok() {
                break Ok(begun.elapsed().as_secs_f64() * 1e3);
            }
            if begun.elapsed() > Duration::from_secs(START_S_MAX) {
                break Err(BenchError::TooLong {
                    what: "the agent to answer".to_owned(),
                    seconds: START_S_MAX,
                });
            }
            std::thread::sleep(TRY_EVERY);
        };
        // As an init system would, so that the next start finds a store that was closed.
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM);
        child.wait()?;
        answered
    }

    /// Ends the agent. An error when it has logged what should not happen.
    pub(super) fn stop_agent(&mut self) -> Result<(), BenchError> {
        Ok(end(self.agent.take().into_iter().collect())?)
    }

    /// The number of the agent's process.
    pub(super) fn agent_id(&self) -> Result<u32, BenchError> {
        let agent = self.agent.as_ref().map(Program::id);
        agent.ok_or_else(|| BenchError::Void("the agent does not run".to_owned()))
    }

    pub(super) fn store(&self) -> PathBuf {
        self.programs.path("agent.redb")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.programs.path("agent.sock")
    }

    /// Ends both.
    pub(super) fn end(mut self) -> Result<(), BenchError> {
        let programs = self.agent.take().into_iter().chain(self.hub.take());
        Ok(end(programs.collect())?)
    }
}

/// A record as a line of a file.
fn line(record: &Record, number: usize) -> String {
    let mut attributes = record.attributes.clone();
    attributes.insert("description".to_owned(), record.description().into());
    attributes.insert("tags".to_owned(), json!(record.tags()));
    let mut line = json!({ "id": record.name, "attributes": attributes });
    if let Some(versions) = versions(number) {
        line["versions"] = versions;
        line["current"] = json!("1.1");
    }
    format!("{line}\n")
}

/// The synthetic versions of every tenth record.
pub(super) fn versions(number: usize) -> Option<Value> {
    let version = |version: &str, outcome: &str| {
        json!({
            "version": version,
            "manifest": { "uri": format!("oci://registry.example/{number}:{version}"), "size": 123_456_789 },
            "approvals": { "field-use": outcome },
        })
    };
    let versions = json!([version("1.0", "approved"), version("1.1", "tried")]);
    number.is_multiple_of(VERSIONED).then_some(versions)
}
