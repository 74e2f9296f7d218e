//! Guarding an agent's name: which life of its store speaks, and whether it is the only one.
//!
//! With each welcome the hub gives the agent a token, and remembers the present and the one before. The agent
//! confirms the present one once it is durable there. A store that shows an older token than it has confirmed went
//! back in time, or is a copy: it must begin a new incarnation. When an incarnation speaks again that another has
//! superseded, and answers a challenge, two stores live under one name: both are fenced until a person decides.

use super::Replica;
use crate::store::{Guard, Views};
use headland_host::tables::StoreError;
use headland_shared::chain::Link;
use headland_shared::defect::{Defect, planted};
use headland_shared::message::more::{Challenge, Fenced, Field, Reincarnate, SessionToken};
use headland_shared::message::{Applied, Hello, More, Up};
use headland_shared::name::ReplicaName;
use headland_shared::session::{Jitter, Now};
use std::collections::BTreeMap;

/// Superseded incarnations that are remembered of one name: a device that loses its store more often than this
/// between two looks at it has other troubles.
const SUPERSEDED_MAX: usize = 16;

/// What a hello is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It speaks for the one store of its name; the answer carries its next token.
    Good(SessionToken),
    /// Its store went back in time or is a copy: it must take a new incarnation.
    WentBack,
    /// Its incarnation is over. If it answers to this token, it lives all the same.
    Superseded(SessionToken),
    /// Two stores live under its name: it may read, and nothing is taken from it.
    Fenced,
}

impl Standing {
    /// Whether writes are taken.
    pub(super) fn may_write(&self) -> bool {
        matches!(self, Self::Good(_))
    }

    /// Whether the agent is brought up to date.
    pub(super) fn may_follow(&self) -> bool {
        matches!(self, Self::Good(_) | Self::Fenced)
    }

    /// What the welcome says of it. `through` is what is stored of the incarnation, and `link` its chain there.
    pub(super) fn more(&self, through: u64, link: Option<Link>) -> More {
        let field = match self {
            Self::Good(token) => token.to_more(),
            Self::Superseded(token) => Challenge(*token).to_more(),
            Self::WentBack => Reincarnate { through, link }.to_more(),
            Self::Fenced => Fenced.to_more(),
        };
        vec![field]
    }
}

/// Judges a hello by what is remembered of its name; remembers what follows from it.
fn judge(guard: &mut Guard, hello: &Hello, now: Now, jitter: &mut Jitter) -> Standing {
    let shown = SessionToken::of(&hello.more);
    let speaks = hello.actor.incarnation.0;
    if planted(Defect::ReusedActor) {
        return Standing::Good(guard.present);
    }
    if guard.fenced_ms.is_some() {
        return Standing::Fenced;
    }
    if guard.incarnation == 0 {
        guard.incarnation = speaks;
    }
    if guard.incarnation != speaks {
        if !guard.superseded.contains(&speaks) {
            guard.superseded.push(guard.incarnation);
            if guard.superseded.len() > SUPERSEDED_MAX {
                guard.superseded.remove(0);
            }
            *guard = Guard {
                incarnation: speaks,
                superseded: std::mem::take(&mut guard.superseded),
                ..Guard::default()
            };
        } else if shown.is_some() && shown == guard.challenge {
            guard.fenced_ms = Some(now.wall_ms);
            return Standing::Fenced;
        } else {
            // It may be a hello that was long under way: only whoever hears the answer is alive.
            let challenge = next(guard.present, jitter);
            guard.challenge = Some(challenge);
            return Standing::Superseded(challenge);
        }
    }
    match shown {
        Some(shown) if shown == guard.present => {
            guard.previous = Some(shown);
            guard.present = next(shown, jitter);
            guard.confirmed = false;
        }
        // The last welcome was lost, or its answer: the same token once more.
        shown if shown == guard.previous && !guard.confirmed => {
            if guard.present == SessionToken::default() {
                guard.present = next(guard.present, jitter);
            }
        }
        // The hub has forgotten what it noted last, as after a power cut; or the agent was with another hub meanwhile,
        // which went on counting.
        Some(shown) if shown.number >= guard.present.number + u64::from(guard.confirmed) => {
            guard.previous = Some(shown);
            guard.present = next(shown, jitter);
            guard.confirmed = false;
        }
        Some(_) | None => {
            guard.suspected = true;
            return Standing::WentBack;
        }
    }
    Standing::Good(guard.present)
}

fn next(token: SessionToken, jitter: &mut Jitter) -> SessionToken {
    SessionToken {
        number: token.number + 1,
        random: jitter.next_u64() as u32,
    }
}

/// An acknowledgement that carries the present token says that it is durable there.
fn confirm(guard: &mut Guard, applied: &Applied) -> bool {
    let confirms = !guard.confirmed && SessionToken::of(&applied.more) == Some(guard.present);
    guard.confirmed |= confirms;
    confirms
}

impl Replica {
    /// Judges all hellos of an inbox, and notes what follows. A crash may undo that: a token from the future says so.
    pub(super) fn judge(
        &mut self,
        views: &Views,
        inbox: &[(ReplicaName, Up)],
        now: Now,
    ) -> Result<BTreeMap<ReplicaName, Standing>, StoreError> {
        let mut guards: BTreeMap<ReplicaName, (Guard, bool)> = BTreeMap::new();
        let mut standings = BTreeMap::new();
        for (agent, message) in inbox {
            if !matches!(message, Up::Hello(_) | Up::Applied(_) | Up::Upload(_) | Up::Chained(_)) {
                continue;
            }
            if !guards.contains_key(agent) {
                guards.insert(agent.clone(), (views.guard(agent)?.unwrap_or_default(), false));
            }
            let (guard, changed) = guards.get_mut(agent).expect("it was just put in");
            let incarnation = match message {
                Up::Hello(hello) => {
                    let (before, suspected) = (guard.fenced_ms, guard.suspected);
                    let standing = judge(guard, hello, now, &mut self.jitter);
                    if before != guard.fenced_ms {
                        self.counts.fenced += 1;
                        tracing::warn!(%agent, "two stores speak under this name: nothing is taken from either until `headland-hub unfence` says so");
                    }
                    if suspected && !guard.suspected {
                        self.counts.went_back += 1;
                        tracing::warn!(%agent, "its store went back in time or was copied: it has taken a new incarnation");
                    }
                    *changed = true;
                    standings.insert(agent.clone(), standing);
                    continue;
                }
                Up::Applied(applied) => {
                    *changed |= confirm(guard, applied);
                    continue;
                }
                Up::Upload(upload) => upload.incarnation.0,
                Up::Chained(chained) => chained.upload.incarnation.0,
                Up::GoOn(_) | Up::Cells(_) => continue,
            };
            if guard.fenced_ms.is_some() || guard.superseded.contains(&incarnation) {
                standings.entry(agent.clone()).or_insert(Standing::Fenced);
            }
        }
        let changed: Vec<(ReplicaName, Guard)> = guards
            .into_iter()
            .filter_map(|(agent, (guard, changed))| changed.then_some((agent, guard)))
            .collect();
        if !changed.is_empty() {
            self.store.note(|tables| {
                let each = |(agent, guard): &(ReplicaName, Guard)| tables.set_guard(agent, guard);
                changed.iter().try_for_each(each)
            })?;
        }
        Ok(standings)
    }

    /// A person has decided: whoever speaks next under this name is believed. Says whether it was fenced.
    pub fn unfence(&mut self, agent: &ReplicaName) -> Result<bool, StoreError> {
        let fenced = self
            .store
            .read()?
            .guard(agent)?
            .filter(|guard| guard.fenced_ms.is_some());
        if fenced.is_some() {
            self.store.write(|tables| tables.set_guard(agent, &Guard::default()))?;
        }
        Ok(fenced.is_some())
    }
}

#[cfg(test)]
mod tests;
