//! Where the hub's floors are, and whether they move only as far as agents have acknowledged.

use crate::simulator::hub::RETENTION_MS;
use headland_hub::replica::Replica;
use headland_shared::delta::ScopeAlias;
use headland_shared::epoch::Seq;
use headland_shared::session::Now;
use std::collections::BTreeMap;

/// The floor of each scope.
#[derive(Debug)]
pub(in crate::simulator) struct Floors(BTreeMap<ScopeAlias, Seq>);

impl Floors {
    pub(in crate::simulator) fn of(replica: &Replica) -> Result<Self, String> {
        let views = replica.store().read().map_err(|error| error.to_string())?;
        let scopes = views.scopes().map_err(|error| error.to_string())?;
        Ok(Self(scopes.values().map(|row| (row.alias, row.floor)).collect()))
    }

    /// Invariant 5: a floor that has moved since is not beyond what any agent has acknowledged that may still return.
    pub(in crate::simulator) fn check(&self, replica: &Replica, now: Now) -> Result<(), String> {
        let Self(floors) = Self::of(replica)?;
        let moved = floors.iter().filter(|(scope, floor)| self.0.get(scope) != Some(floor));
        let Some(highest) = moved.map(|(_, floor)| *floor).max() else {
            return Ok(());
        };
        let views = replica.store().read().map_err(|error| error.to_string())?;
        let agents = views
            .agents_after(None, usize::MAX)
            .map_err(|error| error.to_string())?;
        for (name, row) in agents {
            let counts = row.epoch == replica.epoch().tag() && row.heard_ms + RETENTION_MS >= now.wall_ms;
            if counts && row.acknowledged < highest {
                return Err(format!(
                    "the floor moved to {highest}, and {name} has acknowledged {} (invariant 5)",
                    row.acknowledged
                ));
            }
        }
        Ok(())
    }
}
