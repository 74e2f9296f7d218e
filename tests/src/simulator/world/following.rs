//! The registry on its way: into the leading hub, and from there to the one that follows.

use super::World;
use crate::simulator::check;
use crate::simulator::hub::{FOLLOWER, Hub, LEADER};
use crate::simulator::reference::Catalogue;
use headland_hub::registry::Removals;
use headland_hub::registry::follow::{Behind, Changes, FollowError, apply, changes_since, has_news};
use headland_shared::epoch::Position;
use headland_shared::session::{Jitter, Ms};

/// How often the following hub asks.
const ASK_MS: Ms = 2_000;
/// How long an answer takes when nothing is wrong.
const WAY_MS_MAX: Ms = 500;
/// How long a person takes to release what the brake holds, or to mend a registry that was restored.
const PERSON_MS_MAX: Ms = 10_000;

/// What the leading hub said, on its way.
#[derive(Debug)]
struct Answer {
    arrives_at: Ms,
    changes: Changes,
    /// After which commit that was the registry's state.
    commit: usize,
    as_of: Ms,
}

/// How the one hub follows the other.
#[derive(Debug, Default)]
pub(super) struct Following {
    ask_at: Ms,
    slow_until: Ms,
    answer: Option<Answer>,
    /// What a person has released.
    released: Option<Position>,
}

impl Following {
    pub(super) fn due_at(&self) -> Option<Ms> {
        Some(self.answer.as_ref().map_or(self.ask_at, |answer| answer.arrives_at))
    }

    /// Nothing arrives until then.
    pub(super) fn lag_until(&mut self, at: Ms) {
        self.slow_until = self.slow_until.max(at);
        if let Some(answer) = &mut self.answer {
            answer.arrives_at = answer.arrives_at.max(at);
        }
    }

    /// One of the two is gone, and what was under way with it.
    pub(super) fn break_off(&mut self) {
        self.answer = None;
    }

    pub(super) fn heal(&mut self, now: Ms) {
        self.slow_until = now;
        self.ask_at = self.ask_at.min(now);
        if let Some(answer) = &mut self.answer {
            answer.arrives_at = answer.arrives_at.min(now);
        }
    }

    fn ask_after(&mut self, now: Ms, jitter: &mut Jitter, ms_max: Ms) {
        self.ask_at = now + ASK_MS + jitter.up_to(ms_max);
    }
}

impl World {
    pub(super) fn import(&mut self) -> Result<(), String> {
        // The reference is told first: agents may show it as soon as the hub has it.
        self.reference.committed();
        self.hubs[LEADER].import(&self.reference.catalogue, self.now)?;
        self.hubs[LEADER].holds = Some(self.reference.last());
        self.settle_outputs()
    }

    /// What is due between the two hubs.
    pub(super) fn follow(&mut self) -> Result<(), String> {
        if self.following.due_at().is_none_or(|at| at > self.now) {
            return Ok(());
        }
        match self.following.answer.take() {
            Some(answer) => self.take(&answer)?,
            None => self.ask()?,
        }
        self.settle_outputs()
    }

    fn ask(&mut self) -> Result<(), String> {
        self.following.ask_after(self.now, &mut self.jitter, WAY_MS_MAX);
        let [leader, follower] = &mut self.hubs;
        let (Some(leader), Some(follower)) = (&mut leader.replica, &mut follower.replica) else {
            return Ok(());
        };
        if self.following.slow_until > self.now {
            self.following.ask_at = self.following.slow_until;
            return Ok(());
        }
        let from = follower.store().read().and_then(|views| views.followed());
        let from = from.map_err(|error| error.to_string())?;
        let held = follower.store().read().and_then(|views| views.numbers());
        let held = held.map_err(|error| error.to_string())?;
        if held.revision > 0 {
            let heard = leader.registry_held_elsewhere(held.registry(), Hub::now(self.now));
            heard.map_err(|error| error.to_string())?;
        }
        let views = leader.store().read().map_err(|error| error.to_string())?;
        if !has_news(&views, from.as_ref()).map_err(|error| error.to_string())? {
            follower.registry_known(self.now);
            return Ok(());
        }
        let changes = changes_since(&views, from.as_ref()).map_err(|error| error.to_string())?;
        let changes =
            Changes::decode(&changes.encode()).map_err(|error| format!("the leading hub's words: {error}"))?;
        self.following.answer = Some(Answer {
            arrives_at: self.now + 1 + self.jitter.up_to(WAY_MS_MAX),
            changes,
            commit: self.reference.last(),
            as_of: self.now,
        });
        Ok(())
    }

    fn take(&mut self, answer: &Answer) -> Result<(), String> {
        self.following.ask_after(self.now, &mut self.jitter, WAY_MS_MAX);
        let hub = &mut self.hubs[FOLLOWER];
        let Some(replica) = &mut hub.replica else {
            return Ok(());
        };
        let released = self.following.released == Some(answer.changes.registry);
        let removals = if released { Removals::Allowed } else { Removals::Braked };
        match apply(replica, &answer.changes, removals, Hub::now(self.now)) {
            Ok(applied) => {
                replica.registry_known(answer.as_of);
                hub.holds = Some(answer.commit);
                if applied.seq.is_none() {
                    return Ok(());
                }
                self.tell(|| format!("the following hub is at commit {}", answer.commit));
                check::followed(&self.hubs[FOLLOWER], &self.reference)
            }
            Err(FollowError::Held(held)) => {
                self.outcome.faults.held += 1;
                self.following.released = Some(held.registry);
                self.following.ask_after(self.now, &mut self.jitter, PERSON_MS_MAX);
                self.tell(|| format!("held: {held}"));
                Ok(())
            }
            Err(FollowError::Behind(behind)) => {
                if behind != Behind::Empty && self.refill_at.is_none() {
                    self.refill_at = Some(self.now + self.jitter.up_to(PERSON_MS_MAX));
                }
                self.tell(|| format!("the leading hub is behind: {behind}"));
                Ok(())
            }
            Err(FollowError::Gap) => Ok(()),
            Err(error) => Err(format!("the following hub: {error}")),
        }
    }

    /// A person says what the registry shall hold after the leading hub lost it, or some of it. What the following hub
    /// holds beyond that is learnt back from it first, so that the one history goes on.
    pub(super) fn refill(&mut self) -> Result<(), String> {
        if self.hubs[FOLLOWER].replica.is_none() {
            self.refill_at = Some(self.hubs[FOLLOWER].starts_at.max(self.now + 1));
            return Ok(());
        }
        self.refill_at = None;
        let ahead = self.hubs[FOLLOWER].registry()? > self.hubs[LEADER].registry()?;
        if let Some(holds) = self.hubs[FOLLOWER].holds.filter(|_| ahead) {
            let learnt = self.reference.catalogue_at(holds).clone();
            let mut wanted = std::mem::replace(&mut self.reference.catalogue, learnt);
            self.reference.committed();
            self.adopt()?;
            keep_versions(&mut wanted, &self.reference.catalogue);
            self.reference.catalogue = wanted;
        }
        self.import()?;
        self.hubs[LEADER].confirm()?;
        self.tell(|| "the registry is whole again".into());
        Ok(())
    }

    fn adopt(&mut self) -> Result<(), String> {
        self.outcome.faults.adoptions += 1;
        let [leader, follower] = &mut self.hubs;
        let (Some(leader), Some(follower)) = (&mut leader.replica, &follower.replica) else {
            return Ok(());
        };
        let from = leader.store().read().and_then(|views| views.followed());
        let from = from.map_err(|error| error.to_string())?;
        let views = follower.store().read().map_err(|error| error.to_string())?;
        let changes = changes_since(&views, from.as_ref()).map_err(|error| error.to_string())?;
        let adopted = apply(leader, &changes, Removals::Allowed, Hub::now(self.now));
        self.hubs[LEADER].holds = Some(self.reference.last());
        adopted
            .map(|_| ())
            .map_err(|error| format!("the leading hub cannot learn back what it lost: {error}"))
    }
}

/// Versions that are released stay, whether an import lists them or not.
fn keep_versions(wanted: &mut Catalogue, held: &Catalogue) {
    for (model, entry) in wanted {
        let released = held.get(model).into_iter().flat_map(|held| &held.versions);
        for (version, approved) in released {
            entry.versions.entry(*version).or_insert(*approved);
        }
    }
}
