//! Agents that go from hub to hub.

use super::World;
use headland_shared::session::Ms;

/// How long the hub may answer that it is behind before the link goes on to the next: what the shipped link does.
const BEHIND_MS_MAX: Ms = 60_000;
/// How long a device is on its way between two hubs, at most.
const WAY_MS_MAX: Ms = 4_000;

impl World {
    /// An agent goes to the other hub for a while.
    pub(super) fn roam(&mut self, index: usize, ms: Ms) -> Result<(), String> {
        if self.may_roam(index) {
            self.move_on(index)?;
            self.agents[index].returns_at = Some(self.now + ms);
        }
        Ok(())
    }

    /// A device whose flash went back in time or was copied stays where it is.
    fn may_roam(&self, index: usize) -> bool {
        !self.agents[index].travelled && !self.agents[index].gone
    }

    fn move_on(&mut self, index: usize) -> Result<(), String> {
        self.outcome.faults.moves += 1;
        self.network.forget(index);
        let down = self.agents[index].link_down(self.now);
        down.or_else(|error| self.only_when_full(index, error))?;
        let agent = &mut self.agents[index];
        agent.at = 1 - agent.at;
        agent.roamed = true;
        agent.moved = true;
        agent.cut_until = agent.cut_until.max(self.now + self.jitter.up_to(WAY_MS_MAX));
        self.tell(|| format!("agent {index} goes to hub {}", self.agents[index].at));
        Ok(())
    }

    pub(super) fn return_who_is_due(&mut self) -> Result<(), String> {
        for index in 0..self.agents.len() {
            if self.agents[index].returns_at.is_some_and(|at| at <= self.now) {
                self.agents[index].returns_at = None;
                self.move_on(index)?;
            }
        }
        Ok(())
    }

    /// The link goes on to the next hub when this one has been behind for long.
    pub(super) fn go_on_if_behind(&mut self, index: usize) -> Result<(), String> {
        let agent = &self.agents[index];
        let behind_for = agent.replica.as_ref().and_then(|replica| replica.behind_for(self.now));
        if agent.linked && self.may_roam(index) && behind_for.is_some_and(|ms| ms >= BEHIND_MS_MAX) {
            self.move_on(index)?;
        }
        Ok(())
    }

    pub(super) fn everybody_moves(&mut self) -> Result<(), String> {
        for index in 0..self.agents.len() {
            if self.may_roam(index) {
                self.move_on(index)?;
            }
        }
        Ok(())
    }
}
