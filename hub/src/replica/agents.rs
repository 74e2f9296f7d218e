//! Agents: what they have acknowledged, who is proven in sync, and what may be forgotten.

use super::Replica;
use crate::store::AgentRow;
use headland_host::tables::StoreError;
use headland_shared::digest::Digest;
use headland_shared::epoch::Seq;
use headland_shared::message::{Applied, Hello, Up};
use headland_shared::name::ReplicaName;
use headland_shared::scope::{FOLLOWS_MAX, Follow};
use headland_shared::session::Now;

/// How often the floor is moved, in milliseconds: forgetting is never urgent.
pub(super) const FLOOR_EVERY_MS: u64 = 60_000;
/// The most agents that one hub enrols. Others are answered, and hold nothing back.
const AGENTS_MAX: u64 = 100_000;

impl Replica {
    /// Notes what agents have acknowledged. A crash may undo it: they will say it again.
    pub(super) fn note_applied(&mut self, inbox: &[(ReplicaName, Up)], now: Now) -> Result<(), StoreError> {
        let mut rows: Vec<(ReplicaName, AgentRow)> = Vec::new();
        for (agent, message) in inbox {
            let known = rows
                .iter()
                .rev()
                .find(|(name, _)| name == agent)
                .map(|(_, row)| row.clone());
            let known = match known {
                Some(row) => Some(row),
                None => self.store.read()?.agent(agent)?,
            };
            let row = match message {
                Up::Hello(_) if known.is_none() && self.store.read()?.agent_count()? >= AGENTS_MAX => None,
                Up::Hello(hello) => Some(self.greeted(known, hello, now)),
                Up::Applied(applied) => match known {
                    Some(row) => Some(self.acknowledged(row, applied, now)?),
                    None => None,
                },
                Up::Upload(_) | Up::GoOn(_) => None,
            };
            if let Some(row) = row {
                rows.push((agent.clone(), row));
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        self.store.note(|tables| {
            for (name, row) in &rows {
                tables.set_agent(name, row)?;
            }
            Ok(())
        })
    }

    fn greeted(&self, known: Option<AgentRow>, hello: &Hello, now: Now) -> AgentRow {
        let epoch = self.epoch.tag();
        let place = hello.place.as_ref().filter(|place| place.epoch == self.epoch);
        let follow = hello.follow.iter().take(FOLLOWS_MAX).map(ToString::to_string).collect();
        AgentRow {
            incarnation: hello.actor.incarnation.0,
            heard_ms: now.wall_ms,
            epoch,
            acknowledged: place.map_or(Seq::START, |place| place.base),
            proven: known.filter(|row| row.epoch == epoch).and_then(|row| row.proven),
            follow,
        }
    }

    fn acknowledged(&mut self, mut row: AgentRow, applied: &Applied, now: Now) -> Result<AgentRow, StoreError> {
        row.heard_ms = now.wall_ms;
        if applied.epoch != self.epoch.tag() {
            return Ok(row);
        }
        row.epoch = applied.epoch;
        let follow: Vec<Follow> = row.follow.iter().filter_map(|text| text.parse().ok()).collect();
        let mut digest = Digest::default();
        let mut current = true;
        let mut slowest = None;
        for (alias, scope) in self.store.read()?.scopes()? {
            if !follow.iter().any(|follow| follow.matches(&scope.scope)) {
                continue;
            }
            let ahead = applied
                .ahead
                .iter()
                .find(|(ahead, _)| *ahead == alias)
                .map(|(_, seq)| *seq);
            let cursor = ahead.unwrap_or(applied.base);
            current &= cursor >= scope.head;
            // A scope in which nothing changed since is as good as acknowledged up to now.
            if cursor < scope.head {
                slowest = Some(slowest.map_or(cursor, |least: Seq| least.min(cursor)));
            }
            digest.add(scope.digest);
        }
        row.acknowledged = slowest.unwrap_or(self.store.read()?.numbers()?.head.seq);
        row.proven = current.then_some(digest == applied.digest);
        if row.proven == Some(false) {
            self.counts.mismatches += 1;
        }
        Ok(row)
    }

    /// Forgets what all agents that may still return have acknowledged.
    pub(super) fn advance_floor(&mut self, now: Now) -> Result<(), StoreError> {
        let views = self.store.read()?;
        let oldest = now.wall_ms.saturating_sub(self.config.retention_ms);
        let epoch = self.epoch.tag();
        let agents = views.agents()?;
        let waiting = agents
            .values()
            .filter(|row| row.heard_ms >= oldest && row.epoch == epoch);
        let floor = waiting
            .map(|row| row.acknowledged)
            .min()
            .unwrap_or(views.numbers()?.head.seq);
        let lefts = views.lefts_through(floor)?;
        if lefts.is_empty() {
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
            Ok(())
        })
    }
}
