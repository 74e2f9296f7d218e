//! Keeping within a budget of bytes: what the session wants done is done now, or put off.
//!
//! What is urgent is published, and subscribed to whatever the budget says; what of it was missed while the link was down
//! is asked for by itself where a greeting or the rest of a catch-up is held back. All else begins with something that the
//! agent says, and that is what is held back here: greetings, requests for the next parts of a catch-up, uploads and
//! acknowledgements.

use super::{Replica, Trust};
use crate::store::Views;
use headland_host::tables::StoreError;
use headland_shared::frame::FRAME_BYTES_MIN;
use headland_shared::key::ElementKey;
use headland_shared::schema::{Declaration, Priority};
use headland_shared::session::Now;
use headland_shared::session::agent::Effect;
use headland_shared::session::budget::{Band, Budget};
use headland_shared::upload::UPLOAD_ENTRIES_MAX;
use std::num::NonZeroU64;

/// A budget has room for so many frames at least: eight parts of three frames each come before an agent is asked again,
/// and are compressed to a fraction.
const FRAMES_MIN: u64 = 64;

/// The budget of a replica, and what was held back for it.
#[derive(Debug)]
pub(super) struct Within {
    budget: Budget,
    held: u64,
    /// Whether something urgent may have been missed that nobody was asked for yet.
    missed: bool,
}

/// How much of the budget is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetStanding {
    /// Bytes that any 24 hours may carry.
    pub bytes_per_day: u64,
    /// Bytes that the last 24 hours of running time have carried, rounded up to hours.
    pub carried_bytes: u64,
    /// What there is enough for.
    pub band: Band,
    /// For how long documentation and notes have to wait, in milliseconds, if they have to.
    pub documentation_wait_ms: Option<u64>,
    /// For how long all else has to wait that is not urgent, in milliseconds, if it has to.
    pub rest_wait_ms: Option<u64>,
    /// How often something was held back since the start.
    pub held: u64,
}

impl Replica {
    /// Keeps within so many bytes in any 24 hours, beginning with what an earlier run carried.
    pub fn keep_within(&mut self, limit: NonZeroU64, now: Now) -> Result<(), StoreError> {
        let ledger = self.store.read()?.ledger()?;
        self.within = Some(Within {
            budget: Budget::new(limit, ledger.as_ref(), now.mono),
            held: 0,
            missed: true,
        });
        Ok(())
    }

    /// The link was down: what was urgent meanwhile has not come.
    pub(super) fn may_have_missed(&mut self) {
        if let Some(within) = &mut self.within {
            within.missed = true;
        }
    }

    /// The link has carried so many bytes more, both ways; to be said every few minutes also when it has carried none.
    pub fn carried(&mut self, bytes: u64, now: Now) -> Result<(), StoreError> {
        let Some(within) = &mut self.within else {
            return Ok(());
        };
        within.budget.carry(bytes, now.mono);
        if let Some(ledger) = within.budget.to_keep() {
            self.store.write(|tables| tables.set_ledger(&ledger))?;
            within.budget.keeps(&ledger);
        }
        Ok(())
    }

    /// The program ends in order: what was carried is kept to the byte.
    pub fn settle_budget(&mut self, now: Now) -> Result<(), StoreError> {
        let Some(within) = &mut self.within else {
            return Ok(());
        };
        within.budget.pass(now.mono);
        let ledger = within.budget.ledger();
        self.store.write(|tables| tables.set_ledger(&ledger))
    }

    /// How much of the budget is left; nothing without a budget.
    #[must_use]
    pub fn budget(&self) -> Option<BudgetStanding> {
        let within = self.within.as_ref()?;
        let wait = |priority| within.budget.wait_ms(priority).map(NonZeroU64::get);
        Some(BudgetStanding {
            bytes_per_day: within.budget.limit(),
            carried_bytes: within.budget.carried(),
            band: within.budget.band(),
            documentation_wait_ms: wait(Priority::P2),
            rest_wait_ms: wait(Priority::P1),
            held: within.held,
        })
    }

    /// Whether the feed and the heartbeat are to be left out now. The session then takes silence for no sign, and asks
    /// what it has missed once they come again.
    pub fn spares(&mut self, now: Now) -> bool {
        let spares = self.within.as_mut().is_some_and(|within| within.budget.spares());
        self.session.listen(!spares, now.mono);
        spares
    }

    /// The longest frame to take: with a budget no longer than lets the parts that a hub sends ahead of a question pass
    /// it by little.
    pub(super) fn frame_bytes_max(&self) -> usize {
        let most = self.config.frame_bytes_max;
        let affordable = self
            .within
            .as_ref()
            .map_or(u64::MAX, |within| within.budget.limit() / FRAMES_MIN);
        usize::try_from(affordable)
            .unwrap_or(usize::MAX)
            .clamp(FRAME_BYTES_MIN.min(most), most)
    }

    /// What of this effect may be done now. What may not is asked for by the session when it has waited long enough.
    pub(super) fn affordable(&mut self, effect: Effect, now: Now) -> Result<Option<Effect>, StoreError> {
        let priority = match &effect {
            Effect::Upload if self.within.is_some() => self.own_priority(&*self.store.read()?)?,
            Effect::Hello { .. } | Effect::Sketch { .. } | Effect::GoOn(_) | Effect::Acknowledge { .. } => Priority::P1,
            _ => return Ok(Some(effect)),
        };
        let Some(wait_ms) = self.wait_ms(priority, now) else {
            let proof_waits = matches!(effect, Effect::Acknowledge { wants_proof: true })
                && self.wait_ms(Priority::P2, now).is_some();
            return Ok(Some(match proof_waits {
                true => Effect::Acknowledge { wants_proof: false },
                false => effect,
            }));
        };
        let until = now.mono + wait_ms;
        match effect {
            Effect::Hello { .. } | Effect::Sketch { .. } => {
                self.ask_for_urgent()?;
                self.session.hold_greeting(until);
            }
            Effect::GoOn(_) => {
                self.ask_for_urgent()?;
                self.session.hold_transfer(until);
            }
            Effect::Upload => self.session.hold_upload(until),
            _ => self.session.hold_acknowledgement(until),
        }
        if let Some(within) = &mut self.within {
            within.held += 1;
        }
        Ok(None)
    }

    /// Asks, once for each link, for what was urgent of all that was missed: a few hundred bytes, whatever the budget says.
    fn ask_for_urgent(&mut self) -> Result<(), StoreError> {
        let missed = self
            .within
            .as_mut()
            .is_some_and(|within| std::mem::take(&mut within.missed));
        if missed && self.trust == Trust::Full && self.placed.is_some() {
            self.ask_for_urgent_alone()?;
        }
        Ok(())
    }

    /// For how long something of this priority has to wait.
    fn wait_ms(&mut self, priority: Priority, now: Now) -> Option<u64> {
        let within = self.within.as_mut()?;
        within.budget.pass(now.mono);
        within.budget.wait_ms(priority).map(NonZeroU64::get)
    }

    /// Whether a hello may bring own writes along.
    pub(super) fn may_upload(&mut self, views: &Views, now: Now) -> Result<bool, StoreError> {
        if self.wait_ms(Priority::P2, now).is_none() {
            return Ok(true);
        }
        let priority = self.own_priority(views)?;
        Ok(self.wait_ms(priority, now).is_none())
    }

    /// The priority of what waits to go up: that of the most urgent write in it, since what is older goes before.
    fn own_priority(&self, views: &Views) -> Result<Priority, StoreError> {
        let mut most_urgent = Priority::P2;
        for write in views.own_after(views.stored()?, UPLOAD_ENTRIES_MAX)? {
            let name = match &write.element {
                ElementKey::Attribute(name) | ElementKey::Member(name, _) | ElementKey::Count(name, ..) => name,
                _ => continue,
            };
            let declared = views.declaration(name.as_str())?;
            let declared = declared.or_else(|| Declaration::built_in(name.as_str()));
            most_urgent = most_urgent.min(declared.map_or(Priority::P1, |declared| declared.priority));
        }
        Ok(most_urgent)
    }
}
