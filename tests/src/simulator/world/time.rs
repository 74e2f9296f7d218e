//! Time: what is due next, and what happens then.

use super::World;
use crate::simulator::check::Floors;
use crate::simulator::hub::{Hub, LEADER};
use crate::simulator::network::To;
use headland_shared::session::Ms;

/// What systemd waits before it starts a service again that has failed.
const START_AGAIN_MS: Ms = 5_000;

impl World {
    fn next_time(&self, end: Ms) -> Ms {
        let mut next = end;
        let mut consider = |at: Option<Ms>| next = next.min(at.unwrap_or(Ms::MAX));
        consider(self.network.next_at());
        consider(self.refill_at);
        consider(self.following.due_at());
        for hub in &self.hubs {
            match &hub.replica {
                Some(replica) => consider(Some(replica.deadline())),
                None => consider(Some(hub.starts_at)),
            }
        }
        for (index, agent) in self.agents.iter().enumerate().filter(|(_, agent)| !agent.gone) {
            consider(agent.ends_at);
            consider(agent.returns_at);
            match &agent.replica {
                None => consider(Some(agent.starts_at)),
                Some(_) if !agent.linked => consider(Some(agent.cut_until)),
                Some(replica) => consider(replica.deadline()),
            }
            consider(self.full_until.get(&index).copied());
        }
        next.max(self.now + 1)
    }

    pub(super) fn run_until(&mut self, end: Ms) -> Result<(), String> {
        while self.now < end {
            self.now = self.next_time(end).min(end);
            self.start_what_is_due()?;
            self.follow()?;
            while let Some((to, frame)) = self.network.arrive(self.now) {
                self.deliver(to, frame)?;
            }
            for hub in 0..self.hubs.len() {
                self.flush(hub)?;
            }
            self.time_out()?;
            self.settle_outputs()?;
        }
        Ok(())
    }

    fn start_what_is_due(&mut self) -> Result<(), String> {
        for hub in 0..self.hubs.len() {
            if self.hubs[hub].replica.is_none() && self.hubs[hub].starts_at <= self.now {
                self.hubs[hub].start(self.now, &mut self.jitter)?;
                self.tell(|| format!("hub {hub} starts"));
                crate::simulator::check::kept(&self.hubs[hub])?;
            }
        }
        if self.refill_at.is_some_and(|at| at <= self.now) && self.hubs[LEADER].replica.is_some() {
            self.refill()?;
        }
        self.end_clones()?;
        self.return_who_is_due()?;
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
                self.start_agent(index)?;
            }
            let agent = &mut self.agents[index];
            if agent.replica.is_some() && !agent.linked && agent.cut_until <= self.now {
                agent.link_up(self.now)?;
                self.take_over(index)?;
                self.tell(|| format!("agent {index} link up to hub {}", self.agents[index].at));
            }
        }
        Ok(())
    }

    /// An agent that finds its disk full may end as it starts; systemd starts it again.
    fn start_agent(&mut self, index: usize) -> Result<(), String> {
        let agent = &mut self.agents[index];
        if let Err(error) = agent.start(self.now, &mut self.jitter) {
            agent.starts_at = self.now + START_AGAIN_MS;
            return self.only_when_full(index, error);
        }
        self.tell(|| format!("agent {index} starts"));
        self.check(index)
    }

    fn deliver(&mut self, to: To, frame: Vec<u8>) -> Result<(), String> {
        self.outcome.delivered += 1;
        match to {
            To::Hub { hub, from } => {
                let name = self.agents[from].name.clone();
                if let Some(replica) = &mut self.hubs[hub].replica
                    && let Err(error) = replica.frame(name, frame)
                {
                    self.tell(|| format!("hub {hub} refuses: {error}"));
                }
            }
            To::Agent { to, hub } => {
                let agent = &mut self.agents[to];
                let now = agent.now(self.now);
                let mut troubles = Vec::new();
                if let Some(replica) = agent.replica.as_mut().filter(|_| agent.linked && agent.at == hub) {
                    // As when a driver has more frames in its hands.
                    let more = self.outcome.delivered.is_multiple_of(2);
                    replica.more_waits(more);
                    troubles.extend(replica.frame(frame, now).err().map(|error| error.to_string()));
                    if !more {
                        troubles.extend(replica.keep_urgent().err().map(|error| error.to_string()));
                    }
                }
                for error in troubles {
                    self.tell(|| format!("agent {to} refuses: {error}"));
                }
            }
        }
        self.settle_outputs()
    }

    fn flush(&mut self, hub: usize) -> Result<(), String> {
        match &mut self.hubs[hub].replica {
            Some(replica) => replica
                .flush(Hub::now(self.now))
                .map_err(|error| format!("hub {hub} cannot flush: {error}")),
            None => Ok(()),
        }
    }

    fn time_out(&mut self) -> Result<(), String> {
        for (number, hub) in self.hubs.iter_mut().enumerate() {
            if let Some(replica) = hub.replica.as_mut().filter(|one| one.deadline() <= self.now) {
                let floors = Floors::of(replica)?;
                replica
                    .handle_timeout(Hub::now(self.now))
                    .map_err(|error| format!("hub {number}: {error}"))?;
                floors.check(replica, Hub::now(self.now))?;
            }
        }
        for index in 0..self.agents.len() {
            let agent = &mut self.agents[index];
            let now = agent.now(self.now);
            if let Some(replica) = &mut agent.replica
                && let Err(error) = replica.handle_timeout(now)
            {
                self.tell(|| format!("agent {index}: {error}"));
            }
            self.go_on_if_behind(index)?;
        }
        Ok(())
    }
}
