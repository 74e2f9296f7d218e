//! A client that overhears everything and says it again, with rubbish beside it.

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// The embedded broker lets only hubs publish for anyone, and goes by the client's id.
const ID: &str = "headland-hub-vandal";
const PACKET_BYTES_MAX: usize = 512 * 1_024;
/// Requests that wait for the broker; no more are made before some are done.
const REQUESTS_MAX: usize = 64;
/// Frames kept of one topic: the first few, which are the oldest.
const FRAMES_MAX: usize = 12;
/// Far longer than it takes, so that only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Frames by their topic, in the order in which they came.
pub(crate) type Heard = BTreeMap<String, Vec<Vec<u8>>>;

/// What listens.
pub(crate) struct Listener {
    _client: AsyncClient,
    connection: EventLoop,
    heard: Heard,
}

fn connect(broker: SocketAddr) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(ID, broker.ip().to_string(), broker.port());
    options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    AsyncClient::new(options, REQUESTS_MAX)
}

impl Listener {
    /// Listens to all that is Headland's; the broker has granted it when this returns.
    pub(crate) async fn start(broker: SocketAddr) -> Self {
        let (client, mut connection) = connect(broker);
        client.subscribe("headland/#", QoS::AtMostOnce).await.unwrap();
        while !matches!(next(&mut connection).await, Event::Incoming(Packet::SubAck(_))) {}
        Self {
            _client: client,
            connection,
            heard: Heard::new(),
        }
    }

    /// Keeps what comes while something else goes on.
    pub(crate) async fn during(&mut self, other: impl Future<Output = ()>) {
        tokio::pin!(other);
        loop {
            tokio::select! {
                () = &mut other => return,
                event = self.connection.poll() => keep(&mut self.heard, event.unwrap()),
            }
        }
    }

    /// Listens on until something of each of these kinds has come.
    pub(crate) async fn until_heard(&mut self, kinds: &[&str]) {
        let is_heard = |heard: &Heard, kind: &str| heard.keys().any(|topic| topic.contains(kind));
        while !kinds.iter().all(|kind| is_heard(&self.heard, kind)) {
            let event = next(&mut self.connection).await;
            keep(&mut self.heard, event);
        }
    }

    /// What was heard.
    pub(crate) fn heard(self) -> Heard {
        self.heard
    }
}

fn keep(heard: &mut Heard, event: Event) {
    if let Event::Incoming(Packet::Publish(frame)) = event {
        let frames = heard.entry(frame.topic).or_default();
        if frames.len() < FRAMES_MAX {
            frames.push(frame.payload.to_vec());
        }
    }
}

/// Says all that was heard once more, then rubbish, and leaves a frame of each topic retained: an old one, or rubbish.
/// The broker has taken all of it when this returns: how many frames.
pub(crate) async fn repeat(broker: SocketAddr, heard: &Heard, leave: Leave) -> usize {
    let rubbish: [&[u8]; 4] = [b"", b"hello", &[1, 16, 0, 200], &[0xff; 3_000]];
    let mut frames: Vec<(&str, Vec<u8>, bool)> = Vec::new();
    for (topic, old) in heard {
        frames.extend(old.iter().map(|frame| (topic.as_str(), frame.clone(), false)));
        frames.extend(rubbish.iter().map(|frame| (topic.as_str(), frame.to_vec(), false)));
        let left = match leave {
            Leave::Old => old[0].clone(),
            Leave::Rubbish => b"rubbish".to_vec(),
        };
        frames.push((topic, left, true));
    }
    let (client, mut connection) = connect(broker);
    let (mut sent, mut taken) = (0, 0);
    while taken < frames.len() {
        while sent < frames.len() && sent - taken < REQUESTS_MAX / 2 {
            let (topic, frame, retain) = &frames[sent];
            client
                .publish(*topic, QoS::AtLeastOnce, *retain, frame.clone())
                .await
                .unwrap();
            sent += 1;
        }
        if matches!(next(&mut connection).await, Event::Incoming(Packet::PubAck(_))) {
            taken += 1;
        }
    }
    taken
}

/// What stays retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// The oldest frame of each topic.
    Old,
    /// No frame at all.
    Rubbish,
}

async fn next(connection: &mut EventLoop) -> Event {
    tokio::time::timeout(PATIENCE, connection.poll())
        .await
        .expect("the broker is silent")
        .unwrap()
}
