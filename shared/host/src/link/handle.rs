//! The way frames get out.

use std::sync::{Arc, Mutex, PoisonError};

use rumqttc::{AsyncClient, QoS, SubscribeFilter};
use tokio::sync::{Notify, watch};

use super::counters::{Counters, LinkCounts};
use super::{Qos, Subscription, wire};

/// The bytes of a PUBLISH packet beside its topic and payload: type, four digits of length, length
/// of the topic, packet identifier.
pub(super) const PUBLISH_BYTES_BESIDE: usize = 1 + 4 + 2 + 2;

/// The longest topic MQTT can carry, in bytes.
const TOPIC_BYTES_MAX: usize = u16::MAX as usize;

/// Why a frame was not accepted for sending. It was dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkBusy {
    /// The link is down.
    #[error("sending a frame: the link is down; send it again once it is up")]
    Down,
    /// The queue is full.
    #[error("sending a frame: the queue to the broker is full; send it again later")]
    Full,
    /// The frame does not fit a packet.
    #[error(
        "sending a frame: its packet of {packet_bytes} bytes is larger than the limit of {packet_bytes_max}; split it, or raise the limit"
    )]
    TooLarge {
        /// The bytes its packet would have at most.
        packet_bytes: usize,
        /// The link's limit.
        packet_bytes_max: usize,
    },
    /// The topic is not one a frame can be sent to.
    #[error("sending a frame: its topic is empty, too long, or holds a wildcard or a zero; correct it")]
    Topic,
}

/// The part of a link its senders and its task share.
#[derive(Debug)]
pub(super) struct Outlet {
    /// The client of the session that is up.
    client: Mutex<Option<AsyncClient>>,
    packet_bytes_max: usize,
    pub(super) counters: Counters,
    /// Wakes a session that is to end for the next broker's.
    pub(super) go_on: Notify,
    /// Wakes a link that waits before it tries again.
    pub(super) try_now: Notify,
    /// Whether the link is to be up.
    pub(super) wanted: watch::Sender<bool>,
}

impl Outlet {
    pub(super) fn new(packet_bytes_max: usize) -> Self {
        Self {
            client: Mutex::new(None),
            packet_bytes_max,
            counters: Counters::default(),
            go_on: Notify::new(),
            try_now: Notify::new(),
            wanted: watch::Sender::new(true),
        }
    }

    /// Lets frames out by `client`, or no longer.
    pub(super) fn set(&self, client: Option<AsyncClient>) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }

    fn with_client<T>(&self, act: impl FnOnce(&AsyncClient) -> T) -> Result<T, LinkBusy> {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        client.as_ref().map(act).ok_or(LinkBusy::Down)
    }

    fn send(&self, topic: &str, payload: Vec<u8>, qos: Qos) -> Result<(), LinkBusy> {
        if topic.is_empty() || topic.len() > TOPIC_BYTES_MAX || topic.contains(['+', '#', '\0']) {
            return Err(LinkBusy::Topic);
        }
        let payload_bytes = payload.len();
        let packet_bytes = PUBLISH_BYTES_BESIDE + topic.len() + payload_bytes;
        if packet_bytes > self.packet_bytes_max {
            return Err(LinkBusy::TooLarge {
                packet_bytes,
                packet_bytes_max: self.packet_bytes_max,
            });
        }
        // The topic was checked above, so that only a full queue is left to fail.
        self.with_client(|client| client.try_publish(topic, qos.into(), false, payload))?
            .map_err(|_| LinkBusy::Full)?;
        self.counters.accepted(payload_bytes);
        self.counters.carried(wire::of_frame(topic.len(), payload_bytes));
        Ok(())
    }
}

impl From<Qos> for QoS {
    fn from(qos: Qos) -> Self {
        match qos {
            Qos::AtMostOnce => Self::AtMostOnce,
            Qos::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

/// Sends frames over a link, from any thread. Clones are handles to the same link.
#[derive(Debug, Clone)]
pub struct LinkHandle {
    outlet: Arc<Outlet>,
}

impl LinkHandle {
    pub(super) fn new(outlet: Arc<Outlet>) -> Self {
        Self { outlet }
    }

    /// Queues a frame for the broker without waiting.
    ///
    /// A frame that was accepted is lost all the same if the connection is; it is never sent in a
    /// later session.
    ///
    /// # Errors
    ///
    /// When the link is down, its queue is full, or the frame does not fit. The frame was then
    /// dropped and counted.
    pub fn try_send(&self, topic: &str, payload: Vec<u8>, qos: Qos) -> Result<(), LinkBusy> {
        let sent = self.outlet.send(topic, payload, qos);
        if sent.is_err() {
            self.outlet.counters.dropped_out();
        }
        sent
    }

    /// Leaves the broker of a session that is up and goes on to the next of the list, as if this one could not be
    /// reached. While no session is up, or it is just taking a frame, this does nothing; ask again then.
    pub fn go_on_to_next(&self) {
        self.outlet.go_on.notify_waiters();
    }

    /// Tries at once to connect, if the link waits before its next attempt; else this does nothing.
    pub fn try_now(&self) {
        self.outlet.try_now.notify_waiters();
    }

    /// Sends what is queued, says goodbye to the broker, and stays away until [`Self::rouse`]. The sink is told once
    /// the link rests.
    pub fn rest(&self) {
        self.outlet.wanted.send_if_modified(std::mem::take);
    }

    /// Ends a rest: the link connects at once.
    pub fn rouse(&self) {
        self.outlet
            .wanted
            .send_if_modified(|wanted| !std::mem::replace(wanted, true));
    }

    /// Subscribes to more in the session that is up. What a later session subscribes to is not changed by it.
    ///
    /// # Errors
    ///
    /// When the link is down or its queue is full.
    pub fn try_subscribe(&self, subscriptions: &[Subscription]) -> Result<(), LinkBusy> {
        let filters = subscriptions.iter();
        let filters = filters.map(|one| SubscribeFilter::new(one.filter.clone(), one.qos.into()));
        let subscribed = self.outlet.with_client(|client| client.try_subscribe_many(filters));
        subscribed?.map_err(|_| LinkBusy::Full)?;
        self.outlet
            .counters
            .carried(wire::of_filters(subscriptions.iter().map(|one| one.filter.as_str())));
        Ok(())
    }

    /// Takes subscriptions back in the session that is up.
    ///
    /// # Errors
    ///
    /// When the link is down or its queue is full; some may have been taken back then.
    pub fn try_unsubscribe(&self, filters: &[String]) -> Result<(), LinkBusy> {
        for filter in filters {
            self.outlet
                .with_client(|client| client.try_unsubscribe(filter))?
                .map_err(|_| LinkBusy::Full)?;
            self.outlet
                .counters
                .carried(wire::of_filters([filter.as_str()].into_iter()));
        }
        Ok(())
    }

    /// What the link has carried and lost so far.
    #[must_use]
    pub fn counts(&self) -> LinkCounts {
        self.outlet.counters.read()
    }
}
