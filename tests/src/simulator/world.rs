//! The world: hubs, agents and network under one clock and one seed.

mod events;
mod following;
mod roam;
mod time;
mod traffic;
mod travel;
mod writes;

use super::Outcome;
use super::agent::Agent;
use super::check;
use super::hub::{FOLLOWER, Hub, LEADER};
use super::network::{Network, Weather};
use super::reference::Reference;
use super::registry::{self, MODELS};
use super::schedule::{Event, draw};
use following::Following;
use headland_agent::replica::Replica;
use headland_shared::session::{Jitter, Ms};
use std::collections::BTreeMap;

/// How long everything may take to settle once the faults end, in virtual milliseconds: a hello may have backed off
/// to minutes.
const SETTLE_MS_MAX: Ms = 1_800_000;
/// How often somebody looks whether all is settled.
const LOOK_MS: Ms = 5_000;

pub(super) struct World {
    jitter: Jitter,
    now: Ms,
    hubs: [Hub; 2],
    agents: Vec<Agent>,
    network: Network,
    weather: Weather,
    reference: Reference,
    following: Following,
    /// While the registry is being filled again after the leading hub was wiped or restored.
    refill_at: Option<Ms>,
    full_until: BTreeMap<usize, Ms>,
    outcome: Outcome,
    verbose: bool,
}

impl World {
    pub(super) fn new(seed: u64, verbose: bool) -> Self {
        let mut jitter = Jitter::seeded(seed);
        let count = 3 + jitter.up_to(2) as usize;
        let patterns = [
            "*/*",
            "*/*",
            "sim/detection where note:*",
            "*/chat",
            "sim/* where mark > 4",
        ];
        let agents: Vec<Agent> = (0..count)
            .map(|number| Agent::new(number, patterns[number], &mut jitter))
            .collect();
        let mut reference = Reference::default();
        reference.follows = agents.iter().map(|agent| agent.pattern.clone()).collect();
        Self {
            weather: Weather {
                lost: jitter.up_to(120),
                repeated: jitter.up_to(80),
                corrupted: jitter.up_to(40),
                delay_ms_max: 20 + jitter.up_to(1_500),
                reorders: true,
            },
            jitter,
            now: 1_000,
            hubs: [Hub::new(LEADER), Hub::new(FOLLOWER)],
            agents,
            network: Network::default(),
            reference,
            following: Following::default(),
            refill_at: None,
            full_until: BTreeMap::new(),
            outcome: Outcome::default(),
            verbose,
        }
    }

    pub(super) fn run(mut self) -> Result<Outcome, String> {
        let events = draw(self.agents.len(), &mut self.jitter);
        self.reference.committed();
        for hub in &mut self.hubs {
            hub.start(self.now, &mut self.jitter)?;
        }
        for index in 0..self.agents.len() {
            self.agents[index].start(self.now, &mut self.jitter)?;
        }
        for _ in 0..MODELS / 2 {
            registry::change(&mut self.reference, Event::Change, &mut self.jitter);
        }
        self.import()?;
        for (at, event) in events {
            self.run_until(at)?;
            self.happen(event)?;
            self.settle_outputs()?;
        }
        self.heal();
        self.settle()?;
        // Who may roam shows at the other hub what it wrote at this one.
        self.everybody_moves()?;
        self.settle()?;
        check::stamped(&self.hubs, Hub::now(self.now))?;
        if self.outcome.faults.hub_restores == 0 {
            check::proven(&self.agents, &self.hubs)?;
        }
        self.outcome.scopes_compared = check::alike(&self.hubs, &self.agents, &self.reference.ledger)?;
        self.outcome.faults.lost = self.network.lost;
        self.outcome.faults.repeated = self.network.repeated;
        self.outcome.faults.corrupted = self.network.corrupted;
        self.outcome.virtual_ms = self.now;
        Ok(self.outcome)
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            tracing::info!("{:>9} {}", self.now, what());
        }
    }

    /// From here on nothing goes wrong any more.
    fn heal(&mut self) {
        self.weather = Weather {
            lost: 0,
            repeated: 0,
            corrupted: 0,
            delay_ms_max: 50,
            reorders: false,
        };
        for agent in &mut self.agents {
            agent.ends_at = agent.ends_at.map(|_| self.now);
            agent.cut_until = agent.cut_until.min(self.now);
            agent.starts_at = agent.starts_at.min(self.now);
            agent.returns_at = None;
            agent.disk.set_full(false);
        }
        self.full_until.clear();
        for hub in &mut self.hubs {
            hub.starts_at = hub.starts_at.min(self.now);
        }
        self.following.heal(self.now);
        self.refill_at = self.refill_at.map(|_| self.now);
    }

    /// Waits until all is quiet and as it must be then; says what is not if that never comes.
    fn settle(&mut self) -> Result<(), String> {
        let end = self.now + SETTLE_MS_MAX;
        loop {
            let (quiet, over) = (self.is_quiet(), self.now >= end);
            if quiet || over {
                let standing = check::settled(&self.agents, &self.hubs, &self.reference);
                if over || standing.is_ok() {
                    return standing;
                }
            }
            self.look_after()?;
            let next = self.now + LOOK_MS;
            self.run_until(next)?;
        }
    }

    fn is_quiet(&self) -> bool {
        let quiet = |agent: &Agent| agent.linked && agent.replica.as_ref().is_some_and(Replica::is_settled);
        self.hubs.iter().all(|hub| hub.replica.is_some())
            && self.refill_at.is_none()
            && self.agents.iter().filter(|agent| !agent.gone).all(quiet)
            && self.network.next_at().is_none()
    }
}
