//! Comparing with an agent whose cursors cannot be used: which records differ, and how they are mended.

use super::Replica;
use super::census::Census;
use super::conversation::{Comparison, Repair, Transfer};
use crate::store::Views;
use headland_host::tables::StoreError;
use headland_shared::epoch::{Mark, Seq};
use headland_shared::message::{Cells, Compared, Down, Verdict};
use headland_shared::name::ReplicaName;
use headland_shared::scope::Follow;
use headland_shared::session::transfer::Window;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Cells that an agent sends at first: nine times of ten they tell of 80 differing records, in 1,152 bytes.
const CELLS_FIRST: u64 = 144;
/// How many times as many there are when those were too few.
const CELLS_GROW: u64 = 4;
/// When more than one in this many records differs, everything is sent: telling one by one would not be shorter.
const DIFFER_PART_MAX: u64 = 4;
/// Sets of patterns whose census is kept: fleets follow a few. Each has some forty bytes for every record.
const CENSUSES_MAX: usize = 4;

/// The most cells that are worth sending of so many records: a cell and a half for each that may differ, and some.
fn cells_max(records: u64) -> u64 {
    records * 3 / (2 * DIFFER_PART_MAX) + 24
}

/// How many cells an agent sends at first, that holds so many records.
pub(super) fn cells_first(records: u64) -> u32 {
    CELLS_FIRST.min(cells_max(records)) as u32
}

/// Whether so many records are enough to begin with, where the hub holds `wanted`.
pub(super) fn is_worth_comparing(records: u64, wanted: u64) -> bool {
    records > 0 && wanted.saturating_sub(records) <= wanted / DIFFER_PART_MAX
}

impl Replica {
    /// An agent has sent cells: says what becomes of them.
    pub(super) fn compare(&mut self, agent: &ReplicaName, cells: &Cells) -> Result<(), StoreError> {
        let conversation = self.conversation(agent);
        let comparison = conversation.comparison.take_if(|one| one.nonce == cells.nonce);
        let Some(mut comparison) = comparison else {
            // Forgotten meanwhile: the agent's question stays unanswered, and it greets again.
            return Ok(());
        };
        if comparison.theirs.len() != cells.from as usize || comparison.theirs.append(&cells.cells).is_err() {
            conversation.comparison = Some(comparison);
            return Ok(());
        }
        let views = self.store.read()?;
        let index = self.census(&views, &comparison.follow)?;
        let census = &mut self.censuses[index];
        let records = census.len().max(comparison.records);
        let started = census.seq();
        let few = |differ: usize| differ as u64 * DIFFER_PART_MAX <= records;
        match census.differ(&comparison.theirs) {
            Some(differ) if few(differ.len()) => {
                let kept = census.kept(&views, &differ)?.encoded();
                let differ = Arc::new(census.handles_of(&differ));
                self.counts.compared_records += differ.len() as u64;
                match kept {
                    Some(kept) => self.repair(agent, &comparison, Repair { started, differ }, &kept),
                    None => self.replace(agent, &comparison, started),
                }
            }
            None if (comparison.theirs.len() as u64) < cells_max(records) => {
                let cells = comparison.theirs.len() as u64 * CELLS_GROW;
                let cells = cells.min(cells_max(records)) as u32;
                self.say(agent, comparison.nonce, Verdict::MoreCells { cells });
                self.conversation(agent).comparison = Some(comparison);
                Ok(())
            }
            Some(_) | None => self.replace(agent, &comparison, started),
        }
    }

    /// The census of these patterns, up to date; its place among those that are kept.
    fn census(&mut self, views: &Views, follow: &[Follow]) -> Result<usize, StoreError> {
        let moment = self.moment()?;
        self.censuses.retain(|census| !census.is_below_floor(&moment.scopes));
        if let Some(index) = self.censuses.iter().position(|census| census.is_of(follow)) {
            self.censuses[index].update(views)?;
            return Ok(index);
        }
        if self.censuses.len() == CENSUSES_MAX {
            self.censuses.remove(0);
        }
        self.censuses.push(Census::take(views, follow, self.salt)?);
        Ok(self.censuses.len() - 1)
    }

    fn say(&mut self, agent: &ReplicaName, nonce: u64, verdict: Verdict) {
        let more = Vec::new();
        self.send(agent, &Down::Compared(Compared { nonce, verdict, more }));
    }

    fn repair(
        &mut self,
        agent: &ReplicaName,
        comparison: &Comparison,
        repair: Repair,
        kept: &[u8],
    ) -> Result<(), StoreError> {
        let started = repair.started;
        self.counts.repairs += 1;
        self.say(agent, comparison.nonce, Verdict::Repair { started });
        let transfer = Transfer {
            repair: Some(repair.clone()),
            kept: Some(kept.into()),
            window: Window::from(Mark::default()),
            ..whole(comparison, started)
        };
        let conversation = self.conversation(agent);
        conversation.repair = Some(repair);
        conversation.transfer = Some(transfer);
        self.send_parts(agent)
    }

    fn replace(&mut self, agent: &ReplicaName, comparison: &Comparison, started: Seq) -> Result<(), StoreError> {
        self.counts.snapshots += 1;
        self.say(agent, comparison.nonce, Verdict::Snapshot { started });
        self.conversation(agent).transfer = Some(whole(comparison, started));
        self.send_parts(agent)
    }
}

/// A catch-up from the beginning.
fn whole(comparison: &Comparison, started: Seq) -> Transfer {
    Transfer {
        nonce: comparison.nonce,
        snapshot: true,
        started,
        follow: comparison.follow.clone(),
        sieve: comparison.sieve.clone(),
        base: Seq::START,
        ahead: BTreeMap::new(),
        window: Window::from(Mark::after(Seq::START)),
        repair: None,
        kept: None,
    }
}
