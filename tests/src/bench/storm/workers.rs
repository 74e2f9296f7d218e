//! The workers, from the benchmark's side.

use super::super::BenchError;
use super::super::process::Usage;
use super::board::Event;
use super::worker::{Guests, ROLE};
use crate::fleet::FleetError;
use crate::fleet::program::{Program, end};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Guests of one process.
pub(super) const GUESTS_PER_WORKER: usize = 250;
/// How often workers are asked how far they are: they have other work.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// How long a worker may take to answer for the first time.
const START_S_MAX: u64 = 30;

/// How many guests of all workers are how far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) linked: usize,
    pub(super) settled: usize,
    pub(super) reached: usize,
}

/// All workers of one kind.
#[derive(Debug)]
pub(super) struct Workers {
    programs: Vec<Program>,
    pub(super) guests: usize,
}

impl Workers {
    /// Starts as many as it takes to host so many guests, whose files lie in `stores`.
    pub(super) fn start(
        directory: &Path,
        stores: &Path,
        guests: Guests,
        count: usize,
        port: u16,
    ) -> Result<Self, BenchError> {
        let kind = match guests {
            Guests::Devices => "devices",
            Guests::Plain => "plain",
        };
        let binary = std::env::current_exe()?;
        let mut programs = Vec::new();
        let mut first = 0;
        while first < count {
            let here = GUESTS_PER_WORKER.min(count - first);
            let stores = stores.display().to_string();
            let [from, many, port] = [first.to_string(), here.to_string(), port.to_string()];
            let arguments = [
                "--guests", kind, "--first", &from, "--count", &many, "--port", &port, "--stores", &stores,
            ];
            let name = format!("{kind}-{}", programs.len() + 1);
            programs.push(Program::start(&binary, directory, ROLE, &name, &arguments)?);
            first += here;
        }
        Ok(Self {
            programs,
            guests: count,
        })
    }

    /// How many guests have a link, nothing to do, and come as far as `mark`.
    pub(super) async fn standing(&mut self, mark: u64) -> Result<Standing, BenchError> {
        let mut sum = Standing::default();
        for program in &mut self.programs {
            if let Some(error) = program.ended() {
                return Err(error.into());
            }
            let answer = program.get(&format!("/v1/standing?mark={mark}")).await?;
            let count = |name: &str| answer[name].as_u64().unwrap_or(0) as usize;
            sum.linked += count("linked");
            sum.settled += count("settled");
            sum.reached += count("reached");
        }
        Ok(sum)
    }

    /// Waits until all workers answer.
    pub(super) async fn wait_for_start(&mut self) -> Result<(), BenchError> {
        let begun = Instant::now();
        while let Err(error) = self.standing(0).await {
            if begun.elapsed() > Duration::from_secs(START_S_MAX) {
                return Err(error);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until the guests stand as wanted.
    pub(super) async fn wait(
        &mut self,
        what: &str,
        seconds: u64,
        mark: u64,
        mut wanted: impl FnMut(Standing, usize) -> bool,
    ) -> Result<(), BenchError> {
        let begun = Instant::now();
        loop {
            let standing = self.standing(mark).await?;
            if wanted(standing, self.guests) {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(seconds) {
                let what = format!("{what} ({standing:?} of {})", self.guests);
                return Err(BenchError::TooLong { what, seconds });
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// What happened since the last time; guests are numbered through all workers.
    pub(super) async fn events(&self) -> Result<Vec<Event>, BenchError> {
        let mut all = Vec::new();
        for (worker, program) in self.programs.iter().enumerate() {
            let mut answer = program.get("/v1/events").await?;
            let events: Vec<Event> = serde_json::from_value(answer["events"].take())
                .map_err(|error| BenchError::Void(format!("a worker's answer cannot be read: {error}")))?;
            let first = worker * GUESTS_PER_WORKER;
            all.extend(events.into_iter().map(|event| Event {
                guest: first + event.guest,
                ..event
            }));
        }
        Ok(all)
    }

    /// How many devices hold what.
    pub(super) async fn digests(&self) -> Result<BTreeMap<String, u64>, BenchError> {
        let mut all = BTreeMap::new();
        for program in &self.programs {
            let answer = program.get("/v1/proof").await?;
            for (digest, count) in answer["digests"].as_object().into_iter().flatten() {
                *all.entry(digest.clone()).or_default() += count.as_u64().unwrap_or(0);
            }
        }
        Ok(all)
    }

    /// What all workers have used.
    pub(super) fn usage(&self) -> Result<Usage, BenchError> {
        let mut sum = Usage::default();
        for program in &self.programs {
            let one = Usage::of(program.id())?;
            sum.cpu_s += one.cpu_s;
            sum.rss += one.rss;
            sum.pss += one.pss;
        }
        Ok(sum)
    }

    pub(super) fn end(self) -> Result<(), FleetError> {
        end(self.programs)
    }
}

/// A number in an answer.
pub(super) fn number(answer: &Value, path: &str) -> f64 {
    answer.pointer(path).and_then(Value::as_f64).unwrap_or(0.0)
}
