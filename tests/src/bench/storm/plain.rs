//! Plain MQTT clients as guests of a worker: rumqttc with the agents' own backoff, and nothing above it.

use super::board::Board;
use super::worker::Arguments;
use headland_host::exit::Failure;
use headland_host::link::{ANSWER_S_MAX, Delivery, Link, LinkConfig, LinkEvent, Qos, Subscription};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What they subscribe to.
pub(super) const FILTER: &str = "storm/part/+";
/// The agents' defaults, which `docs/config.md` lists.
const KEEP_ALIVE_S: u16 = 30;
const BACKOFF_MS_BASE: u64 = 500;
const BACKOFF_MS_MAX: u64 = 60_000;
/// The longest packet: as long as an agent's.
const PACKET_BYTES_MAX: usize = 66_560;

/// Starts all clients. Ends only with a failure.
pub(super) async fn host(arguments: &Arguments, board: &Arc<Board>) -> Failure {
    let mut links = Vec::new();
    for guest in 0..arguments.count {
        match start(guest, arguments, board) {
            Ok(link) => links.push(link),
            Err(failure) => return failure,
        }
    }
    std::future::pending().await
}

fn start(guest: usize, arguments: &Arguments, board: &Arc<Board>) -> Result<Link, Failure> {
    let address = format!("mqtt://127.0.0.1:{}", arguments.port);
    let broker = address.parse().map_err(Failure::failed)?;
    let config = LinkConfig {
        brokers: vec![broker],
        client_id: format!("plain-{}", arguments.first + guest),
        subscriptions: Box::new(|_| {
            vec![Subscription {
                filter: FILTER.to_owned(),
                qos: Qos::AtLeastOnce,
            }]
        }),
        packet_bytes_max: PACKET_BYTES_MAX,
        keep_alive_s: KEEP_ALIVE_S,
        answer_s_max: ANSWER_S_MAX,
        backoff_ms_base: BACKOFF_MS_BASE,
        backoff_ms_max: BACKOFF_MS_MAX,
    };
    let board = Arc::clone(board);
    // Frames of the session that is up.
    let (frames, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let sink = move |event: LinkEvent| {
        match event {
            LinkEvent::Up { .. } => board.stands(guest, true, true),
            LinkEvent::Down { .. } | LinkEvent::Rests => {
                frames.store(0, Ordering::Relaxed);
                board.stands(guest, false, false);
            }
            LinkEvent::Frame { payload, .. } => {
                let frames = frames.fetch_add(1, Ordering::Relaxed) + 1;
                let before = bytes.fetch_add(payload.len() as u64, Ordering::Relaxed);
                board.reaches(guest, frames, frames, before + payload.len() as u64);
            }
        }
        Delivery::Taken
    };
    Link::start(config, sink).map_err(Failure::failed)
}
