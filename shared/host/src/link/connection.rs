//! One connection to one broker, from dialling to its end.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Outgoing, Packet, Publish, SubAck, SubscribeFilter, SubscribeReasonCode,
};
use tokio::time::Instant;

use super::handle::Outlet;
use super::unanswered::Unanswered;
use super::{LinkConfig, LinkEvent, wire};
use crate::broker_address::BrokerAddress;

/// Frames that wait to be sent. It rides out a pause of the socket at the rate at which one
/// program makes frames; more would only be older when they arrive. With the limit on packets, it
/// bounds the memory of a link.
const QUEUE_FRAMES_MAX: usize = 256;

/// Frames sent and not yet acknowledged. Enough to keep a slow line busy, and well below the
/// limits brokers commonly set.
const INFLIGHT_FRAMES_MAX: u16 = 64;

/// Frames that arrived before the last subscription was granted. Brokers send retained frames
/// then; what is beyond a session's beginning is repaired by the protocol above.
const EARLY_FRAMES_MAX: usize = 64;

/// How long a broker may take to accept a connection, in seconds. It is on this machine.
const CONNECT_S_MAX: u64 = 5;

/// How long a broker may take to grant the subscriptions of a connection, in seconds.
const SUBSCRIBE_S_MAX: u64 = 10;

/// How many keep-alives may pass without any progress. One is the time to the next ping, the other
/// the time for its answer.
const SILENT_KEEP_ALIVES_MAX: u32 = 2;

/// A connection and the client that feeds it. It is made anew for each attempt: the state of a
/// failed one holds frames that must not be sent again, and can hold a collision of packet
/// identifiers that never resolves.
pub(super) struct Connection {
    client: AsyncClient,
    events: EventLoop,
    filters: Vec<SubscribeFilter>,
    silence_max: Duration,
    unanswered: Unanswered,
    answer_max: Duration,
    outlet: Arc<Outlet>,
}

/// What was received before the link was up.
#[derive(Default)]
pub(super) struct Early {
    pub(super) frames: Vec<LinkEvent>,
    /// Frames for which there was no room.
    pub(super) dropped: u64,
}

impl Connection {
    /// Prepares a connection to `broker`; nothing is sent yet.
    pub(super) fn new(config: &LinkConfig, broker: &BrokerAddress, outlet: Arc<Outlet>) -> Self {
        let mut options = MqttOptions::new(&config.client_id, broker.host(), broker.port());
        let keep_alive = Duration::from_secs(u64::from(config.keep_alive_s));
        options
            .set_clean_session(true)
            .set_keep_alive(keep_alive)
            .set_inflight(INFLIGHT_FRAMES_MAX)
            .set_max_packet_size(config.packet_bytes_max, config.packet_bytes_max);
        let (client, mut events) = AsyncClient::new(options, QUEUE_FRAMES_MAX);
        events
            .network_options
            .set_connection_timeout(CONNECT_S_MAX)
            .set_tcp_nodelay(true);
        let filters = (config.subscriptions)(broker)
            .into_iter()
            .map(|one| SubscribeFilter::new(one.filter, one.qos.into()))
            .collect();
        Self {
            client,
            events,
            filters,
            silence_max: keep_alive * SILENT_KEEP_ALIVES_MAX,
            unanswered: Unanswered::new(Instant::now()),
            answer_max: Duration::from_secs(u64::from(config.answer_s_max)),
            outlet,
        }
    }

    /// Connects and subscribes. Fails with a reason for people.
    pub(super) async fn establish(&mut self) -> Result<Early, String> {
        self.outlet.counters.carried(wire::of_attempt());
        match self.events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let client_id = self.events.mqtt_options.client_id();
                self.outlet.counters.carried(wire::of_connection(client_id.len()));
            }
            Ok(other) => return Err(format!("connecting: unexpected {other:?}")),
            Err(error) => return Err(format!("connecting: {error}")),
        }
        if self.filters.is_empty() {
            return Ok(Early::default());
        }
        self.client
            .try_subscribe_many(self.filters.iter().cloned())
            .map_err(|_| "subscribing: a topic filter is not valid".to_owned())?;
        let filters = self.filters.iter().map(|filter| filter.path.as_str());
        self.outlet.counters.carried(wire::of_filters(filters));
        let limit = Duration::from_secs(SUBSCRIBE_S_MAX);
        match tokio::time::timeout(limit, self.granted()).await {
            Ok(granted) => granted,
            Err(_) => Err(format!("subscribing: no answer within {SUBSCRIBE_S_MAX} s")),
        }
    }

    async fn granted(&mut self) -> Result<Early, String> {
        let mut early = Early::default();
        loop {
            match self.poll().await {
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    self.check(&answer)?;
                    return Ok(early);
                }
                Ok(Event::Incoming(Packet::Publish(frame))) => {
                    if early.frames.len() < EARLY_FRAMES_MAX {
                        early.frames.push(event_of(frame));
                    } else {
                        early.dropped += 1;
                    }
                }
                Ok(_) => {}
                Err(error) => return Err(format!("subscribing: {error}")),
            }
        }
    }

    fn check(&self, answer: &SubAck) -> Result<(), String> {
        if answer.return_codes.len() != self.filters.len() {
            return Err("subscribing: the broker answered for other topic filters".to_owned());
        }
        let refused = self
            .filters
            .iter()
            .zip(&answer.return_codes)
            .find(|(_, code)| matches!(code, SubscribeReasonCode::Failure));
        match refused {
            None => Ok(()),
            Some((filter, _)) => Err(format!("subscribing: the broker refused {:?}", filter.path)),
        }
    }

    /// The way frames get out over this connection.
    pub(super) fn client(&self) -> AsyncClient {
        self.client.clone()
    }

    /// The next frame that arrives. Fails with a reason for people when the connection ends, or
    /// nothing moves for too long.
    ///
    /// Not to be dropped before it is ready, except to end the connection: a frame half written
    /// would be lost.
    pub(super) async fn frame(&mut self) -> Result<LinkEvent, String> {
        loop {
            let silent_at = Instant::now() + self.silence_max;
            let unanswered_at = self.unanswered.due(self.answer_max).filter(|at| *at < silent_at);
            match tokio::time::timeout_at(unanswered_at.unwrap_or(silent_at), self.poll()).await {
                Ok(Ok(Event::Incoming(Packet::Publish(frame)))) => return Ok(event_of(frame)),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => {
                    return Err(match unanswered_at {
                        Some(_) => format!("no answer within {} s", self.answer_max.as_secs()),
                        None => format!("no sign of life within {} s", self.silence_max.as_secs()),
                    });
                }
            }
        }
    }

    /// The next event, counted.
    async fn poll(&mut self) -> Result<Event, rumqttc::ConnectionError> {
        let event = self.events.poll().await?;
        self.unanswered.note(&event, Instant::now());
        self.outlet.counters.carried(wire::of_event(&event));
        Ok(event)
    }

    /// Sends what is queued and then a goodbye. The caller bounds how long it may take.
    pub(super) async fn goodbye(mut self) {
        let client = self.client.clone();
        let queued = async {
            // Behind what is queued; a queue that is full moves while the loop below polls it.
            let _ = client.disconnect().await;
            std::future::pending::<()>().await;
        };
        let sent = async {
            loop {
                match self.poll().await {
                    Ok(Event::Outgoing(Outgoing::Disconnect)) | Err(_) => break,
                    Ok(_) => {}
                }
            }
        };
        tokio::select! {
            () = sent => {}
            () = queued => {}
        }
    }
}

fn event_of(frame: Publish) -> LinkEvent {
    LinkEvent::Frame {
        topic: frame.topic,
        // Copied: the payload is a view of a receive buffer that may be far larger.
        payload: frame.payload.to_vec(),
    }
}
