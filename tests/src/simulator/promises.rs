//! What the hub has told devices it has stored, and whether it still has that after a power cut.

use headland_hub::replica::{Output, Replica};
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::frame::decode_down;
use headland_shared::message::Down;
use headland_shared::name::ReplicaName;
use std::collections::BTreeMap;

/// For each writer the dot up to which all is stored, as the hub has said.
#[derive(Debug, Default)]
pub(super) struct Promises {
    through: BTreeMap<(String, Incarnation), u64>,
}

impl Promises {
    /// Takes notice of what the hub says. Of a frame in pieces nothing is noticed.
    pub(super) fn hear(&mut self, output: &Output) {
        let Output::Send { topic, frame } = output else {
            return;
        };
        let stored = match decode_down(frame) {
            Ok(Down::Stored(stored)) => stored,
            Ok(Down::Welcome(welcome)) => match welcome.stored {
                Some(stored) => stored,
                None => return,
            },
            _ => return,
        };
        let name = topic.trim_end_matches("/down").rsplit('/').next().unwrap_or_default();
        let through = self.through.entry((name.to_owned(), stored.incarnation)).or_default();
        *through = (*through).max(stored.through);
    }

    /// Invariant 2: a hub that starts on its own disk has all that it said it had.
    pub(super) fn check(&self, replica: &Replica) -> Result<(), String> {
        let views = replica.store().read().map_err(|error| error.to_string())?;
        for ((name, incarnation), through) in &self.through {
            let actor = ActorId {
                name: ReplicaName::parse(name).map_err(|error| error.to_string())?,
                incarnation: *incarnation,
            };
            let held = views.seen(&actor).map_err(|error| error.to_string())?;
            if held < *through {
                return Err(format!(
                    "the hub said that it has {through} writes of {name} and has {held} after a power cut (invariant 2)"
                ));
            }
        }
        Ok(())
    }
}
