//! What agents say of their devices: kept for people to see. Nothing of the sync depends on it.

use headland_shared::message::Hello;
use headland_shared::message::more::{Describes, Field};
use headland_shared::name::ReplicaName;
use headland_shared::resolve::Description;

/// What a hello says of its device, if it says anything that can be read.
pub(super) fn described(agent: &ReplicaName, hello: &Hello) -> Option<Description> {
    let Describes(encoded) = Describes::of(&hello.more)?;
    match Description::decode(&encoded) {
        Ok(description) => Some(description),
        Err(error) => {
            tracing::debug!(%agent, %error, "what the agent says of its device is passed over");
            None
        }
    }
}
