//! What an agent listens to: what is said to it alone, what is urgent, the feed, and a heartbeat.

use super::SHARED_FRAME_BYTES;
use crate::settings::Settings;
use headland_host::broker_address::BrokerAddress;
use headland_host::link::{LinkBusy, LinkHandle, Qos, Subscription};
use headland_shared::name::{Region, ReplicaName};
use headland_shared::scope::Follow;
use headland_shared::session::beat::Beat;
use headland_shared::topic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is for all agents, of which an agent may hear more or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hears {
    /// The feed, and what is urgent.
    Feed,
    /// What is urgent: frames of the feed are too long.
    Urgent,
    /// Nothing: a device that sleeps learns all in its answer.
    Nothing,
}

/// What an agent listens to. Clones share whether it listens to the feed just now.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    name: ReplicaName,
    follow: Vec<Follow>,
    hears: Hears,
    beat: Option<Beat>,
    /// Whether what is not urgent is left out, for want of a budget.
    sparing: Arc<AtomicBool>,
}

impl Listening {
    pub(crate) fn new(settings: &Settings, name: &ReplicaName, sparing: bool) -> Self {
        let manners = settings.manners();
        Self {
            name: name.clone(),
            follow: settings.follow.clone(),
            // Batches of the feed are long, and hold whole what a filter leaves out.
            hears: match settings.frame_bytes_max >= SHARED_FRAME_BYTES && settings.filter.is_none() {
                _ if manners.sleeping.is_some() => Hears::Nothing,
                true => Hears::Feed,
                false => Hears::Urgent,
            },
            beat: manners.beat,
            sparing: Arc::new(AtomicBool::new(sparing)),
        }
    }

    /// All that is listened to now.
    pub(crate) fn to_all(&self, broker: &BrokerAddress) -> Vec<Subscription> {
        let Ok(region) = Region::new(broker.region()) else {
            return Vec::new();
        };
        let mut all = self.to_what_must_be(&region);
        if !self.sparing.load(Ordering::Acquire) {
            all.extend(self.to_what_can_wait(&region));
        }
        all
    }

    fn to_what_must_be(&self, region: &Region) -> Vec<Subscription> {
        let own = Subscription {
            filter: topic::down(region, &self.name),
            qos: Qos::AtLeastOnce,
        };
        // Urgent facts are short: they come to agents of short frames too.
        let follow = self.follow.iter().filter(|_| self.hears != Hears::Nothing);
        let urgents = follow.map(|follow| shared(topic::urgents(region, follow)));
        [own].into_iter().chain(urgents).collect()
    }

    fn to_what_can_wait(&self, region: &Region) -> Vec<Subscription> {
        let follow = self.follow.iter().filter(|_| self.hears == Hears::Feed);
        let feeds = follow.map(|follow| topic::feeds(region, follow));
        let heartbeat = self.beat.map(|beat| topic::heartbeat(region, beat));
        feeds.chain(heartbeat).map(shared).collect()
    }

    /// Whether what is not urgent is left out.
    pub(crate) fn is_sparing(&self) -> bool {
        self.sparing.load(Ordering::Acquire)
    }

    /// Leaves out what is not urgent, or takes it up again: in the session that is up, and in all later ones.
    pub(crate) fn spare(&self, sparing: bool, region: Option<&Region>, link: &LinkHandle) -> Result<(), LinkBusy> {
        let those = region.map_or_else(Vec::new, |region| self.to_what_can_wait(region));
        let said = match sparing {
            _ if those.is_empty() => Ok(()),
            true => {
                let filters: Vec<String> = those.into_iter().map(|one| one.filter).collect();
                link.try_unsubscribe(&filters)
            }
            false => link.try_subscribe(&those),
        };
        // A session that is not up yet will say it by itself.
        if matches!(said, Ok(()) | Err(LinkBusy::Down)) {
            self.sparing.store(sparing, Ordering::Release);
        }
        said
    }
}

fn shared(filter: String) -> Subscription {
    Subscription {
        filter,
        qos: Qos::AtMostOnce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SOURCE;
    use std::path::Path;

    fn listening(text: &str) -> Listening {
        let text = format!("follow = [\"vision/*\", \"*/chat\"]\n{text}");
        let settings: Settings = headland_host::config::parse(&SOURCE, Path::new("agent.toml"), &text, []).unwrap();
        Listening::new(&settings, &ReplicaName::parse("leaf-7").unwrap(), false)
    }

    fn filters(listening: &Listening) -> Vec<(String, Qos)> {
        let all = listening.to_all(&"mqtt://127.0.0.1:1883/north".parse().unwrap());
        all.into_iter().map(|one| (one.filter, one.qos)).collect()
    }

    #[test]
    fn an_agent_subscribes_to_its_own_way_down_what_it_follows_and_the_heartbeat() {
        let wanted = [
            ("headland/1/north/agent/leaf-7/down", Qos::AtLeastOnce),
            ("headland/1/north/urgent/vision/+", Qos::AtMostOnce),
            ("headland/1/north/urgent/+/chat", Qos::AtMostOnce),
            ("headland/1/north/feed/vision/+", Qos::AtMostOnce),
            ("headland/1/north/feed/+/chat", Qos::AtMostOnce),
            ("headland/1/north/heartbeat", Qos::AtMostOnce),
        ];
        assert_eq!(
            filters(&listening("")),
            wanted.map(|(filter, qos)| (filter.to_owned(), qos))
        );
    }

    #[test]
    fn an_agent_of_short_frames_goes_by_heartbeats_and_urgent_facts() {
        let filters = filters(&listening("frame_bytes_max = 256"));
        assert!(filters.iter().all(|(filter, _)| !filter.contains("/feed/")));
        assert!(filters.iter().any(|(filter, _)| filter.contains("/urgent/")));
    }

    #[test]
    fn a_mobile_agent_listens_to_a_slow_heartbeat_and_a_sleeping_one_to_nothing_but_its_answers() {
        let mobile = filters(&listening("[link]\nprofile = \"lte-m\""));
        assert!(mobile.iter().any(|(filter, _)| filter.ends_with("/heartbeat/600")));
        assert!(!mobile.iter().any(|(filter, _)| filter.ends_with("/heartbeat")));
        let asleep = filters(&listening("[link]\nprofile = \"satellite\""));
        assert_eq!(asleep.len(), 1);
    }

    #[test]
    fn an_agent_that_spares_listens_to_what_is_urgent_alone() {
        let listening = listening("");
        listening.sparing.store(true, Ordering::Release);
        let filters = filters(&listening);
        assert_eq!(filters.len(), 3);
        assert!(
            filters
                .iter()
                .all(|(filter, _)| !filter.contains("/feed/") && !filter.contains("heartbeat"))
        );
    }
}
