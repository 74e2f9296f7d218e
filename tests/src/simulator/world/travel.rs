//! Disks that go back in time, and devices that are copied.

use super::World;
use crate::simulator::hub::{FOLLOWER, LEADER};
use crate::simulator::schedule::Event;
use headland_shared::session::Ms;

/// The most devices of one run, copies included: a copy of a copy is nothing new.
const DEVICES_MAX: usize = 8;

impl World {
    pub(super) fn travel(&mut self, event: Event) {
        match event {
            Event::Copy(index) => self.agents[index].copy(self.reference.ledger.moment()),
            Event::RestoreAgent(index, ms) => self.restore_agent(index, ms),
            Event::Clone(index, ms) if self.agents.len() < DEVICES_MAX && !self.agents[index].roamed => {
                self.outcome.faults.clones += 1;
                let clone = self.agents[index].cloned(self.agents.len(), self.now, ms);
                self.agents[index].travelled = true;
                self.agents.push(clone);
                self.reference.ledger.cloned(index);
            }
            Event::CopyHub(LEADER) if self.hubs[LEADER].replica.is_some() && self.refill_at.is_none() => {
                self.hubs[LEADER].copy(&self.reference.catalogue);
            }
            Event::CopyHub(FOLLOWER) if self.hubs[FOLLOWER].replica.is_some() => {
                self.hubs[FOLLOWER].copy(&self.reference.catalogue);
            }
            Event::RestoreHub(hub, ms) => self.restore_hub(hub, ms),
            _ => {}
        }
    }

    fn restore_agent(&mut self, index: usize, ms: Ms) {
        let image = self.agents[index].image.clone();
        let Some(image) = image.filter(|_| !self.agents[index].roamed) else {
            return;
        };
        self.outcome.faults.agent_restores += 1;
        self.network.forget(index);
        self.full_until.remove(&index);
        self.agents[index].go_back(&image);
        self.agents[index].starts_at = self.now + ms;
        self.reference.ledger.went_back(index, &image.moment);
    }

    /// The registry is in the leading hub, and goes back with it.
    fn restore_hub(&mut self, hub: usize, ms: Ms) {
        let Some(catalogue) = self.hubs[hub].go_back() else {
            return;
        };
        self.outcome.faults.hub_restores += 1;
        self.following.break_off();
        self.hubs[hub].starts_at = self.now + 500;
        if hub == LEADER {
            self.reference.catalogue = catalogue;
            self.reference.committed();
            self.hubs[LEADER].holds = Some(self.reference.last());
            self.refill_at = Some(self.now + 500 + ms);
        }
    }

    /// Clones whose time is over are switched off, and a person says so to the hub.
    pub(super) fn end_clones(&mut self) -> Result<(), String> {
        for index in 0..self.agents.len() {
            let agent = &mut self.agents[index];
            let over = !agent.gone && agent.ends_at.is_some_and(|at| at <= self.now);
            if !over || self.hubs[agent.at].replica.is_none() {
                continue;
            }
            agent.gone = true;
            agent.replica = None;
            agent.linked = false;
            let name = agent.name.clone();
            self.hubs[agent.at].unfence(&name)?;
            self.network.forget(index);
            self.reference.ledger.ended(index);
        }
        Ok(())
    }

    /// A person looks at what the hub says: who was away longest finds out last that it was restored, and a hub that
    /// lost power may have forgotten who is fenced.
    pub(super) fn look_after(&mut self) -> Result<(), String> {
        self.hubs[LEADER].confirm()?;
        for index in 0..self.agents.len() {
            if self.copies_of(index).len() == 1 {
                let name = self.agents[index].name.clone();
                let at = self.agents[index].at;
                self.hubs[at].unfence(&name)?;
            }
        }
        Ok(())
    }

    /// A broker lets one client of a name in at a time: who comes puts the other out, and that one comes again.
    pub(super) fn take_over(&mut self, index: usize) -> Result<(), String> {
        for other in self.copies_of(index) {
            if other != index && self.agents[other].linked {
                let wait = 500 + self.jitter.up_to(8_000);
                self.agents[other].cut_until = self.now + wait;
                self.network.forget(other);
                self.agents[other]
                    .link_down(self.now)
                    .or_else(|error| self.only_when_full(other, error))?;
            }
        }
        Ok(())
    }

    /// A device and all copies of it that live.
    pub(super) fn copies_of(&self, index: usize) -> Vec<usize> {
        let name = &self.agents[index].name;
        let lives = |other: &usize| !self.agents[*other].gone && self.agents[*other].name == *name;
        (0..self.agents.len()).filter(lives).collect()
    }
}
