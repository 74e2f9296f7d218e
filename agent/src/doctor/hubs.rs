//! The way to each hub: its host, its broker, and the hub behind it.

use super::finding::Finding;
use crate::program::runtime;
use crate::settings::Settings;
use headland_host::broker_address::BrokerAddress;
use headland_host::exit::Failure;
use headland_host::link::{ANSWER_S_MAX, Delivery, Link, LinkConfig, LinkEvent, Qos, Subscription};
use headland_host::text::words::duration;
use headland_shared::frame::{FRAME_BYTES_DEFAULT, decode_down};
use headland_shared::message::Down;
use headland_shared::name::Region;
use headland_shared::session::beat::Beat;
use headland_shared::topic;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, channel};

/// How long a host may take to accept a connection.
const DIAL: Duration = Duration::from_secs(5);
/// How long a broker may take to let the doctor in and grant its subscription: the link's own bounds, added up.
const ADMIT: Duration = Duration::from_secs(20);
/// Events that wait to be looked at; a heartbeat that finds no room is followed by another.
const EVENTS_MAX: usize = 16;
/// What MQTT adds to a heartbeat at most.
const PACKET_BYTES_BESIDE: usize = 1_024;
/// A link that is dropped long before it would try again.
const NEVER_AGAIN_MS: u64 = 3_600_000;
const KEEP_ALIVE_S: u16 = 30;

/// Looks at all hubs at once. Where one of them can be heard, the others are spares, and their failures warnings.
pub(super) fn look(settings: &Settings, patience: Duration) -> Result<Vec<Finding>, Failure> {
    let found = runtime()?.block_on(async {
        let looks = settings
            .hubs
            .iter()
            .cloned()
            .map(|hub| tokio::spawn(one(hub, patience)));
        let looks: Vec<_> = looks.collect();
        let mut found = Vec::new();
        for look in looks {
            found.push(
                look.await
                    .map_err(|error| Failure::failed(format!("looking at a hub: {error}")))?,
            );
        }
        Ok::<_, Failure>(found)
    })?;
    let heard = found.iter().any(|way| way.heard);
    let findings = found.into_iter().flat_map(|way| way.findings);
    Ok(match heard {
        true => findings.map(Finding::softened).collect(),
        false => findings.collect(),
    })
}

/// What was found on the way to one hub.
struct Way {
    findings: [Finding; 2],
    heard: bool,
}

async fn one(hub: BrokerAddress, patience: Duration) -> Way {
    let (broker, behind) = (format!("broker {hub}"), format!("hub {hub}"));
    let cut_off = |finding| Way {
        findings: [finding, Finding::skipped(&behind, "its broker cannot be used")],
        heard: false,
    };
    if let Err(why) = dial(&hub).await {
        let remedy = "start the hub or the tunnel that listens there, or correct `hubs`";
        return cut_off(Finding::failed(&broker, why, remedy));
    }
    let Ok(region) = Region::new(hub.region()) else {
        let remedy = "name a region of a-z, 0-9 and \"-\" in `hubs`";
        return cut_off(Finding::failed(&broker, "its region is no valid name", remedy));
    };
    let (link, mut events) = match listen(&hub, topic::heartbeat(&region, Beat::Feed)) {
        Ok(listening) => listening,
        Err(why) => return cut_off(Finding::failed(&broker, why, "check the limits on this process")),
    };
    let admitted = tokio::time::timeout(ADMIT, events.recv()).await;
    let why = match admitted {
        Ok(Some(LinkEvent::Up { .. })) => None,
        Ok(Some(LinkEvent::Down { reason, .. })) => Some(reason),
        Ok(Some(LinkEvent::Frame { .. } | LinkEvent::Rests) | None) => Some("the link ended".to_owned()),
        Err(_) => Some(format!("it does not let clients in within {} s", ADMIT.as_secs())),
    };
    if let Some(why) = why {
        let remedy = "see that an MQTT broker listens on that port, and that it lets agents in";
        return cut_off(Finding::failed(
            &broker,
            format!("accepts connections, but: {why}"),
            remedy,
        ));
    }
    let heard = tokio::time::timeout(patience, heartbeat(&mut events)).await;
    link.shutdown().await;
    let finding = heard.unwrap_or_else(|_| Err(format!("no heartbeat within {}", duration(millis(patience)))));
    let heard = finding.is_ok();
    let finding = match finding {
        Ok(found) => Finding::ok(&behind, found),
        Err(why) => Finding::failed(
            &behind,
            why,
            "see that the hub runs and serves this region; where its feed.heartbeat_ms is long, say --wait",
        ),
    };
    let admitted = Finding::ok(&broker, "accepts connections and speaks MQTT");
    Way {
        findings: [admitted, finding],
        heard,
    }
}

async fn dial(hub: &BrokerAddress) -> Result<(), String> {
    let host = hub.host().trim_start_matches('[').trim_end_matches(']');
    match tokio::time::timeout(DIAL, TcpStream::connect((host, hub.port()))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", DIAL.as_secs())),
    }
}

fn listen(hub: &BrokerAddress, heartbeats: String) -> Result<(Link, Receiver<LinkEvent>), String> {
    let random = getrandom::u64().map_err(|error| format!("this machine gives no random numbers ({error})"))?;
    let (sender, events) = channel(EVENTS_MAX);
    let config = LinkConfig {
        brokers: vec![hub.clone()],
        // Not the agent's: the broker would put the agent out.
        client_id: format!("headland-doctor-{random:016x}"),
        subscriptions: Box::new(move |_| {
            vec![Subscription {
                filter: heartbeats.clone(),
                qos: Qos::AtMostOnce,
            }]
        }),
        packet_bytes_max: FRAME_BYTES_DEFAULT + PACKET_BYTES_BESIDE,
        keep_alive_s: KEEP_ALIVE_S,
        answer_s_max: ANSWER_S_MAX,
        backoff_ms_base: NEVER_AGAIN_MS,
        backoff_ms_max: NEVER_AGAIN_MS,
    };
    let link = Link::start(config, move |event| -> Delivery { sender.try_send(event).into() });
    link.map(|link| (link, events)).map_err(|error| error.to_string())
}

/// Waits for a heartbeat, and says what it says.
async fn heartbeat(events: &mut Receiver<LinkEvent>) -> Result<String, String> {
    let begun = Instant::now();
    loop {
        match events.recv().await {
            Some(LinkEvent::Frame { payload, .. }) => {
                return match decode_down(&payload) {
                    Ok(Down::Heartbeat(heartbeat)) => {
                        let heard = duration(millis(begun.elapsed()));
                        let age = duration(heartbeat.hub_ms.saturating_sub(heartbeat.as_of_ms));
                        Ok(format!(
                            "heartbeat heard after {heard}; it knew its registry's state {age} before"
                        ))
                    }
                    Ok(_) => Err("what comes as its heartbeat is something else".to_owned()),
                    Err(error) => Err(format!("its heartbeat cannot be read: {error}")),
                };
            }
            Some(LinkEvent::Down { reason, .. }) => return Err(format!("the broker ended the connection: {reason}")),
            Some(LinkEvent::Up { .. } | LinkEvent::Rests) => {}
            None => return Err("the link ended".to_owned()),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
