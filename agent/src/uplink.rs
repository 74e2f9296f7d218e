//! The agent's link to its hub: what it subscribes to, and where what arrives goes.

use crate::driver::{Inlet, Input};
use crate::settings::Settings;
use headland_host::broker_address::BrokerAddress;
use headland_host::link::{Delivery, Link, LinkConfig, LinkEvent, Qos, StartError, Subscription};
use headland_shared::frame::FRAME_BYTES_DEFAULT;
use headland_shared::name::{Region, ReplicaName};
use headland_shared::scope::Follow;
use headland_shared::topic;

/// What MQTT adds to a frame at most: the topic, whose longest parts are a namespace and a task, and its header.
const PACKET_BYTES_BESIDE: usize = 1_024;

/// The live feed and heartbeats are the same for all agents, so they are as long as the hub's default allows,
/// whatever this agent names for what is sent to it alone.
const SHARED_FRAME_BYTES: usize = FRAME_BYTES_DEFAULT;

/// Starts the link. Must be called within a runtime.
pub(crate) fn start(settings: &Settings, name: &ReplicaName, inlet: Inlet) -> Result<Link, StartError> {
    let (name, follow) = (name.clone(), settings.follow.clone());
    // Batches of the feed hold whole what a filter leaves out.
    let live = settings.frame_bytes_max >= SHARED_FRAME_BYTES && settings.filter.is_none();
    let config = LinkConfig {
        brokers: settings.hubs.clone(),
        // The hub's broker lets a client into an agent's topics by this name.
        client_id: format!("headland-agent-{name}"),
        subscriptions: Box::new(move |broker| subscriptions(broker, &name, &follow, live)),
        packet_bytes_max: settings.frame_bytes_max.max(SHARED_FRAME_BYTES) + PACKET_BYTES_BESIDE,
        keep_alive_s: settings.link.keep_alive_s,
        backoff_ms_base: settings.link.backoff_ms_base,
        backoff_ms_max: settings.link.backoff_ms_max,
    };
    Link::start(config, move |event: LinkEvent| -> Delivery {
        inlet.try_put(Input::Link(event)).into()
    })
}

fn subscriptions(broker: &BrokerAddress, name: &ReplicaName, follow: &[Follow], live: bool) -> Vec<Subscription> {
    let Ok(region) = Region::new(broker.region()) else {
        return Vec::new();
    };
    let shared = |filter| Subscription {
        filter,
        qos: Qos::AtMostOnce,
    };
    let own = Subscription {
        filter: topic::down(&region, name),
        qos: Qos::AtLeastOnce,
    };
    let feeds = follow
        .iter()
        .filter(|_| live)
        .map(|follow| topic::feeds(&region, follow));
    // Urgent facts are short: they come to agents of short frames too.
    let urgents = follow.iter().map(|follow| topic::urgents(&region, follow));
    let shared = feeds.chain(urgents).chain([topic::heartbeat(&region)]).map(shared);
    [own].into_iter().chain(shared).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(live: bool) -> Vec<(String, Qos)> {
        let broker = "mqtt://127.0.0.1:1883/north".parse().unwrap();
        let name = ReplicaName::parse("leaf-7").unwrap();
        let follow = ["vision/*".parse().unwrap(), "*/chat".parse().unwrap()];
        let all = subscriptions(&broker, &name, &follow, live);
        all.into_iter().map(|one| (one.filter, one.qos)).collect()
    }

    #[test]
    fn an_agent_subscribes_to_its_own_way_down_what_it_follows_and_the_heartbeat() {
        let wanted = [
            ("headland/1/north/agent/leaf-7/down", Qos::AtLeastOnce),
            ("headland/1/north/feed/vision/+", Qos::AtMostOnce),
            ("headland/1/north/feed/+/chat", Qos::AtMostOnce),
            ("headland/1/north/urgent/vision/+", Qos::AtMostOnce),
            ("headland/1/north/urgent/+/chat", Qos::AtMostOnce),
            ("headland/1/north/heartbeat", Qos::AtMostOnce),
        ];
        assert_eq!(filters(true), wanted.map(|(filter, qos)| (filter.to_owned(), qos)));
    }

    #[test]
    fn an_agent_of_short_frames_goes_by_heartbeats_and_urgent_facts() {
        let filters = filters(false);
        assert!(filters.iter().all(|(filter, _)| !filter.contains("/feed/")));
        assert!(filters.iter().any(|(filter, _)| filter.contains("/urgent/")));
    }
}
