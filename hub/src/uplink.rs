//! The hub's link to its broker, its own or another.

use crate::driver::Inlet;
use crate::settings::Settings;
use headland_host::broker_address::BrokerAddress;
use headland_host::link::{ANSWER_S_MAX, Link, LinkConfig, LinkEvent, Qos, StartError, Subscription};
use headland_shared::frame::FRAME_BYTES_MAX;
use headland_shared::topic;

/// The longest packet, in bytes: the longest frame, with its topic and MQTT's header.
pub(crate) const PACKET_BYTES_MAX: usize = FRAME_BYTES_MAX + 1_024;

/// Starts the link. Must be called within a runtime.
pub(crate) fn start(settings: &Settings, broker: BrokerAddress, inlet: Inlet) -> Result<Link, StartError> {
    let region = settings.region.clone();
    let config = LinkConfig {
        brokers: vec![broker],
        // The hub's own broker lets a client into all topics of the fleet by this name.
        client_id: format!("headland-hub-{region}"),
        subscriptions: Box::new(move |_| {
            vec![Subscription {
                filter: topic::all_up(&region),
                qos: Qos::AtLeastOnce,
            }]
        }),
        packet_bytes_max: PACKET_BYTES_MAX,
        keep_alive_s: settings.link.keep_alive_s,
        answer_s_max: ANSWER_S_MAX,
        backoff_ms_base: settings.link.backoff_ms_base,
        backoff_ms_max: settings.link.backoff_ms_max,
    };
    Link::start(config, move |event: LinkEvent| inlet.put_event(event))
}
