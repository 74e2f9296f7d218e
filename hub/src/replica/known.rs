//! When the registry was last known: at any moment, unless it is another hub's.

use super::Replica;
use headland_shared::session::{Ms, Now};

impl Replica {
    /// The registry is another hub's, and what is held here was its state at `at` on this hub's clock. Agents are told,
    /// so that their answers never look younger than they are.
    pub fn registry_known(&mut self, at: Ms) {
        // Looks of several kinds may overlap.
        self.registry_known_at = self.registry_known_at.max(Some(at));
    }

    /// The latest moment at which what is held here was known to be the registry's state.
    pub(super) fn registry_as_of(&self, now: Now) -> Ms {
        self.registry_known_at.map_or(now.mono, |at| at.min(now.mono))
    }
}
