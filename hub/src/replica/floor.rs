//! The floor: what may be forgotten, since all agents that may still return have acknowledged it.
//!
//! It is the least that they have acknowledged. As long as the agent that holds it stays where it is, nobody else need
//! be looked at; when it moves on, all are looked at, a slice at a time, so that no minute stops the hub.

use super::Replica;
use super::moment::Moment;
use crate::store::{AgentRow, Views};
use headland_host::tables::StoreError;
use headland_shared::defect::{Defect, planted};
use headland_shared::delta::ScopeAlias;
use headland_shared::epoch::{EpochTag, Seq};
use headland_shared::name::ReplicaName;
use headland_shared::session::{Ms, Now};

/// How often the floor is moved, in milliseconds: forgetting is never urgent.
const FLOOR_EVERY_MS: u64 = 60_000;
/// Agents that are looked at together: a millisecond.
const SLICE_AGENTS: usize = 2_000;
/// How long the hub does other things between two slices, in milliseconds: all agents are seen in a few seconds.
const SLICE_EVERY_MS: u64 = 50;

/// The agent that has acknowledged least.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    acknowledged: Seq,
    name: String,
}

/// A look at all agents that is under way.
#[derive(Debug, Default)]
struct Pass {
    after: Option<String>,
    least: Option<Holder>,
}

impl Pass {
    fn take(&mut self, name: &str, acknowledged: Seq) {
        if self
            .least
            .as_ref()
            .is_none_or(|least| acknowledged < least.acknowledged)
        {
            let name = name.to_owned();
            self.least = Some(Holder { acknowledged, name });
        }
    }
}

/// Where the floor is, and what is known of who holds it there.
#[derive(Debug)]
pub(super) struct Floor {
    due_at: Ms,
    pass: Option<Pass>,
    holder: Option<Holder>,
}

impl Floor {
    pub(super) fn from(now: Ms) -> Self {
        Self {
            due_at: now + FLOOR_EVERY_MS,
            pass: None,
            holder: None,
        }
    }

    /// When it is to be looked at.
    pub(super) fn due_at(&self) -> Ms {
        self.due_at
    }

    /// An agent has said where it stands. One that was looked at already may have gone back since.
    pub(super) fn heard(&mut self, name: &str, acknowledged: Seq) {
        if let Some(pass) = &mut self.pass {
            pass.take(name, acknowledged);
        }
    }
}

/// Which agents hold the floor.
#[derive(Debug, Clone, Copy)]
struct Counts {
    heard_from: u64,
    epoch: EpochTag,
}

impl Counts {
    fn counts(self, row: &AgentRow) -> bool {
        !planted(Defect::FloorByTime) && row.heard_ms >= self.heard_from && row.epoch == self.epoch
    }
}

impl Replica {
    /// Forgets what all agents that may still return have acknowledged.
    pub(super) fn advance_floor(&mut self, now: Now) -> Result<(), StoreError> {
        self.floor.due_at = now.mono + FLOOR_EVERY_MS;
        let moment = self.moment()?;
        let views = self.store.read()?;
        let counts = Counts {
            heard_from: now.wall_ms.saturating_sub(self.config.retention_ms),
            epoch: self.epoch.tag(),
        };
        let mut pass = match self.floor.pass.take() {
            Some(pass) => pass,
            None if self.holds_still(&views, &moment, counts)? => return Ok(()),
            None => Pass::default(),
        };
        let slice = views.agents_after(pass.after.as_deref(), SLICE_AGENTS)?;
        for (name, row) in slice.iter().filter(|(_, row)| counts.counts(row)) {
            pass.take(name, row.acknowledged);
        }
        if let (SLICE_AGENTS, Some((last, _))) = (slice.len(), slice.last()) {
            pass.after = Some(last.clone());
            self.floor.pass = Some(pass);
            self.floor.due_at = now.mono + SLICE_EVERY_MS;
            return Ok(());
        }
        let head = moment.numbers.head.seq;
        let floor = pass.least.as_ref().map_or(head, |least| least.acknowledged);
        self.forget_through(&views, &moment, floor)?;
        self.floor.holder = pass.least;
        Ok(())
    }

    /// Whether nothing more can be forgotten than was: there is nothing, or the agent that held the floor still does.
    fn holds_still(&self, views: &Views, moment: &Moment, counts: Counts) -> Result<bool, StoreError> {
        if let Some(holder) = &self.floor.holder
            && let Ok(name) = ReplicaName::parse(&holder.name)
            && let Some(row) = views.agent(&name)?
            && counts.counts(&row)
            && row.acknowledged == holder.acknowledged
            && digests_below(views, moment, holder.acknowledged)?.is_empty()
        {
            return Ok(true);
        }
        Ok(!views.has_lefts()? && digests_below(views, moment, moment.numbers.head.seq)?.is_empty())
    }

    fn forget_through(&self, views: &Views, moment: &Moment, floor: Seq) -> Result<(), StoreError> {
        let lefts = views.lefts_through(floor)?;
        let digests = digests_below(views, moment, floor)?;
        if lefts.is_empty() && digests.is_empty() {
            return Ok(());
        }
        self.store.write(|tables| {
            let mut scopes = tables.scopes()?;
            for (alias, seq, handle) in lefts {
                tables.forget_left(alias, seq, handle)?;
                if let Some(row) = scopes.get_mut(&alias) {
                    row.floor = row.floor.max(seq);
                    tables.set_scope(row)?;
                }
            }
            for (alias, seq) in digests {
                tables.forget_digests_before(alias, seq)?;
            }
            Ok(())
        })
    }
}

/// From where on digests are kept, for scopes of which older ones are: the last one at or below the floor still
/// counts, and beyond the history that can be told none does.
fn digests_below(views: &Views, moment: &Moment, floor: Seq) -> Result<Vec<(ScopeAlias, Seq)>, StoreError> {
    let from = floor.max(moment.numbers.oldest_lineage);
    let mut below = Vec::new();
    for alias in moment.scopes.keys().copied() {
        if let Some((made, _)) = views.digest_at(alias, from)?
            && views.has_digests_before(alias, made)?
        {
            below.push((alias, made));
        }
    }
    Ok(below)
}
