//! The sentence on the agent that a service manager shows.

use crate::driver::Live;

/// What the agent tells the service manager of its link and its catalogue.
pub(crate) fn of(live: &Live) -> String {
    match (&live.broker, &live.lost) {
        (Some(broker), _) if live.settled => format!("In step with {broker}"),
        (Some(broker), _) => format!("Linked to {broker}, catching up"),
        (None, _) if live.wakes_at.is_some() => "Answering from the cache; asleep until the next contact".to_owned(),
        (None, Some(lost)) => format!("Answering from the cache; no link to {}: {}", lost.broker, lost.reason),
        (None, None) => "Answering from the cache; no link yet".to_owned(),
    }
}
