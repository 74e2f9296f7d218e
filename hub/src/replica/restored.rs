//! A hub that finds that its store went back in time: restored from a backup, or a machine from an image.

use super::Replica;
use super::guard::Standing;
use super::rebirth::begin_again;
use crate::store::Views;
use headland_host::tables::StoreError;
use headland_shared::epoch::{Epoch, Life, Position};
use headland_shared::message::{Hello, Up};
use headland_shared::name::ReplicaName;
use headland_shared::session::Now;
use std::collections::BTreeMap;

/// How far ahead a life may be that others speak of. A registry is restored now and then, not thousands of times, and
/// of a number that somebody made up no hub should come near the end of all numbers.
const LIVES_AHEAD_MAX: u32 = 1_024;
/// How often in one run a hub begins a life above one that it only heard of. Two registries that have nothing to do
/// with each other, and share devices, would drive each other on for ever.
const LIVES_HEARD_MAX: u64 = 8;

impl Replica {
    /// Looks whether some hello shows that this store went back in time.
    pub(super) fn notice_restore(
        &mut self,
        inbox: &[(ReplicaName, Up)],
        standings: &BTreeMap<ReplicaName, Standing>,
        now: Now,
    ) -> Result<(), StoreError> {
        let mut views = self.store.read()?;
        for (agent, message) in inbox {
            let Up::Hello(hello) = message else {
                continue;
            };
            let follows = standings.get(agent).is_none_or(Standing::may_follow);
            if follows && self.went_back(&views, hello)? {
                let place = hello.place.as_ref().filter(|place| place.epoch.hub == self.epoch.hub);
                let epoch = place.map_or(0, |place| place.epoch.number);
                self.begin_epoch(epoch, hello.registry.life, now)?;
                views = self.store.read()?;
            }
        }
        Ok(())
    }

    /// Whether the agent has seen a later state of this hub's epoch, or of the registry that is in it, than the hub
    /// has: the hub was restored.
    fn went_back(&mut self, views: &Views, hello: &Hello) -> Result<bool, StoreError> {
        let (seen, registry) = (hello.registry, self.moment()?.numbers.registry());
        if self.owns_registry(views)? {
            let said_more = seen.life == registry.life && seen.number > registry.number;
            if said_more || self.believes(seen.life, registry.life) {
                return Ok(true);
            }
        }
        let Some(place) = hello.place.as_ref().filter(|place| place.epoch == self.epoch) else {
            // A later life of this hub was seen than the one that it is in.
            return Ok(hello.place.as_ref().is_some_and(|place| {
                place.epoch.hub == self.epoch.hub
                    && place.epoch.number >= self.epoch.number
                    && place.epoch.number < u32::MAX
            }));
        };
        if place.head.seq > self.moment()?.numbers.head.seq {
            return Ok(true);
        }
        let known = views.lineage(place.head.seq)?;
        Ok(known.is_some_and(|lineage| lineage != place.head.lineage))
    }

    /// Begins another life of this store. Its number and the registry's go on from what was seen: of two lives those who
    /// meet both must know which came later.
    fn begin_epoch(&mut self, seen: u32, life: Life, now: Now) -> Result<(), StoreError> {
        let epoch = Epoch {
            hub: self.epoch.hub,
            number: self.epoch.number.max(seen).saturating_add(1),
            nonce: self.jitter.next_u64() as u32,
        };
        let random = self.jitter.next_u64() as u32;
        let views = self.store.read()?;
        let registry = match self.owns_registry(&views)? {
            true => {
                let own = views.numbers()?.life;
                let last = if is_near(life, own) { own.max(life) } else { own };
                Some(Life::numbered(last.number().saturating_add(1), random))
            }
            false => None,
        };
        begin_again(&self.store, &epoch, registry, now)?;
        tracing::warn!(
            "this hub went back in time: others have seen what it does not hold. It begins epoch {epoch}; import what the registry shall hold, or say `headland-hub confirm-restored`"
        );
        self.epoch = epoch;
        self.counts.restored += 1;
        for conversation in self.conversations.values_mut() {
            conversation.transfer = None;
            conversation.comparison = None;
            conversation.repair = None;
        }
        Ok(())
    }

    /// What this hub holds is what the registry shall hold, although it went back in time. Says whether it had.
    pub fn confirm_restored(&mut self) -> Result<bool, StoreError> {
        let restored = self.store.read()?.restored()?.is_some();
        if restored {
            self.store.write(|tables| tables.set_restored(None))?;
        }
        Ok(restored)
    }

    /// Whether a life that others have seen shows that this registry, which is in an earlier one, was restored.
    fn believes(&self, seen: Life, own: Life) -> bool {
        seen.number() > own.number() && self.may_follow_up(seen, own)
    }

    /// Whether a life that was only heard of is near enough, and lives were not begun too often, to begin one after it.
    fn may_follow_up(&self, seen: Life, own: Life) -> bool {
        is_near(seen, own) && self.counts.restored < LIVES_HEARD_MAX
    }

    /// Whether the registry in this store is this hub's own: no other hub, nor a database, says what it holds.
    pub(super) fn owns_registry(&self, views: &Views) -> Result<bool, StoreError> {
        Ok(self.registry_known_at.is_none() && views.followed()?.is_none() && views.bridged()?.is_none())
    }

    /// A hub that follows the registry of this one says what it holds of it. When that is more than there is here, or
    /// of a later life, this hub was restored, and begins a life after that one: the follower would believe no earlier
    /// one. Says whether it did.
    pub fn registry_held_elsewhere(&mut self, held: Position, now: Now) -> Result<bool, StoreError> {
        let views = self.store.read()?;
        let registry = views.numbers()?.registry();
        let bounded = self.may_follow_up(held.life, registry.life);
        // Before it has said anything nobody can tell a restored registry from a new one.
        if held <= registry || registry.number == 0 || !bounded || !self.owns_registry(&views)? {
            return Ok(false);
        }
        self.begin_epoch(0, held.life, now)?;
        Ok(true)
    }
}

/// Whether a life that others speak of is no further ahead than a registry can have come.
fn is_near(seen: Life, own: Life) -> bool {
    seen.number().saturating_sub(own.number()) <= LIVES_AHEAD_MAX
}
