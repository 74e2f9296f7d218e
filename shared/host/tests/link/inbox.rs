//! A program that owns a link, as far as these tests need one.

use std::time::{Duration, Instant};

use headland_host::broker_address::BrokerAddress;
use headland_host::link::{Link, LinkConfig, LinkEvent, LinkHandle, LinkSink, Qos, Subscription};
use tokio::sync::mpsc;

pub(crate) const PACKET_BYTES_MAX: usize = 64 * 1024;
pub(crate) const BACKOFF_MS_MAX: u64 = 200;

/// Far longer than anything here takes, so that only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(30);

const INBOX_EVENTS_MAX: usize = 1024;

pub(crate) fn broker_at(port: u16) -> BrokerAddress {
    format!("mqtt://127.0.0.1:{port}/main").parse().unwrap()
}

pub(crate) fn config(client_id: &str, ports: &[u16]) -> LinkConfig {
    LinkConfig {
        brokers: ports.iter().map(|port| broker_at(*port)).collect(),
        client_id: client_id.to_owned(),
        subscriptions: Box::new(|broker| {
            vec![
                Subscription {
                    filter: format!("test/{}/+", broker.region()),
                    qos: Qos::AtLeastOnce,
                },
                Subscription {
                    filter: "other/#".to_owned(),
                    qos: Qos::AtMostOnce,
                },
            ]
        }),
        packet_bytes_max: PACKET_BYTES_MAX,
        keep_alive_s: 5,
        answer_s_max: 5,
        backoff_ms_base: 50,
        backoff_ms_max: BACKOFF_MS_MAX,
    }
}

/// A link and what it told.
pub(crate) struct Owner {
    pub(crate) link: Link,
    events: mpsc::Receiver<LinkEvent>,
}

impl Owner {
    pub(crate) fn start(config: LinkConfig) -> Self {
        let (sender, events) = mpsc::channel(INBOX_EVENTS_MAX);
        let sink = move |event| sender.try_send(event).into();
        Self::with_sink(config, sink, events)
    }

    pub(crate) fn with_sink(
        config: LinkConfig,
        sink: impl LinkSink + 'static,
        events: mpsc::Receiver<LinkEvent>,
    ) -> Self {
        let link = Link::start(config, sink).unwrap();
        Self { link, events }
    }

    pub(crate) fn handle(&self) -> LinkHandle {
        self.link.handle()
    }

    pub(crate) async fn next(&mut self) -> LinkEvent {
        tokio::time::timeout(PATIENCE, self.events.recv())
            .await
            .expect("the link told nothing for too long")
            .expect("the link ended")
    }

    /// The port of the broker and the number of the session, past any failed attempts.
    pub(crate) async fn up(&mut self) -> (u16, u64) {
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < PATIENCE, "the link did not come up");
            match self.next().await {
                LinkEvent::Up { broker, session } => return (broker.port(), session),
                LinkEvent::Down { .. } | LinkEvent::Rests => {}
                frame @ LinkEvent::Frame { .. } => {
                    panic!("a frame before the link was up: {frame:?}")
                }
            }
        }
    }

    /// The reason and the announced wait.
    pub(crate) async fn down(&mut self) -> (String, u64) {
        match self.next().await {
            LinkEvent::Down {
                reason, retry_in_ms, ..
            } => (reason, retry_in_ms),
            other => panic!("expected the link to go down, got {other:?}"),
        }
    }

    pub(crate) async fn frame(&mut self) -> (String, Vec<u8>) {
        match self.next().await {
            LinkEvent::Frame { topic, payload } => (topic, payload),
            other => panic!("expected a frame, got {other:?}"),
        }
    }
}
