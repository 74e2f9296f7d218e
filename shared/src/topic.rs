//! Topics: where messages are published.
//!
//! ```text
//! headland/1/REGION/agent/NAME/up           agent to hub
//! headland/1/REGION/agent/NAME/down         hub to agent
//! headland/1/REGION/feed/NAMESPACE/TASK     live batches of one scope
//! headland/1/REGION/urgent/NAMESPACE/TASK   urgent facts of one scope, ahead of its batch
//! headland/1/REGION/heartbeat               the hub's heartbeat, with the feed's period
//! headland/1/REGION/heartbeat/SECONDS       the same with another period: 60, 600 or 3600
//! ```
//!
//! The `1` is the version of the wire. Namespaces and tasks are percent-encoded where MQTT needs it.

use crate::frame::WIRE_VERSION;
use crate::name::{Region, ReplicaName};
use crate::scope::{Follow, Scope};
use crate::session::beat::Beat;
use alloc::format;
use alloc::string::String;

/// The agent's way to the hub.
#[must_use]
pub fn up(region: &Region, agent: &ReplicaName) -> String {
    format!("headland/{WIRE_VERSION}/{region}/agent/{agent}/up")
}

/// What a hub subscribes to: all agents' ways up.
#[must_use]
pub fn all_up(region: &Region) -> String {
    format!("headland/{WIRE_VERSION}/{region}/agent/+/up")
}

/// The hub's way to one agent.
#[must_use]
pub fn down(region: &Region, agent: &ReplicaName) -> String {
    format!("headland/{WIRE_VERSION}/{region}/agent/{agent}/down")
}

/// The live feed of one scope.
#[must_use]
pub fn feed(region: &Region, scope: &Scope) -> String {
    of_scope(region, "feed", scope)
}

/// Urgent facts of one scope.
#[must_use]
pub fn urgent(region: &Region, scope: &Scope) -> String {
    of_scope(region, "urgent", scope)
}

fn of_scope(region: &Region, kind: &str, scope: &Scope) -> String {
    let (namespace, task) = (level(scope.namespace.as_str()), level(scope.task.as_str()));
    format!("headland/{WIRE_VERSION}/{region}/{kind}/{namespace}/{task}")
}

/// What an agent subscribes to for the live feed of one of its patterns.
#[must_use]
pub fn feeds(region: &Region, follow: &Follow) -> String {
    of_pattern(region, "feed", follow)
}

/// What an agent subscribes to for the urgent facts of one of its patterns.
#[must_use]
pub fn urgents(region: &Region, follow: &Follow) -> String {
    of_pattern(region, "urgent", follow)
}

fn of_pattern(region: &Region, kind: &str, follow: &Follow) -> String {
    let wanted = |part: Option<&str>| part.map_or_else(|| "+".into(), level);
    let namespace = wanted(follow.namespace.as_ref().map(|n| n.as_str()));
    let task = wanted(follow.task.as_ref().map(|t| t.as_str()));
    format!("headland/{WIRE_VERSION}/{region}/{kind}/{namespace}/{task}")
}

/// The hub's heartbeat of one period.
#[must_use]
pub fn heartbeat(region: &Region, beat: Beat) -> String {
    match beat.seconds() {
        None => format!("headland/{WIRE_VERSION}/{region}/heartbeat"),
        Some(seconds) => format!("headland/{WIRE_VERSION}/{region}/heartbeat/{seconds}"),
    }
}

/// The agent that published on a topic, if it is an agent's way up.
#[must_use]
pub fn agent_of(topic: &str) -> Option<ReplicaName> {
    let mut levels = topic.split('/').skip(3);
    let (agent, name, up) = (levels.next()?, levels.next()?, levels.next()?);
    (agent == "agent" && up == "up" && levels.next().is_none()).then(|| ReplicaName::parse(name).ok())?
}

/// One level of a topic.
fn level(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b' ') || byte >= 0x80 {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Namespace, Task};

    #[test]
    fn topics_hold_no_wildcard_of_a_name() {
        let scope = Scope {
            namespace: Namespace::new("a/b+c#").unwrap(),
            task: Task::new("50%").unwrap(),
        };
        let region = Region::new("north").unwrap();
        assert_eq!(feed(&region, &scope), "headland/1/north/feed/a%2fb%2bc%23/50%25");
        assert_eq!(feeds(&region, &Follow::ALL), "headland/1/north/feed/+/+");
        assert_eq!(urgent(&region, &scope), "headland/1/north/urgent/a%2fb%2bc%23/50%25");
        assert_eq!(urgents(&region, &Follow::ALL), "headland/1/north/urgent/+/+");
    }

    #[test]
    fn each_heartbeat_has_a_topic_of_its_own() {
        let region = Region::new("north").unwrap();
        let topics = Beat::ALL.map(|beat| heartbeat(&region, beat));
        let wanted = ["", "/60", "/600", "/3600"].map(|rest| format!("headland/1/north/heartbeat{rest}"));
        assert_eq!(topics, wanted);
    }

    #[test]
    fn the_agent_is_read_from_its_topic() {
        let region = Region::new("north").unwrap();
        let agent = ReplicaName::parse("leaf-7").unwrap();
        assert_eq!(agent_of(&up(&region, &agent)), Some(agent.clone()));
        assert_eq!(agent_of(&down(&region, &agent)), None);
    }
}
