//! Who may publish and subscribe to what.
//!
//! A client's id is all there is to go by, and nothing proves it: these rules stop mistakes, such
//! as two agents with one configuration, and not attacks.

use std::future::{Future, ready};
use std::pin::Pin;

use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::types::{AuthResult, ConnectInfo, LastWill, PublishAclResult, SubscribeAclResult};
use rmqtt::types::{Publish, Subscribe};

/// The first level of every topic of ours.
const ROOT: &str = "headland";

/// The second: the protocol's version.
const VERSION: &str = "1";

/// What an agent's client id starts with; its name follows.
const AGENT_PREFIX: &str = "headland-agent-";

/// What a hub's client id starts with; its region follows.
const HUB_PREFIX: &str = "headland-hub-";

/// What a client claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client<'a> {
    Agent(&'a str),
    Hub,
    Other,
}

impl<'a> Client<'a> {
    fn of(id: &'a str) -> Self {
        if let Some(name) = id.strip_prefix(AGENT_PREFIX) {
            return Self::Agent(name);
        }
        match id.strip_prefix(HUB_PREFIX) {
            Some(region) if is_plain(region) => Self::Hub,
            _ => Self::Other,
        }
    }

    fn may_publish(self, topic: &str) -> bool {
        match self {
            Self::Hub => true,
            Self::Other => topic.split('/').next() != Some(ROOT),
            Self::Agent(name) => match levels(topic).as_slice() {
                [ROOT, VERSION, region, "agent", agent, "up"] => is_plain(region) && is_plain(name) && *agent == name,
                _ => false,
            },
        }
    }

    fn may_subscribe(self, filter: &str) -> bool {
        let Self::Agent(name) = self else { return true };
        match levels(filter).as_slice() {
            [ROOT, VERSION, region, "agent", agent, "down"] => is_one_level(region) && is_plain(name) && *agent == name,
            [ROOT, VERSION, region, "heartbeat"]
            | [ROOT, VERSION, region, "heartbeat", _]
            | [ROOT, VERSION, region, "feed" | "urgent", _, ..] => is_one_level(region),
            _ => false,
        }
    }
}

fn levels(topic: &str) -> Vec<&str> {
    topic.split('/').collect()
}

/// Whether this is a level that stands for itself. An agent named `+` would otherwise be let into
/// every agent's topics by its own name.
fn is_plain(level: &str) -> bool {
    !level.is_empty() && !level.contains(['+', '#', '/'])
}

fn is_one_level(level: &str) -> bool {
    level == "+" || is_plain(level)
}

/// The rules, as the broker asks for them.
pub(super) struct AccessHook;

impl Handler for AccessHook {
    // Written out, because the library's `async fn` in a trait is a macro's.
    fn hook<'me, 'asked, 'answer>(
        &'me self,
        asked: &'asked Parameter<'_>,
        earlier: Option<HookResult>,
    ) -> Pin<Box<dyn Future<Output = ReturnType> + Send + 'answer>>
    where
        'me: 'answer,
        'asked: 'answer,
        Self: 'answer,
    {
        let answer = match asked {
            Parameter::ClientAuthenticate(info) => HookResult::AuthResult(admit(info)),
            Parameter::MessagePublishCheckAcl(session, publish) => {
                HookResult::PublishAclResult(publishing(&session.id.client_id, publish))
            }
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                HookResult::SubscribeAclResult(subscribing(&session.id.client_id, subscribe))
            }
            _ => return Box::pin(ready((true, earlier))),
        };
        Box::pin(ready((false, Some(answer))))
    }
}

/// Everyone is let in, but for a will that could not be published in person: nothing checks a
/// will when it is carried out.
fn admit(info: &ConnectInfo) -> AuthResult {
    let client = &info.id().client_id;
    let topic = match info.last_will() {
        None => return AuthResult::Allow(false, None),
        Some(LastWill::V3(will)) => &will.topic,
        Some(LastWill::V5(will)) => &will.topic,
    };
    if Client::of(client).may_publish(topic) {
        return AuthResult::Allow(false, None);
    }
    tracing::warn!(%client, %topic, "refused a client whose will it may not publish");
    AuthResult::NotAuthorized
}

fn publishing(client: &str, publish: &Publish) -> PublishAclResult {
    if Client::of(client).may_publish(&publish.topic) {
        return PublishAclResult::allow();
    }
    tracing::warn!(client, topic = %publish.topic, "disconnected a client for what it published");
    // MQTT 3.1.1 has no way to refuse one message: it would be acknowledged, and lost.
    PublishAclResult::rejected(true, None)
}

fn subscribing(client: &str, subscribe: &Subscribe) -> SubscribeAclResult {
    if Client::of(client).may_subscribe(&subscribe.topic_filter) {
        return SubscribeAclResult::new_success(subscribe.opts.qos(), None);
    }
    tracing::warn!(client, filter = %subscribe.topic_filter, "refused a subscription");
    SubscribeAclResult::new_failure(rmqtt::codec::v5::SubscribeAckReason::NotAuthorized)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(id: &str, topic: &str) -> bool {
        Client::of(id).may_publish(topic)
    }

    fn subscribe(id: &str, filter: &str) -> bool {
        Client::of(id).may_subscribe(filter)
    }

    #[test]
    fn an_agent_publishes_only_its_own_uplink() {
        assert!(publish("headland-agent-a", "headland/1/eu/agent/a/up"));
        for topic in [
            "headland/1/eu/agent/b/up",
            "headland/1/eu/agent/a/down",
            "headland/1/eu/agent/a/up/x",
            "headland/1//agent/a/up",
            "headland/2/eu/agent/a/up",
            "headland/1/eu/feed/x",
            "headland/1/eu/urgent/x/y",
            "elsewhere",
        ] {
            assert!(!publish("headland-agent-a", topic), "{topic}");
        }
    }

    #[test]
    fn an_agent_subscribes_only_to_its_downlink_what_is_for_all_and_the_heartbeat() {
        for filter in [
            "headland/1/+/agent/a/down",
            "headland/1/eu/agent/a/down",
            "headland/1/+/feed/#",
            "headland/1/eu/urgent/vision/+",
            "headland/1/+/heartbeat",
            "headland/1/eu/heartbeat/600",
        ] {
            assert!(subscribe("headland-agent-a", filter), "{filter}");
        }
        for filter in [
            "#",
            "headland/#",
            "headland/1/#",
            "headland/1/+/agent/+/down",
            "headland/1/+/agent/b/down",
            "headland/1/+/agent/a/up",
            "headland/1/+/+/#",
            "headland/1/#/feed/#",
        ] {
            assert!(!subscribe("headland-agent-a", filter), "{filter}");
        }
    }

    #[test]
    fn an_agent_named_like_a_wildcard_gets_nothing_by_its_name() {
        assert!(!subscribe("headland-agent-+", "headland/1/+/agent/+/down"));
        assert!(!subscribe("headland-agent-", "headland/1/+/agent//down"));
        assert!(!publish("headland-agent-", "headland/1/eu/agent//up"));
    }

    #[test]
    fn a_hub_publishes_everything_and_a_stranger_nothing_of_ours() {
        assert!(publish("headland-hub-eu", "headland/1/eu/feed/x"));
        assert!(!publish("headland-hub-", "headland/1/eu/feed/x"));
        assert!(!publish("someone", "headland/1/eu/feed/x"));
        assert!(!publish("someone", "headland"));
        assert!(publish("someone", "headlands/x"));
        assert!(subscribe("someone", "#"));
    }
}
