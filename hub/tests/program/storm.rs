//! A whole region that greets at once.

use crate::region::Region;
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::epoch::Position;
use headland_shared::frame::{Reassembly, decode_down, encode_up};
use headland_shared::message::{Down, Hello, Up};
use headland_shared::name::{Region as RegionName, ReplicaName};
use headland_shared::scope::Follow;
use headland_shared::topic;
use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Enough that the answers to one flush are more than a link's queue holds.
const AGENTS: u64 = 400;
const FRAME_BYTES_MAX: u32 = 1_024;
const MODELS: usize = 120;
const PACKET_BYTES_MAX: usize = 512 * 1_024;
/// Far longer than it takes, so that only a loss runs into it.
const PATIENCE: Duration = Duration::from_secs(60);

fn hello(name: &ReplicaName, nonce: u64) -> Vec<u8> {
    encode_up(&Up::Hello(Hello {
        nonce,
        actor: ActorId {
            name: name.clone(),
            incarnation: Incarnation(1),
        },
        frame_bytes_max: FRAME_BYTES_MAX,
        follow: vec![Follow::ALL],
        place: None,
        staged: None,
        registry: Position::default(),
        upload: None,
        more: Vec::new(),
    }))
}

/// A client that speaks for all agents: the broker lets hubs publish for anyone.
fn connect(port: u16) -> (Client, Connection) {
    let mut options = MqttOptions::new("headland-hub-storm", "127.0.0.1", port);
    options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    Client::new(options, 2 * usize::try_from(AGENTS).unwrap())
}

#[test]
fn every_agent_of_a_storm_is_answered_whole_though_the_link_cannot_hold_all_answers() {
    let region = Region::new();
    let names: Vec<String> = (0..MODELS)
        .map(|number| format!("models/{number:05}-of-a-storm"))
        .collect();
    let models: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    region
        .hub(&["import", &region.models("a.jsonl", &models), "--register"])
        .printed();
    let _daemon = region.serve();

    let main = RegionName::new("main").unwrap();
    let (client, mut connection) = connect(region.port());
    client
        .subscribe("headland/1/main/agent/+/down", QoS::AtLeastOnce)
        .unwrap();
    let mut assembling: BTreeMap<String, Reassembly> = BTreeMap::new();
    let (mut welcomed, mut ended) = (BTreeSet::new(), BTreeSet::new());
    let end = AGENTS as usize;
    while welcomed.len() < end || ended.len() < end {
        let event = connection.recv_timeout(PATIENCE).expect("an answer was lost").unwrap();
        match event {
            Event::Incoming(Packet::SubAck(_)) => {
                for agent in 0..AGENTS {
                    let name = ReplicaName::parse(&format!("agent-{agent}")).unwrap();
                    let frame = hello(&name, agent);
                    client
                        .publish(topic::up(&main, &name), QoS::AtLeastOnce, false, frame)
                        .unwrap();
                }
            }
            Event::Incoming(Packet::Publish(frame)) => {
                let pieces = assembling.entry(frame.topic.clone()).or_default();
                let Some(whole) = pieces.take(frame.payload.to_vec()).expect("a piece was lost") else {
                    continue;
                };
                match decode_down(&whole).unwrap() {
                    Down::Welcome(_) => assert!(welcomed.insert(frame.topic)),
                    Down::Part(part) if part.end.is_some() => assert!(ended.insert(frame.topic)),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let (_, status) = region.ask(axum::http::Method::GET, "/v1/status", None);
    assert_eq!(status["counts"]["frames_dropped"], 0, "{}", status["counts"]);
}
