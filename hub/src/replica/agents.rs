//! Agents: what they have acknowledged, and who is proven in sync.

use super::Replica;
use super::devices::described;
use super::moment::Moment;
use crate::store::{AgentRow, ScopeRow, Views};
use headland_host::tables::StoreError;
use headland_shared::digest::Digest;
use headland_shared::epoch::Seq;
use headland_shared::message::more::{Field, WantsProof};
use headland_shared::message::{Applied, Down, Hello, Proof, Up};
use headland_shared::name::ReplicaName;
use headland_shared::scope::{FOLLOWS_MAX, Follow};
use headland_shared::session::Now;

/// The most agents that one hub enrols. Others are answered, and hold nothing back.
const AGENTS_MAX: u64 = 100_000;

impl Replica {
    /// Notes what agents have acknowledged. A crash may undo it: they will say it again.
    pub(super) fn note_applied(&mut self, inbox: &[(ReplicaName, Up)], now: Now) -> Result<(), StoreError> {
        let mut rows: Vec<(ReplicaName, AgentRow)> = Vec::new();
        let mut devices = Vec::new();
        let moment = self.moment()?;
        let views = self.store.read()?;
        for (agent, message) in inbox {
            let known = rows
                .iter()
                .rev()
                .find(|(name, _)| name == agent)
                .map(|(_, row)| row.clone());
            let known = match known {
                Some(row) => Some(row),
                None => views.agent(agent)?,
            };
            let row = match message {
                Up::Hello(_) if known.is_none() && views.agent_count()? >= AGENTS_MAX => None,
                Up::Hello(hello) => {
                    devices.extend(described(agent, hello).map(|device| (agent.clone(), device)));
                    Some(self.greeted(known, hello, now))
                }
                Up::Applied(applied) => match known {
                    Some(row) => {
                        let row = self.acknowledged(&views, &moment, row, applied, now)?;
                        self.prove(agent, applied, row.proven);
                        Some(row)
                    }
                    None => None,
                },
                Up::Upload(_) | Up::Chained(_) | Up::GoOn(_) | Up::Cells(_) => None,
            };
            if let Some(row) = row {
                self.floor.heard(agent.as_str(), row.acknowledged);
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
            for (name, device) in &devices {
                tables.set_device(name, device)?;
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

    fn acknowledged(
        &self,
        views: &Views,
        moment: &Moment,
        mut row: AgentRow,
        applied: &Applied,
        now: Now,
    ) -> Result<AgentRow, StoreError> {
        row.heard_ms = now.wall_ms;
        if applied.epoch != self.epoch.tag() {
            return Ok(row);
        }
        row.epoch = applied.epoch;
        let follow: Vec<Follow> = row.follow.iter().filter_map(|text| text.parse().ok()).collect();
        let mut expected = Some(Digest::default());
        let mut slowest = None;
        for scope in moment.followed(&follow) {
            let ahead = applied.ahead.iter().find(|(ahead, _)| *ahead == scope.alias);
            let cursor = ahead.map_or(applied.base, |(_, seq)| *seq);
            // A scope in which nothing changed since is as good as acknowledged up to now.
            if cursor < scope.head {
                slowest = Some(slowest.map_or(cursor, |least: Seq| least.min(cursor)));
            }
            let there = digest_at(views, scope, cursor)?;
            expected = expected.zip(there).map(|(mut sum, there)| {
                sum.add(there);
                sum
            });
        }
        row.acknowledged = slowest.unwrap_or(moment.numbers.head.seq);
        row.proven = expected.map(|expected| expected == applied.digest);
        Ok(row)
    }

    /// Counts and tells what an acknowledgement has proven; an agent that holds something else must know.
    fn prove(&mut self, agent: &ReplicaName, applied: &Applied, proven: Option<bool>) {
        let Some(equal) = proven.filter(|_| applied.epoch == self.epoch.tag()) else {
            return;
        };
        if !equal {
            self.counts.mismatches += 1;
            tracing::warn!(%agent, base = %applied.base, "the agent holds something else than the hub did there; it will compare and mend");
        }
        if !equal || WantsProof::of(&applied.more).is_some() {
            let proof = Proof {
                epoch: applied.epoch,
                base: applied.base,
                equal,
                more: Vec::new(),
            };
            self.send(agent, &Down::Proof(proof));
        }
    }
}

/// The digest that a scope had at a cursor; nothing when that is not kept any more.
fn digest_at(views: &Views, scope: &ScopeRow, cursor: Seq) -> Result<Option<Digest>, StoreError> {
    if cursor >= scope.head {
        return Ok(Some(scope.digest));
    }
    if cursor < scope.introduced {
        return Ok(Some(Digest::default()));
    }
    Ok(views.digest_at(scope.alias, cursor)?.map(|(_, digest)| digest))
}
