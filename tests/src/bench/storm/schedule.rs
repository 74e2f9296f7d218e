//! The schedule: all in step, urgent changes, the cut, a release, the return.

use super::super::process::{Usage, machine_cpu_s, shared_us};
use super::super::{BenchError, progress};
use super::board::Event;
use super::link::SharedLink;
use super::probes::{Probe, Prober, import};
use super::worker::Guests;
use super::workers::{Workers, number};
use super::{CUT, Options, STORM_S_MAX};
use crate::demo::catalogue::Catalogue;
use crate::fleet::Fleet;
use serde_json::Value;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Urgent changes while nothing else happens.
const STEADY_PROBES: usize = 10;
/// What lies between two urgent changes at least.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// After how many urgent changes of a storm progress is told.
const TELL_EVERY: usize = 10;
/// How long an urgent change may take to reach everybody, or a cut to be noticed.
const STEP_S_MAX: u64 = 60;
/// How long an agent may take to copy everything, one after another.
const COPY_S_MAX: u64 = 2;
/// How long the last acknowledgements may take.
const PROOF_S_MAX: u64 = 120;

/// What hub, broker, agents and proxy have used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) hub: Usage,
    pub(super) broker: Option<Usage>,
    pub(super) agents: Usage,
    pub(super) proxy_cpu_s: f64,
    pub(super) machine_cpu_s: f64,
    pub(super) down: u64,
    pub(super) up: u64,
}

/// What was seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Storm {
    pub(super) agents: usize,
    pub(super) start_s: f64,
    /// Seq of the release that came while links were cut.
    pub(super) release: u64,
    pub(super) returned_us: u64,
    pub(super) steady: Vec<Probe>,
    pub(super) steady_events: Vec<Event>,
    pub(super) stormy: Vec<Probe>,
    pub(super) storm_events: Vec<Event>,
    /// Frames and bytes that each agent's link had taken in before the storm.
    pub(super) taken_before: Vec<(u64, u64)>,
    pub(super) quiet: Used,
    pub(super) before: Used,
    pub(super) after: Used,
    pub(super) status_before: Value,
    pub(super) status_after: Value,
    /// Agents whose digest is the hub's at the end.
    pub(super) proven: u64,
}

struct Stage {
    fleet: Fleet,
    link: SharedLink,
    workers: Workers,
    prober: Prober,
    // Goes after the workers, whose files are in it.
    _stores: TempDir,
}

/// Runs the whole schedule.
pub(super) async fn run(options: &Options) -> Result<Storm, BenchError> {
    let catalogue = Catalogue::shipped()?;
    let fleet = Fleet::start(&std::env::current_exe()?, options.broker, "").await?;
    let broker = fleet.broker();
    for release in &catalogue.base {
        import(&fleet, &release.namespace, &release.json_lines()).await?;
    }
    let mut prober = Prober::default();
    prober.next(&fleet).await?;
    let link = SharedLink::start(broker)?;
    progress(&format!("  {} agents copy everything", options.agents));
    let begun = Instant::now();
    let stores = match &options.stores {
        Some(directory) => tempfile::Builder::new()
            .prefix("headland-storm-")
            .tempdir_in(directory)?,
        None => tempfile::Builder::new().prefix("headland-storm-").tempdir()?,
    };
    let (at, port) = (fleet.directory(), link.port());
    let mut workers = Workers::start(at, stores.path(), Guests::Devices, options.agents, port)?;
    workers.wait_for_start().await?;
    let limit = options.agents as u64 * COPY_S_MAX;
    let all = |now: super::workers::Standing, all| now.settled == all;
    workers.wait("all agents to be in step", limit, 0, all).await?;
    let mut storm = Storm {
        agents: options.agents,
        start_s: begun.elapsed().as_secs_f64(),
        ..Storm::default()
    };
    let mut stage = Stage {
        fleet,
        link,
        workers,
        prober,
        _stores: stores,
    };
    stage.steady(&mut storm).await?;
    stage.cut(&mut storm, &catalogue).await?;
    stage.storm(&mut storm).await?;
    stage.prove(&mut storm).await?;
    stage.workers.end()?;
    stage.fleet.end()?;
    Ok(storm)
}

impl Stage {
    async fn steady(&mut self, storm: &mut Storm) -> Result<(), BenchError> {
        progress("  urgent changes while nothing else happens");
        self.workers.events().await?;
        storm.quiet = self.used()?;
        for _ in 0..STEADY_PROBES {
            let probe = self.prober.next(&self.fleet).await?;
            let everybody = |now: super::workers::Standing, all| now.reached == all;
            let what = "an urgent change to reach every agent";
            self.workers.wait(what, STEP_S_MAX, probe.seq, everybody).await?;
            storm.steady.push(probe);
            tokio::time::sleep(PROBE_EVERY).await;
        }
        storm.steady_events = self.workers.events().await?;
        Ok(())
    }

    async fn cut(&mut self, storm: &mut Storm, catalogue: &Catalogue) -> Result<(), BenchError> {
        progress("  all links are cut, and a release comes");
        storm.taken_before = taken(&storm.steady_events, storm.agents);
        self.link.proxy.cut();
        let cut = Instant::now();
        let nobody = |now: super::workers::Standing, _| now.linked == 0;
        self.workers.wait("all links to be lost", STEP_S_MAX, 0, nobody).await?;
        let release = &catalogue.releases[super::RELEASE];
        let done = import(&self.fleet, &release.namespace, &release.json_lines()).await?;
        storm.release = done["seq"].as_u64().unwrap_or(0);
        tokio::time::sleep(CUT.saturating_sub(cut.elapsed())).await;
        storm.status_before = self.fleet.hub.get("/v1/status").await?;
        storm.before = self.used()?;
        Ok(())
    }

    async fn storm(&mut self, storm: &mut Storm) -> Result<(), BenchError> {
        progress("  all links return at once");
        storm.returned_us = shared_us();
        let begun = Instant::now();
        self.link.proxy.restore();
        loop {
            let next = tokio::time::Instant::now() + PROBE_EVERY;
            storm.stormy.push(self.prober.next(&self.fleet).await?);
            if storm.stormy.len().is_multiple_of(TELL_EVERY) {
                let reached = self.workers.standing(storm.release).await?.reached;
                let seconds = begun.elapsed().as_secs();
                progress(&format!("  after {seconds} s {reached} have the release"));
            }
            while tokio::time::Instant::now() < next {
                if self.workers.standing(storm.release).await?.reached == storm.agents {
                    storm.after = self.used()?;
                    return Ok(());
                }
                tokio::time::sleep(PROBE_EVERY / 10).await;
            }
            if begun.elapsed() > Duration::from_secs(STORM_S_MAX) {
                let what = "all agents to converge".to_owned();
                return Err(BenchError::TooLong {
                    what,
                    seconds: STORM_S_MAX,
                });
            }
        }
    }

    /// Waits until all hold the last change, the hub says that all are proven, and reads every store.
    async fn prove(&mut self, storm: &mut Storm) -> Result<(), BenchError> {
        let last = storm.stormy.last().map_or(0, |probe| probe.seq);
        let everybody = |now: super::workers::Standing, all| now.reached == all && now.settled == all;
        let what = "the last change to reach every agent";
        self.workers.wait(what, PROOF_S_MAX, last, everybody).await?;
        storm.storm_events = self.workers.events().await?;
        let begun = Instant::now();
        loop {
            storm.status_after = self.fleet.hub.get("/v1/status").await?;
            let proven = number(&storm.status_after, "/agents_proven_in_sync");
            if proven as usize == storm.agents {
                break;
            }
            if begun.elapsed() > Duration::from_secs(PROOF_S_MAX) {
                return Err(BenchError::Void(format!("the hub has proof of {proven} agents only")));
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
        let digest = storm.status_after["digest"].as_str().unwrap_or_default();
        let digests = self.workers.digests().await?;
        storm.proven = digests.get(digest).copied().unwrap_or(0);
        if storm.proven as usize != storm.agents {
            return Err(BenchError::Void(format!(
                "digests differ: {digests:?}, the hub's is {digest}"
            )));
        }
        Ok(())
    }

    fn used(&self) -> Result<Used, BenchError> {
        let broker = self.fleet.mosquitto_id().map(Usage::of).transpose()?;
        Ok(Used {
            hub: Usage::of(self.fleet.hub.id())?,
            broker,
            agents: self.workers.usage()?,
            proxy_cpu_s: self.link.cpu_s()?,
            machine_cpu_s: machine_cpu_s()?,
            down: self.link.proxy.bytes_down(),
            up: self.link.proxy.bytes_up(),
        })
    }
}

/// What each agent's link had taken in at its last event.
fn taken(events: &[Event], agents: usize) -> Vec<(u64, u64)> {
    let mut taken = vec![(0, 0); agents];
    for event in events {
        taken[event.guest] = (event.frames, event.bytes);
    }
    taken
}
