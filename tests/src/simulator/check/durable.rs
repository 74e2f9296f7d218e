//! Invariant 2: nothing is acknowledged before it is durable.

use crate::simulator::hub::Hub;
use headland_shared::actor::ActorId;
use headland_shared::frame::decode_down;
use headland_shared::message::{Down, Stored};
use headland_shared::name::ReplicaName;

/// The longest frame in which an acknowledgement is looked for: one that lists nothing refused is shorter, and reading
/// every catch-up would cost more than the replicas do.
const STORED_BYTES_MAX: usize = 160;

/// Notes what a hub acknowledges with a frame, if it does.
pub(in crate::simulator) fn note_acknowledged(hub: &mut Hub, topic: &str, frame: &[u8]) {
    if frame.len() > STORED_BYTES_MAX {
        return;
    }
    let stored = match decode_down(frame) {
        Ok(Down::Stored(stored)) => Some(stored),
        Ok(Down::Welcome(welcome)) => welcome.stored,
        // A piece of a longer frame, or something else.
        Ok(_) | Err(_) => None,
    };
    let name = topic.rsplit('/').nth(1).and_then(|name| ReplicaName::parse(name).ok());
    if let (
        Some(Stored {
            incarnation, through, ..
        }),
        Some(name),
    ) = (stored, name)
    {
        let through_before = hub.acknowledged.entry(ActorId { name, incarnation }).or_default();
        *through_before = through.max(*through_before);
    }
}

/// A hub that has started again has all that it acknowledged.
pub(in crate::simulator) fn kept(hub: &Hub) -> Result<(), String> {
    let Some(replica) = &hub.replica else {
        return Ok(());
    };
    let views = replica.store().read().map_err(|error| error.to_string())?;
    for (actor, through) in &hub.acknowledged {
        let seen = views.seen(actor).map_err(|error| error.to_string())?;
        if seen < *through {
            return Err(format!(
                "a hub acknowledged {actor:?} up to {through}, and after a power cut has it up to {seen} (invariant 2)"
            ));
        }
    }
    Ok(())
}
