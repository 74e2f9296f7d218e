//! What a link does with a broker that works, stops and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use headland_host::link::{Delivery, LinkBusy, LinkEvent, Qos, Subscription};
use tokio::sync::mpsc;

use crate::inbox::{BACKOFF_MS_MAX, Owner, PACKET_BYTES_MAX, config};
use crate::mosquitto::{Mosquitto, free_port};

#[tokio::test]
async fn frames_reach_the_other_link_as_soon_as_it_is_up() {
    let broker = Mosquitto::start();
    let mut left = Owner::start(config("left", &[broker.port]));
    let mut right = Owner::start(config("right", &[broker.port]));
    left.up().await;
    let (port, session) = right.up().await;
    assert_eq!((port, session), (broker.port, 1));

    for qos in [Qos::AtMostOnce, Qos::AtLeastOnce] {
        left.handle().try_send("test/main/a", b"hello".to_vec(), qos).unwrap();
        let frame = ("test/main/a".to_owned(), b"hello".to_vec());
        assert_eq!(right.frame().await, frame);
        assert_eq!(left.frame().await, frame);
    }
    let sent = left.handle().counts();
    assert_eq!((sent.frames_out, sent.bytes_out), (2, 10));
    let taken = right.handle().counts();
    assert_eq!((taken.frames_in, taken.bytes_in), (2, 10));
    left.link.shutdown().await;
    right.link.shutdown().await;
}

#[tokio::test]
async fn payload_up_to_the_limit_passes_and_one_beyond_is_refused_without_a_loss() {
    let broker = Mosquitto::start();
    let mut owner = Owner::start(config("big", &[broker.port]));
    owner.up().await;
    let topic = "other/a";
    let fits = PACKET_BYTES_MAX - 9 - topic.len();
    let refused = owner.handle().try_send(topic, vec![7; fits + 1], Qos::AtLeastOnce);
    assert_eq!(
        refused,
        Err(LinkBusy::TooLarge {
            packet_bytes: PACKET_BYTES_MAX + 1,
            packet_bytes_max: PACKET_BYTES_MAX,
        })
    );
    for qos in [Qos::AtLeastOnce, Qos::AtMostOnce] {
        owner.handle().try_send(topic, vec![7; fits], qos).unwrap();
        assert_eq!(owner.frame().await.1.len(), fits);
    }
    assert_eq!(owner.handle().counts().sessions, 1);
    assert_eq!(owner.handle().counts().dropped_out, 1);
}

#[tokio::test]
async fn a_link_that_is_told_to_goes_on_to_the_next_broker_and_after_a_loss_begins_at_the_first() {
    let (first, mut second) = (Mosquitto::start(), Mosquitto::start());
    let mut owner = Owner::start(config("choosy", &[first.port, second.port]));
    assert_eq!(owner.up().await.0, first.port);
    // The keeper may not have come to wait for it yet.
    let handle = owner.handle();
    let telling = tokio::spawn(async move {
        loop {
            handle.go_on_to_next();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    owner.down().await;
    telling.abort();
    assert_eq!(owner.up().await.0, second.port);
    second.kill();
    owner.down().await;
    assert_eq!(owner.up().await.0, first.port);
}

#[tokio::test]
async fn broker_that_comes_back_is_found_without_flooding_it() {
    let mut broker = Mosquitto::start();
    let mut owner = Owner::start(config("patient", &[broker.port]));
    owner.up().await;
    broker.kill();

    let started = Instant::now();
    let mut announced_ms = 0;
    for _ in 0..8 {
        let (reason, retry_in_ms) = owner.down().await;
        let now_ms = started.elapsed().as_millis() as u64;
        assert!(now_ms + 1 >= announced_ms, "{now_ms} {announced_ms}");
        assert!(retry_in_ms <= BACKOFF_MS_MAX, "{retry_in_ms}");
        assert!(!reason.is_empty());
        announced_ms += retry_in_ms;
    }
    assert_eq!(
        owner.handle().try_send("other/a", b"lost".to_vec(), Qos::AtLeastOnce),
        Err(LinkBusy::Down)
    );
    broker.restart();
    assert_eq!(owner.up().await, (broker.port, 2));

    // What was refused while the link was down does not turn up later.
    owner
        .handle()
        .try_send("other/a", b"new".to_vec(), Qos::AtLeastOnce)
        .unwrap();
    assert_eq!(owner.frame().await.1, b"new");
}

#[tokio::test]
async fn second_broker_is_used_when_the_first_is_closed_and_the_first_after_a_loss() {
    let mut second = Mosquitto::start();
    let mut first = Mosquitto::start();
    first.kill();
    let mut owner = Owner::start(config("choosy", &[first.port, second.port]));
    assert_eq!(owner.up().await, (second.port, 1));
    first.restart();
    second.kill();
    assert_eq!(owner.up().await, (first.port, 2));
}

#[tokio::test]
async fn frames_are_dropped_and_changes_kept_while_the_sink_is_full() {
    let mut broker = Mosquitto::start();
    let full = Arc::new(AtomicBool::new(true));
    let (offered, mut offers) = mpsc::unbounded_channel();
    let (sender, events) = mpsc::channel(64);
    let sink_full = Arc::clone(&full);
    let sink = move |event: LinkEvent| {
        if sink_full.load(Ordering::SeqCst) {
            let _ = offered.send(event);
            Delivery::Dropped
        } else {
            sender.try_send(event).into()
        }
    };
    let mut owner = Owner::with_sink(config("slow", &[broker.port]), sink, events);
    for _ in 0..3 {
        let offer = offers.recv().await.unwrap();
        assert!(matches!(offer, LinkEvent::Up { session: 1, .. }), "{offer:?}");
    }
    full.store(false, Ordering::SeqCst);
    owner.up().await;

    full.store(true, Ordering::SeqCst);
    owner.handle().try_send("other/a", vec![1], Qos::AtMostOnce).unwrap();
    while !matches!(offers.recv().await.unwrap(), LinkEvent::Frame { .. }) {}
    broker.kill();
    for _ in 0..3 {
        let offer = offers.recv().await.unwrap();
        assert!(matches!(offer, LinkEvent::Down { .. }), "{offer:?}");
    }
    full.store(false, Ordering::SeqCst);
    owner.down().await;
    assert_eq!(owner.handle().counts().dropped_in, 1);
    assert_eq!(owner.handle().counts().frames_in, 0);
}

#[tokio::test]
async fn queue_that_is_full_refuses_without_a_loss() {
    let broker = Mosquitto::start();
    let mut owner = Owner::start(config("burst", &[broker.port]));
    owner.up().await;
    // The task of the link does not run between these, so the queue cannot empty.
    let mut accepted = 0;
    while owner
        .handle()
        .try_send("other/a", vec![0; 16], Qos::AtLeastOnce)
        .is_ok()
    {
        accepted += 1;
    }
    let refused = owner.handle().try_send("other/a", vec![0; 16], Qos::AtLeastOnce);
    assert_eq!(refused, Err(LinkBusy::Full));
    for _ in 0..accepted {
        owner.frame().await;
    }
    assert_eq!(owner.handle().counts().sessions, 1);
    assert_eq!(owner.handle().counts().dropped_out, 2);
}

#[tokio::test]
async fn shutdown_sends_what_is_queued_and_ends_the_link() {
    let broker = Mosquitto::start();
    let mut watcher = Owner::start(config("watcher", &[broker.port]));
    let mut leaver = Owner::start(config("leaver", &[broker.port]));
    watcher.up().await;
    leaver.up().await;
    let handle = leaver.handle();
    handle
        .try_send("other/last", b"words".to_vec(), Qos::AtLeastOnce)
        .unwrap();
    let started = Instant::now();
    leaver.link.shutdown().await;
    assert!(started.elapsed() < Duration::from_millis(1_500));
    assert_eq!(watcher.frame().await.1, b"words");
    let after = handle.try_send("other/last", vec![], Qos::AtMostOnce);
    assert_eq!(after, Err(LinkBusy::Down));
}

#[tokio::test]
async fn topic_with_a_wildcard_is_refused_without_a_loss() {
    let port = free_port();
    let owner = Owner::start(config("wild", &[port]));
    for topic in ["", "a/+", "a/#", "a\0"] {
        let refused = owner.handle().try_send(topic, vec![], Qos::AtMostOnce);
        assert_eq!(refused, Err(LinkBusy::Topic));
    }
}

#[tokio::test]
async fn a_link_that_rests_has_sent_what_was_queued_and_is_away_until_it_is_roused() {
    let broker = Mosquitto::start();
    let mut listener = Owner::start(config("listener", &[broker.port]));
    let mut owner = Owner::start(config("resting", &[broker.port]));
    listener.up().await;
    owner.up().await;
    let handle = owner.handle();
    handle
        .try_send("test/main/a", b"last".to_vec(), Qos::AtLeastOnce)
        .unwrap();
    handle.rest();
    assert_eq!(listener.frame().await.1, b"last");
    loop {
        match owner.next().await {
            LinkEvent::Rests => break,
            LinkEvent::Frame { .. } => {}
            other => panic!("expected the link to rest, got {other:?}"),
        }
    }
    let at_rest = handle.counts();
    let sent = handle.try_send("test/main/a", b"x".to_vec(), Qos::AtLeastOnce);
    assert_eq!(sent, Err(LinkBusy::Down));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(handle.counts().wire_bytes, at_rest.wire_bytes);
    handle.rouse();
    assert_eq!(owner.up().await.1, 2);
}

#[tokio::test]
async fn a_link_that_waits_tries_at_once_when_it_is_told_to() {
    let port = free_port();
    let mut slow = config("waiting", &[port]);
    (slow.backoff_ms_base, slow.backoff_ms_max) = (3_600_000, 3_600_000);
    let mut owner = Owner::start(slow);
    owner.down().await;
    let _broker = Mosquitto::start_at(port);
    // It may not have come to wait yet.
    let handle = owner.handle();
    let telling = tokio::spawn(async move {
        loop {
            handle.try_now();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    owner.up().await;
    telling.abort();
}

#[tokio::test]
async fn subscriptions_change_within_a_session() {
    let broker = Mosquitto::start();
    let mut owner = Owner::start(config("choosing", &[broker.port]));
    owner.up().await;
    let handle = owner.handle();
    let more = Subscription {
        filter: "more/#".into(),
        qos: Qos::AtMostOnce,
    };
    handle.try_subscribe(std::slice::from_ref(&more)).unwrap();
    handle.try_send("more/a", b"1".to_vec(), Qos::AtLeastOnce).unwrap();
    assert_eq!(owner.frame().await.0, "more/a");
    handle.try_unsubscribe(&[more.filter]).unwrap();
    handle.try_send("more/b", b"2".to_vec(), Qos::AtLeastOnce).unwrap();
    handle.try_send("test/main/a", b"3".to_vec(), Qos::AtLeastOnce).unwrap();
    assert_eq!(owner.frame().await.0, "test/main/a");
    assert_eq!(handle.counts().sessions, 1);
}
