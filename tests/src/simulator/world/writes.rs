//! What devices write, and what the ledger is told of it.

use super::World;
use crate::simulator::reference::HERE;

impl World {
    pub(super) fn annotate(&mut self, index: usize) -> Result<(), String> {
        let text = self.reference.ledger.next_text(index);
        let full = self.full_until.contains_key(&index);
        match self.agents[index].annotate(&text, self.now, &mut self.jitter) {
            Ok(Some(model)) => {
                self.reference.ledger.note(text, index, model);
                self.flush_agent(index)
            }
            Ok(None) => Ok(()),
            Err(_) if full => Ok(()),
            Err(error) => Err(format!("agent {index} cannot write: {error}")),
        }
    }

    pub(super) fn remove_note(&mut self, index: usize) -> Result<(), String> {
        let Some((text, note)) = self.reference.ledger.some_note(index) else {
            return Ok(());
        };
        let full = self.full_until.contains_key(&index);
        match self.agents[index].remove_note(&text, &note.model, self.now) {
            Ok(true) => {
                self.reference.ledger.removed(&text);
                self.flush_agent(index)
            }
            Ok(false) => Ok(()),
            Err(_) if full => Ok(()),
            Err(error) => Err(format!("agent {index} cannot take back: {error}")),
        }
    }

    pub(super) fn count_at_copies(&mut self, index: usize, attribute: &'static str) -> Result<(), String> {
        let copies = self.copies_of(index);
        copies.into_iter().try_for_each(|one| self.count(one, attribute))
    }

    fn count(&mut self, index: usize, attribute: &'static str) -> Result<(), String> {
        let amount = self.jitter.up_to(9) as i64 - 2;
        let full = self.full_until.contains_key(&index);
        match self.agents[index].count(attribute, amount, self.now, &mut self.jitter) {
            Ok(Some(counted)) => {
                self.outcome.counted_here += u64::from(attribute == HERE);
                self.reference.ledger.count(index, counted, attribute, amount);
                self.flush_agent(index)
            }
            Ok(None) => Ok(()),
            Err(_) if full => Ok(()),
            Err(error) => Err(format!("agent {index} cannot count: {error}")),
        }
    }

    /// Sends what was written; that a full disk keeps it from being sent undoes no write.
    fn flush_agent(&mut self, index: usize) -> Result<(), String> {
        let flushed = self.agents[index].flush(self.now);
        flushed.or_else(|error| self.only_when_full(index, error))
    }
}
