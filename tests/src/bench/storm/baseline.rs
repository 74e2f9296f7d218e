//! The comparison: mosquitto brings the same bytes as retained messages to as many plain clients, on the same
//! schedule and through the same proxy.

use super::super::BenchError;
use super::super::process::{Usage, shared_us};
use super::super::progress;
use super::link::SharedLink;
use super::plain::FILTER;
use super::worker::Guests;
use super::workers::Workers;
use super::{CUT, STORM_S_MAX, arrivals};
use crate::fleet::FleetError;
use crate::mosquitto::Mosquitto;
use crate::ports::free_port;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use std::time::{Duration, Instant};

/// How long connecting and cutting may take.
const STEP_S_MAX: u64 = 60;
/// The longest packet of the publisher.
const PACKET_BYTES_MAX: usize = 262_144;

/// What each client is to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

/// What plain delivery took.
#[derive(Debug, Clone, Default)]
pub(super) struct Plain {
    /// For each client, seconds from the return of the link to its last message.
    pub(super) arrivals_s: Vec<f64>,
    pub(super) broker_cpu_s: f64,
    pub(super) clients_cpu_s: f64,
    pub(super) proxy_cpu_s: f64,
    pub(super) bytes_down: u64,
    pub(super) bytes_up: u64,
}

/// Runs the comparison.
pub(super) async fn run(clients: usize, load: Load) -> Result<Plain, BenchError> {
    progress("  mosquitto brings the same bytes to plain clients");
    let directory = tempfile::Builder::new().prefix("headland-plain-").tempdir()?;
    let mosquitto = Mosquitto::start(free_port()?).map_err(FleetError::from)?;
    let broker = mosquitto.id().ok_or_else(|| FleetError::Program {
        program: "mosquitto".to_owned(),
        reason: "it has ended".to_owned(),
    })?;
    let link = SharedLink::start(mosquitto.listen())?;
    let mut workers = Workers::start(directory.path(), directory.path(), Guests::Plain, clients, link.port())?;
    workers.wait_for_start().await?;
    workers
        .wait("plain clients to connect", STEP_S_MAX, 0, |now, all| now.linked == all)
        .await?;
    link.proxy.cut();
    let cut = Instant::now();
    workers
        .wait("plain clients to lose their link", STEP_S_MAX, 0, |now, _| {
            now.linked == 0
        })
        .await?;
    retain(mosquitto.listen().port(), load).await?;
    tokio::time::sleep(CUT.saturating_sub(cut.elapsed())).await;
    workers.events().await?;
    let before = (Usage::of(broker)?, workers.usage()?, link.cpu_s()?);
    let bytes = (link.proxy.bytes_down(), link.proxy.bytes_up());
    let returned_us = shared_us();
    link.proxy.restore();
    workers
        .wait("plain clients to have all", STORM_S_MAX, load.messages, |now, all| {
            now.reached == all
        })
        .await?;
    let events = workers.events().await?;
    let plain = Plain {
        arrivals_s: arrivals(&events, clients, load.messages, returned_us),
        broker_cpu_s: Usage::of(broker)?.cpu_s - before.0.cpu_s,
        clients_cpu_s: workers.usage()?.cpu_s - before.1.cpu_s,
        proxy_cpu_s: link.cpu_s()? - before.2,
        bytes_down: link.proxy.bytes_down() - bytes.0,
        bytes_up: link.proxy.bytes_up() - bytes.1,
    };
    workers.end()?;
    Ok(plain)
}

/// Publishes the load, retained, and waits until the broker has all of it.
async fn retain(port: u16, load: Load) -> Result<(), BenchError> {
    let failed = |reason: String| BenchError::Void(format!("publishing retained messages: {reason}"));
    let mut options = MqttOptions::new("storm-publisher", "127.0.0.1", port);
    options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    let (client, mut events) = AsyncClient::new(options, usize::try_from(load.messages).unwrap_or(usize::MAX));
    for message in 0..load.messages {
        // The first ones carry what cannot be divided.
        let bytes = load.bytes / load.messages + u64::from(message < load.bytes % load.messages);
        let topic = FILTER.replace('+', &message.to_string());
        let payload = vec![b'x'; usize::try_from(bytes).unwrap_or(0)];
        client
            .try_publish(topic, QoS::AtLeastOnce, true, payload)
            .map_err(|error| failed(error.to_string()))?;
    }
    let mut acknowledged = 0;
    let until = tokio::time::Instant::now() + Duration::from_secs(STEP_S_MAX);
    while acknowledged < load.messages {
        match tokio::time::timeout_at(until, events.poll()).await {
            Ok(Ok(Event::Incoming(Packet::PubAck(_)))) => acknowledged += 1,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed(format!("no answer within {STEP_S_MAX} s"))),
        }
    }
    Ok(())
}
