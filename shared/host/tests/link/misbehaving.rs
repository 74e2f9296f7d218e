//! What a link does with a broker that does not do its part.

use std::time::{Duration, Instant};

use headland_host::link::{Link, LinkConfig, LinkEvent, Qos, StartError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::inbox::{Owner, config};
use crate::mosquitto::free_port;

const CONNACK: [u8; 4] = [0x20, 2, 0, 0];
const DISCONNECT: [u8; 2] = [0xE0, 0];
const GRANTED: u8 = 0;
const REFUSED: u8 = 0x80;

/// A broker that answers what it is told to and nothing else.
struct Scripted {
    listener: TcpListener,
    port: u16,
}

impl Scripted {
    async fn bind() -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        Self { listener, port }
    }

    /// Accepts a client and answers its CONNECT; gives its SUBSCRIBE.
    async fn subscriber(&self) -> (TcpStream, Vec<u8>) {
        let (mut client, _) = self.listener.accept().await.unwrap();
        assert_eq!(packet(&mut client).await[0], 0x10);
        client.write_all(&CONNACK).await.unwrap();
        let subscribe = packet(&mut client).await;
        assert_eq!(subscribe[0], 0x82);
        (client, subscribe)
    }

    /// Does the same and grants the two subscriptions.
    async fn connected(&self) -> TcpStream {
        let (mut client, subscribe) = self.subscriber().await;
        let suback = suback(&subscribe, [GRANTED, GRANTED]);
        client.write_all(&suback).await.unwrap();
        client
    }
}

/// One packet shorter than 128 bytes.
async fn packet(client: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.unwrap();
    let mut body = vec![0; usize::from(head[1])];
    client.read_exact(&mut body).await.unwrap();
    [head.to_vec(), body].concat()
}

fn suback(subscribe: &[u8], codes: [u8; 2]) -> [u8; 6] {
    [0x90, 4, subscribe[2], subscribe[3], codes[0], codes[1]]
}

fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(2 + topic.len() + payload.len()).unwrap();
    let topic_length = u8::try_from(topic.len()).unwrap();
    [&[0x30, length, 0, topic_length], topic.as_bytes(), payload].concat()
}

#[tokio::test]
async fn refused_subscription_keeps_the_link_down() {
    let broker = Scripted::bind().await;
    let mut owner = Owner::start(config("refused", &[broker.port]));
    let (mut client, subscribe) = broker.subscriber().await;
    let answer = suback(&subscribe, [GRANTED, REFUSED]);
    client.write_all(&answer).await.unwrap();
    let (reason, _) = owner.down().await;
    assert!(reason.contains("refused \"other/#\""), "{reason}");
    assert_eq!(owner.handle().counts().sessions, 0);
}

#[tokio::test]
async fn frame_before_the_grant_is_told_after_the_link_is_up() {
    let broker = Scripted::bind().await;
    let mut owner = Owner::start(config("early", &[broker.port]));
    let (mut client, subscribe) = broker.subscriber().await;
    client.write_all(&publish("other/kept", b"early")).await.unwrap();
    let answer = suback(&subscribe, [GRANTED, GRANTED]);
    client.write_all(&answer).await.unwrap();
    owner.up().await;
    assert_eq!(owner.frame().await.1, b"early");
}

#[tokio::test]
async fn broker_that_falls_silent_counts_as_lost() {
    let broker = Scripted::bind().await;
    let mut owner = Owner::start(LinkConfig {
        keep_alive_s: 1,
        ..config("silent", &[broker.port])
    });
    let _client = broker.connected().await;
    owner.up().await;
    let started = Instant::now();
    owner.down().await;
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(900), "{elapsed:?}");
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}

#[tokio::test]
async fn broker_that_does_not_acknowledge_a_frame_counts_as_lost_whatever_the_keep_alive() {
    let broker = Scripted::bind().await;
    let mut owner = Owner::start(LinkConfig {
        keep_alive_s: 3_600,
        answer_s_max: 1,
        ..config("unheard", &[broker.port])
    });
    let mut client = broker.connected().await;
    owner.up().await;
    // What needs no answer waits for none.
    owner
        .handle()
        .try_send("other/a", b"once".to_vec(), Qos::AtMostOnce)
        .unwrap();
    assert_eq!(packet(&mut client).await[0], 0x30);
    let started = Instant::now();
    owner
        .handle()
        .try_send("other/a", b"surely".to_vec(), Qos::AtLeastOnce)
        .unwrap();
    let (reason, _) = owner.down().await;
    assert_eq!(reason, "no answer within 1 s");
    assert!(started.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn broker_that_closes_at_once_each_time_is_met_with_longer_waits() {
    let broker = Scripted::bind().await;
    let mut owner = Owner::start(LinkConfig {
        backoff_ms_base: 1,
        backoff_ms_max: 64,
        ..config("flapping", &[broker.port])
    });
    let mut waits_ms = Vec::new();
    for session in 1..=12 {
        let client = broker.connected().await;
        assert_eq!(owner.up().await, (broker.port, session));
        drop(client);
        waits_ms.push(owner.down().await.1);
    }
    // By the seventh the ceiling is at its maximum: that none of six passes an eighth of it is
    // once in a quarter of a million.
    assert!(waits_ms[6..].iter().any(|ms| *ms > 8), "{waits_ms:?}");
}

#[tokio::test]
async fn shutdown_says_goodbye() {
    let broker = Scripted::bind().await;
    let mut owner = Owner::start(config("polite", &[broker.port]));
    let mut client = broker.connected().await;
    owner.up().await;
    owner.link.shutdown().await;
    assert_eq!(packet(&mut client).await, DISCONNECT);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_broker_that_does_not_answer() {
    let broker = Scripted::bind().await;
    let owner = Owner::start(config("hasty", &[broker.port]));
    let _held = broker.subscriber().await;
    let started = Instant::now();
    owner.link.shutdown().await;
    assert!(started.elapsed() < Duration::from_millis(1_500));
}

#[tokio::test]
async fn link_ends_when_nobody_takes_its_events() {
    let broker = Scripted::bind().await;
    let (sender, inbox) = std::sync::mpsc::sync_channel::<LinkEvent>(1);
    drop(inbox);
    let sink = move |event| sender.try_send(event).into();
    let _link = Link::start(config("orphan", &[broker.port]), sink).unwrap();
    let mut client = broker.connected().await;
    assert_eq!(packet(&mut client).await, DISCONNECT);
}

#[tokio::test]
async fn configuration_that_cannot_work_does_not_start() {
    let start = |config| Link::start(config, |_| unreachable!()).unwrap_err();
    let good = || config("good", &[1]);
    assert_eq!(start(config("none", &[])), StartError::NoBroker);
    assert_eq!(start(config("", &[1])), StartError::NoClientId);
    let small = LinkConfig {
        packet_bytes_max: 10,
        ..good()
    };
    assert_eq!(start(small), StartError::PacketBytes(10));
    let deaf = LinkConfig {
        keep_alive_s: 0,
        ..good()
    };
    assert_eq!(start(deaf), StartError::NoKeepAlive);
    let hasty = LinkConfig {
        answer_s_max: 0,
        ..good()
    };
    assert_eq!(start(hasty), StartError::NoTimeToAnswer);
}
