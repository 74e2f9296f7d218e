//! The world: hub, agents and network under one clock and one seed.

mod travel;

use super::Outcome;
use super::agent::Agent;
use super::check;
use super::floors::Floors;
use super::hub::Hub;
use super::network::{Network, To, Weather};
use super::reference::Reference;
use super::registry::{self, MODELS, TASKS};
use super::schedule::{Event, Faults, draw};
use headland_hub::replica::Output;
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::frame::encode_up;
use headland_shared::message::{Hello, Up};
use headland_shared::scope::{Follow, Scope};
use headland_shared::session::{Jitter, Ms};
use headland_shared::topic;
use std::collections::BTreeMap;

/// How long everything may take to settle once the faults end, in virtual milliseconds: a hello may have backed off
/// to minutes.
const SETTLE_MS_MAX: Ms = 1_800_000;

pub(super) struct World {
    jitter: Jitter,
    now: Ms,
    hub: Hub,
    agents: Vec<Agent>,
    network: Network,
    weather: Weather,
    reference: Reference,
    /// While the registry is being filled again after the hub was wiped.
    refill_at: Option<Ms>,
    /// While the hub has nothing.
    wiped: bool,
    full_until: BTreeMap<usize, Ms>,
    faults: Faults,
    reads: u64,
    reads_ahead: u64,
    delivered: u64,
    verbose: bool,
}

impl World {
    pub(super) fn new(seed: u64, verbose: bool) -> Self {
        let mut jitter = Jitter::seeded(seed);
        let count = 3 + jitter.up_to(2) as usize;
        let patterns = ["*/*", "*/*", "sim/detection", "*/chat", "sim/*"];
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
            },
            jitter,
            now: 1_000,
            hub: Hub::default(),
            agents,
            network: Network::default(),
            reference,
            refill_at: None,
            wiped: false,
            full_until: BTreeMap::new(),
            faults: Faults::default(),
            reads: 0,
            reads_ahead: 0,
            delivered: 0,
            verbose,
        }
    }

    pub(super) fn run(mut self) -> Result<Outcome, String> {
        let events = draw(self.agents.len(), &mut self.jitter);
        self.reference.committed();
        self.hub.start(self.now, &mut self.jitter)?;
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
        let end = self.now + SETTLE_MS_MAX;
        while !self.is_settled()? && self.now < end {
            self.look_after()?;
            let next = self.now + 5_000;
            self.run_until(next)?;
        }
        check::settled(&self.agents, &self.hub, &self.reference)?;
        check::stamps(&self.hub, Hub::now(self.now))?;
        if self.faults.hub_restores == 0 {
            check::proofs(&self.agents, &self.hub)?;
        }
        self.faults.lost = self.network.lost;
        self.faults.repeated = self.network.repeated;
        self.faults.corrupted = self.network.corrupted;
        Ok(Outcome {
            faults: self.faults,
            reads: self.reads,
            reads_ahead: self.reads_ahead,
            delivered: self.delivered,
            virtual_ms: self.now,
        })
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
        };
        for agent in &mut self.agents {
            agent.ends_at = agent.ends_at.map(|_| self.now);
            agent.cut_until = agent.cut_until.min(self.now);
            agent.starts_at = agent.starts_at.min(self.now);
            agent.disk.set_full(false);
        }
        self.full_until.clear();
        self.hub.starts_at = self.hub.starts_at.min(self.now);
        self.refill_at = self.refill_at.map(|_| self.now);
    }

    fn is_settled(&self) -> Result<bool, String> {
        if self.hub.replica.is_none() || self.refill_at.is_some() {
            return Ok(false);
        }
        for agent in self.agents.iter().filter(|agent| !agent.gone) {
            let Some(replica) = &agent.replica else {
                return Ok(false);
            };
            if !agent.linked || !replica.is_settled() {
                return Ok(false);
            }
        }
        Ok(self.network.next_at().is_none() && check::settled(&self.agents, &self.hub, &self.reference).is_ok())
    }

    fn next_time(&self, end: Ms) -> Ms {
        let mut next = end;
        let mut consider = |at: Option<Ms>| next = next.min(at.unwrap_or(Ms::MAX));
        consider(self.network.next_at());
        consider(self.refill_at);
        match &self.hub.replica {
            Some(replica) => consider(Some(replica.deadline())),
            None => consider(Some(self.hub.starts_at)),
        }
        for (index, agent) in self.agents.iter().enumerate().filter(|(_, agent)| !agent.gone) {
            consider(agent.ends_at);
            match &agent.replica {
                None => consider(Some(agent.starts_at)),
                Some(_) if !agent.linked => consider(Some(agent.cut_until)),
                Some(replica) => consider(replica.deadline()),
            }
            consider(self.full_until.get(&index).copied());
        }
        next.max(self.now + 1)
    }

    fn run_until(&mut self, end: Ms) -> Result<(), String> {
        while self.now < end {
            self.now = self.next_time(end).min(end);
            self.start_what_is_due()?;
            while let Some((to, frame)) = self.network.arrive(self.now) {
                self.deliver(to, frame)?;
            }
            self.flush_hub()?;
            self.time_out()?;
            self.settle_outputs()?;
        }
        Ok(())
    }

    fn start_what_is_due(&mut self) -> Result<(), String> {
        if self.hub.replica.is_none() && self.hub.starts_at <= self.now {
            self.hub.start(self.now, &mut self.jitter)?;
            self.tell(|| "hub starts".into());
        }
        if self.refill_at.is_some_and(|at| at <= self.now) && self.hub.replica.is_some() {
            self.refill_at = None;
            self.wiped = false;
            self.import()?;
            self.hub.confirm()?;
        }
        self.end_clones()?;
        let over: Vec<usize> = self
            .full_until
            .iter()
            .filter(|(_, at)| **at <= self.now)
            .map(|(i, _)| *i)
            .collect();
        for index in over {
            self.full_until.remove(&index);
            self.agents[index].disk.set_full(false);
        }
        for index in 0..self.agents.len() {
            let agent = &mut self.agents[index];
            if agent.replica.is_none() && !agent.gone && agent.starts_at <= self.now {
                agent.start(self.now, &mut self.jitter)?;
                self.tell(|| format!("agent {index} starts"));
                self.check(index)?;
            }
            let agent = &mut self.agents[index];
            if agent.replica.is_some() && !agent.linked && agent.cut_until <= self.now {
                agent.link_up(self.now)?;
                self.take_over(index)?;
                self.tell(|| format!("agent {index} link up"));
            }
        }
        Ok(())
    }

    fn deliver(&mut self, to: To, frame: Vec<u8>) -> Result<(), String> {
        self.delivered += 1;
        match to {
            To::Hub { from } => {
                let name = self.agents[from].name.clone();
                if let Some(replica) = &mut self.hub.replica
                    && let Err(error) = replica.frame(name, frame)
                {
                    self.tell(|| format!("hub refuses: {error}"));
                }
            }
            To::Agent { to } => {
                let agent = &mut self.agents[to];
                let now = agent.now(self.now);
                if let Some(replica) = agent.replica.as_mut().filter(|_| agent.linked)
                    && let Err(error) = replica.frame(frame, now)
                {
                    self.tell(|| format!("agent {to} refuses: {error}"));
                }
            }
        }
        self.settle_outputs()
    }

    fn flush_hub(&mut self) -> Result<(), String> {
        match &mut self.hub.replica {
            Some(replica) => replica
                .flush(Hub::now(self.now))
                .map_err(|error| format!("hub cannot flush: {error}")),
            None => Ok(()),
        }
    }

    fn time_out(&mut self) -> Result<(), String> {
        if let Some(replica) = self.hub.replica.as_mut().filter(|one| one.deadline() <= self.now) {
            let floors = Floors::of(replica)?;
            replica
                .handle_timeout(Hub::now(self.now))
                .map_err(|error| format!("hub: {error}"))?;
            floors.check(replica, Hub::now(self.now))?;
        }
        for index in 0..self.agents.len() {
            let agent = &mut self.agents[index];
            let now = agent.now(self.now);
            if let Some(replica) = &mut agent.replica
                && let Err(error) = replica.handle_timeout(now)
            {
                self.tell(|| format!("agent {index}: {error}"));
            }
        }
        Ok(())
    }

    /// Sends what the replicas want sent, and checks what changed.
    fn settle_outputs(&mut self) -> Result<(), String> {
        for output in self.hub.outputs() {
            self.publish(output);
        }
        for index in 0..self.agents.len() {
            let (frames, changed) = self.agents[index].outputs();
            for frame in frames {
                if self.agents[index].linked {
                    self.network
                        .send(To::Hub { from: index }, frame, self.weather, &mut self.jitter, self.now);
                }
            }
            if changed {
                self.check(index)?;
            }
        }
        Ok(())
    }

    fn publish(&mut self, output: Output) {
        let (wanted, frame) = match output {
            Output::Send { topic, frame } | Output::Publish { topic, frame } => (topic, frame),
        };
        for index in 0..self.agents.len() {
            if self.agents[index].linked && subscribes(&self.agents[index], &wanted) {
                self.network.send(
                    To::Agent { to: index },
                    frame.clone(),
                    self.weather,
                    &mut self.jitter,
                    self.now,
                );
            }
        }
    }

    fn check(&mut self, index: usize) -> Result<(), String> {
        self.reads += 1;
        let before = self.agents[index].shows;
        check::read(&mut self.agents[index], &self.reference)?;
        self.reads_ahead += u64::from(check::ahead(&self.agents[index], &self.reference)?);
        if self.wiped && before > 0 && self.agents[index].shows == 0 {
            return Err(format!("agent {index} lost records to an empty hub (invariant 11)"));
        }
        Ok(())
    }

    fn import(&mut self) -> Result<(), String> {
        // The reference is told first: agents may show it as soon as the hub has it.
        self.reference.committed();
        self.hub.import(&self.reference.catalogue, self.now)?;
        self.settle_outputs()
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        self.tell(|| format!("{event:?}"));
        match event {
            Event::Change | Event::Withdraw | Event::Recreate | Event::Move | Event::Release | Event::Approve => {
                if self.hub.replica.is_some() && self.refill_at.is_none() {
                    registry::change(&mut self.reference, event, &mut self.jitter);
                    self.import()?;
                }
            }
            Event::Annotate(index) => self
                .copies_of(index)
                .into_iter()
                .try_for_each(|one| self.annotate(one))?,
            Event::RemoveNote(index) => self.remove_note(index)?,
            Event::Count(index) => self.copies_of(index).into_iter().try_for_each(|one| self.count(one))?,
            Event::Cut(index, ms) => {
                self.faults.cuts += 1;
                self.agents[index].cut_until = self.now + ms;
                self.network.forget(index);
                self.agents[index]
                    .link_down(self.now)
                    .or_else(|error| self.only_when_full(index, error))?;
            }
            Event::CrashAgent(index, ms) => {
                self.faults.agent_crashes += 1;
                self.network.forget(index);
                self.agents[index].crash(&mut self.jitter);
                self.agents[index].starts_at = self.now + ms;
                self.agents[index].disk.set_full(false);
                self.full_until.remove(&index);
            }
            Event::CrashHub(ms) => {
                self.faults.hub_crashes += 1;
                self.hub.crash(&mut self.jitter);
                self.hub.starts_at = self.now + ms;
            }
            Event::WipeHub(ms) => {
                self.faults.hub_wipes += 1;
                self.hub.wipe();
                self.wiped = true;
                self.hub.starts_at = self.now + 500;
                self.refill_at = Some(self.now + 500 + ms);
            }
            Event::Jump(index, to) => {
                self.faults.clock_jumps += 1;
                self.agents[index].wall_offset = to;
            }
            Event::FillDisk(index, ms) => {
                self.faults.full_disks += 1;
                self.agents[index].disk.set_full(true);
                self.full_until.insert(index, self.now + ms);
            }
            Event::Forge(index) => self.forge(index),
            Event::Copy(_) | Event::RestoreAgent(..) | Event::Clone(..) | Event::CopyHub | Event::RestoreHub(_) => {
                self.travel(event);
            }
        }
        Ok(())
    }

    fn only_when_full(&self, index: usize, error: String) -> Result<(), String> {
        if self.full_until.contains_key(&index) {
            Ok(())
        } else {
            Err(error)
        }
    }

    fn annotate(&mut self, index: usize) -> Result<(), String> {
        let text = self.reference.ledger.next_text(index);
        let full = self.full_until.contains_key(&index);
        match self.agents[index].annotate(&text, self.now, &mut self.jitter) {
            Ok(Some((dot, model))) => {
                self.reference.ledger.note(text, index, dot, model);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(_) if full => Ok(()),
            Err(error) => Err(format!("agent {index} cannot write: {error}")),
        }
    }

    fn remove_note(&mut self, index: usize) -> Result<(), String> {
        let Some((text, note)) = self.reference.ledger.some_note(index) else {
            return Ok(());
        };
        let full = self.full_until.contains_key(&index);
        match self.agents[index].remove_note(&note.dot, &note.model, self.now) {
            Ok(done) => {
                if done {
                    self.reference.ledger.removed(&text);
                }
                Ok(())
            }
            Err(_) if full => Ok(()),
            Err(error) => Err(format!("agent {index} cannot take back: {error}")),
        }
    }

    fn count(&mut self, index: usize) -> Result<(), String> {
        let amount = self.jitter.up_to(9) as i64 - 2;
        let full = self.full_until.contains_key(&index);
        match self.agents[index].count(amount, self.now, &mut self.jitter) {
            Ok(Some(model)) => {
                self.reference.ledger.count(index, model, amount);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(_) if full => Ok(()),
            Err(error) => Err(format!("agent {index} cannot count: {error}")),
        }
    }

    /// Somebody who is not the agent speaks on its topic: a hello for another device, with writes.
    fn forge(&mut self, index: usize) {
        self.faults.forgeries += 1;
        let victim = &self.agents[(index + 1) % self.agents.len()];
        let hello = Hello {
            nonce: 1,
            actor: ActorId {
                name: victim.name.clone(),
                incarnation: Incarnation(1),
            },
            frame_bytes_max: 4_096,
            follow: vec![Follow::ALL],
            place: None,
            staged: None,
            registry: headland_shared::epoch::Position::default(),
            upload: None,
            more: Vec::new(),
        };
        let frame = encode_up(&Up::Hello(hello));
        self.network
            .send(To::Hub { from: index }, frame, self.weather, &mut self.jitter, self.now);
    }
}

fn subscribes(agent: &Agent, wanted: &str) -> bool {
    let region = headland_shared::name::Region::new("main").expect("a plain word is a valid region");
    let live = agent.frame_bytes_max >= 65_536;
    if wanted == topic::down(&region, &agent.name) || wanted == topic::heartbeat(&region) {
        return true;
    }
    let follow: Follow = agent.pattern.parse().expect("the simulator's patterns are valid");
    TASKS.iter().any(|task| {
        let scope = Scope::of(super::reference::namespace(), Some(task));
        let of_scope = live && topic::feed(&region, &scope) == wanted || topic::urgent(&region, &scope) == wanted;
        follow.matches(&scope) && of_scope
    })
}
