//! The agent's link to its hub: what it subscribes to, and where what arrives goes.

mod listening;

pub(crate) use listening::Listening;

use crate::driver::{Inlet, Input};
use crate::settings::Settings;
use headland_host::link::{Delivery, Link, LinkConfig, LinkEvent, StartError};
use headland_shared::frame::FRAME_BYTES_DEFAULT;
use headland_shared::name::ReplicaName;

/// What MQTT adds to a frame at most: the topic, whose longest parts are a namespace and a task, and its header.
const PACKET_BYTES_BESIDE: usize = 1_024;

/// The live feed and heartbeats are the same for all agents, so they are as long as the hub's default allows,
/// whatever this agent names for what is sent to it alone.
const SHARED_FRAME_BYTES: usize = FRAME_BYTES_DEFAULT;

/// Starts the link. Must be called within a runtime.
pub(crate) fn start(
    settings: &Settings,
    name: &ReplicaName,
    listening: Listening,
    inlet: Inlet,
) -> Result<Link, StartError> {
    let config = LinkConfig {
        brokers: settings.hubs.clone(),
        // The hub's broker lets a client into an agent's topics by this name.
        client_id: format!("headland-agent-{name}"),
        subscriptions: Box::new(move |broker| listening.to_all(broker)),
        packet_bytes_max: settings.frame_bytes_max.max(SHARED_FRAME_BYTES) + PACKET_BYTES_BESIDE,
        keep_alive_s: settings.manners().keep_alive_s,
        answer_s_max: settings.manners().answer_s_max,
        backoff_ms_base: settings.link.backoff_ms_base,
        backoff_ms_max: settings.link.backoff_ms_max,
    };
    Link::start(config, move |event: LinkEvent| -> Delivery {
        inlet.try_put(Input::Link(event)).into()
    })
}
