//! What happens of a schedule.

use super::World;
use crate::simulator::hub::LEADER;
use crate::simulator::reference::{EVERYWHERE, HERE};
use crate::simulator::registry;
use crate::simulator::schedule::Event;

impl World {
    pub(super) fn happen(&mut self, event: Event) -> Result<(), String> {
        self.tell(|| format!("{event:?}"));
        match event {
            Event::Change | Event::Withdraw | Event::Recreate | Event::Move | Event::Release | Event::Approve => {
                if self.hubs[LEADER].replica.is_some() && self.refill_at.is_none() {
                    registry::change(&mut self.reference, event, &mut self.jitter);
                    self.import()?;
                }
            }
            Event::Annotate(index) => self
                .copies_of(index)
                .into_iter()
                .try_for_each(|one| self.annotate(one))?,
            Event::RemoveNote(index) => self.remove_note(index)?,
            Event::Count(index) => self.count_at_copies(index, EVERYWHERE)?,
            Event::CountHere(index) => self.count_at_copies(index, HERE)?,
            Event::Roam(index, ms) => self.roam(index, ms)?,
            Event::Lag(ms) => {
                self.outcome.faults.lags += 1;
                self.following.lag_until(self.now + ms);
            }
            Event::Cut(index, ms) => {
                self.outcome.faults.cuts += 1;
                self.agents[index].cut_until = self.now + ms;
                self.network.forget(index);
                self.agents[index]
                    .link_down(self.now)
                    .or_else(|error| self.only_when_full(index, error))?;
            }
            Event::CrashAgent(index, ms) => {
                self.outcome.faults.agent_crashes += 1;
                self.network.forget(index);
                self.agents[index].crash(&mut self.jitter);
                self.agents[index].starts_at = self.now + ms;
                self.agents[index].disk.set_full(false);
                self.full_until.remove(&index);
            }
            Event::CrashHub(hub, ms) => {
                self.outcome.faults.hub_crashes += 1;
                self.following.break_off();
                self.hubs[hub].crash(&mut self.jitter);
                self.hubs[hub].starts_at = self.now + ms;
            }
            Event::WipeHub(hub, ms) => {
                self.outcome.faults.hub_wipes += 1;
                self.following.break_off();
                self.hubs[hub].wipe();
                self.hubs[hub].starts_at = self.now + 500;
                if hub == LEADER {
                    self.refill_at = Some(self.now + 500 + ms);
                }
            }
            Event::Jump(index, to) => {
                self.outcome.faults.clock_jumps += 1;
                self.agents[index].wall_offset = to;
            }
            Event::FillDisk(index, ms) => {
                self.outcome.faults.full_disks += 1;
                self.agents[index].disk.set_full(true);
                self.full_until.insert(index, self.now + ms);
            }
            Event::Forge(index) => self.forge(index),
            Event::Copy(_) | Event::RestoreAgent(..) | Event::Clone(..) | Event::CopyHub(_) | Event::RestoreHub(..) => {
                self.travel(event);
            }
        }
        Ok(())
    }

    pub(super) fn only_when_full(&self, index: usize, error: String) -> Result<(), String> {
        if self.full_until.contains_key(&index) {
            Ok(())
        } else {
            Err(error)
        }
    }
}
