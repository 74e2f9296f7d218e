use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet, Publish, QoS,
    SubscribeReasonCode,
};

use super::*;

/// How long anything awaited here may take; local, so far more than it needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests a test may make before it looks after its connection.
const REQUESTS: usize = 10_000;

const PACKET_BYTES_MAX: u32 = 128 * 1024;

/// A port below those Linux chooses for outgoing connections, from a place of this process's own.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 160) * 50;
    loop {
        let nth = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(12_000 + (start + nth) % 8_000).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn config(port: u16) -> BrokerConfig {
    BrokerConfig {
        listen: (Ipv4Addr::LOCALHOST, port).into(),
        packet_bytes_max: PACKET_BYTES_MAX,
        connections_max: 100,
    }
}

fn broker() -> Broker {
    Broker::start(config(free_port())).unwrap()
}

struct Peer {
    client: AsyncClient,
    events: EventLoop,
}

impl Peer {
    fn new(broker: &Broker, id: &str, will: Option<&str>) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", broker.listen().port());
        options.set_max_packet_size(PACKET_BYTES_MAX as usize, PACKET_BYTES_MAX as usize);
        if let Some(topic) = will {
            options.set_last_will(LastWill::new(topic, "gone", QoS::AtLeastOnce, false));
        }
        let (client, events) = AsyncClient::new(options, REQUESTS);
        Self { client, events }
    }

    async fn connect(broker: &Broker, id: &str) -> Self {
        let mut peer = Self::new(broker, id, None);
        peer.until(|event| matches!(event, Packet::ConnAck(_)).then_some(()))
            .await
            .unwrap();
        peer
    }

    /// What `wanted` finds in the first packet from the broker that has it.
    async fn until<T>(&mut self, wanted: impl Fn(Packet) -> Option<T>) -> Result<T, ConnectionError> {
        let search = async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await?
                    && let Some(found) = wanted(packet)
                {
                    return Ok(found);
                }
            }
        };
        tokio::time::timeout(PATIENCE, search)
            .await
            .expect("the broker answers in time")
    }

    async fn subscribe(&mut self, filter: &str) -> SubscribeReasonCode {
        self.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        self.until(|packet| match packet {
            Packet::SubAck(ack) => ack.return_codes.first().copied(),
            _ => None,
        })
        .await
        .unwrap()
    }

    async fn publish(&mut self, topic: &str, payload: &[u8]) -> Result<(), ConnectionError> {
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .await
            .unwrap();
        self.until(|packet| matches!(packet, Packet::PubAck(_)).then_some(()))
            .await
    }

    async fn next(&mut self) -> Publish {
        self.until(|packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        })
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn a_large_message_reaches_its_subscriber_unchanged() {
    let broker = broker();
    let mut hub = Peer::connect(&broker, "headland-hub-eu").await;
    assert_ne!(
        hub.subscribe("headland/1/eu/agent/+/up").await,
        SubscribeReasonCode::Failure
    );
    let mut agent = Peer::connect(&broker, "headland-agent-a").await;
    let payload = (0..60 * 1024).map(|nth: u32| nth.to_le_bytes()[0]).collect::<Vec<_>>();
    agent.publish("headland/1/eu/agent/a/up", &payload).await.unwrap();
    let arrived = hub.next().await;
    assert_eq!(arrived.topic, "headland/1/eu/agent/a/up");
    assert!(arrived.payload == payload);
}

#[tokio::test]
async fn a_burst_waits_for_a_subscriber_that_is_busy() {
    const BURST: usize = 5_000;
    let broker = broker();
    let mut hub = Peer::connect(&broker, "headland-hub-eu").await;
    hub.subscribe("headland/1/eu/agent/+/up").await;
    let mut agent = Peer::connect(&broker, "headland-agent-a").await;
    for nth in 0..BURST {
        let payload = nth.to_string();
        let topic = "headland/1/eu/agent/a/up";
        agent
            .client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .await
            .unwrap();
    }
    for _ in 0..BURST {
        agent
            .until(|packet| matches!(packet, Packet::PubAck(_)).then_some(()))
            .await
            .unwrap();
    }
    for nth in 0..BURST {
        assert_eq!(hub.next().await.payload, nth.to_string());
    }
}

#[tokio::test]
async fn what_an_agent_publishes_for_another_does_not_arrive() {
    let broker = broker();
    let mut hub = Peer::connect(&broker, "headland-hub-eu").await;
    hub.subscribe("headland/#").await;

    let mut agent = Peer::connect(&broker, "headland-agent-a").await;
    assert!(agent.publish("headland/1/eu/agent/b/up", b"forged").await.is_err());
    // What comes first shows that nothing came before. Another agent, because the broker may
    // refuse a client that comes back while it still ends the client's last connection.
    let mut other = Peer::connect(&broker, "headland-agent-c").await;
    other.publish("headland/1/eu/agent/c/up", b"its own").await.unwrap();
    assert_eq!(hub.next().await.payload, "its own");
}

#[tokio::test]
async fn an_agent_may_not_listen_to_another() {
    let broker = broker();
    let mut agent = Peer::connect(&broker, "headland-agent-a").await;
    let failure = SubscribeReasonCode::Failure;
    assert_eq!(agent.subscribe("headland/1/+/agent/b/down").await, failure);
    assert_eq!(agent.subscribe("headland/#").await, failure);
    assert_ne!(agent.subscribe("headland/1/+/agent/a/down").await, failure);
}

#[tokio::test]
async fn a_will_for_another_agent_is_refused_with_the_connection() {
    let broker = broker();
    let will = Some("headland/1/eu/agent/b/up");
    let mut agent = Peer::new(&broker, "headland-agent-a", will);
    let refused = agent.until(|_| None::<()>).await.unwrap_err();
    let reason = ConnectReturnCode::NotAuthorized;
    assert!(matches!(refused, ConnectionError::ConnectionRefused(code) if code == reason));

    let will = Some("headland/1/eu/agent/a/up");
    let mut agent = Peer::new(&broker, "headland-agent-a", will);
    agent
        .until(|event| matches!(event, Packet::ConnAck(_)).then_some(()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_client_of_mqtt_5_is_served_and_held_to_the_same_rules() {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::{AsyncClient, Event, Incoming, MqttOptions};

    let broker = broker();
    let mut hub = Peer::connect(&broker, "headland-hub-eu").await;
    hub.subscribe("headland/#").await;

    let own = "headland/1/eu/agent/c/up";
    for (id, topic, refused) in [
        ("headland-agent-a", "headland/1/eu/agent/b/up", true),
        ("headland-agent-c", own, false),
    ] {
        let options = MqttOptions::new(id, "127.0.0.1", broker.listen().port());
        let (client, mut events) = AsyncClient::new(options, REQUESTS);
        client.publish(topic, QoS::AtLeastOnce, false, "x").await.unwrap();
        let ended_badly = async {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Incoming::PubAck(_))) => return false,
                    Ok(_) => {}
                    Err(_) => return true,
                }
            }
        };
        let ended_badly = tokio::time::timeout(PATIENCE, ended_badly).await.unwrap();
        assert_eq!(ended_badly, refused, "{topic}");
    }
    assert_eq!(hub.next().await.topic, own);
}

#[tokio::test]
async fn a_client_above_the_limit_is_refused() {
    let broker = Broker::start(BrokerConfig {
        connections_max: 1,
        ..config(free_port())
    })
    .unwrap();
    let _first = Peer::connect(&broker, "headland-hub-eu").await;
    let mut second = Peer::new(&broker, "headland-agent-a", None);
    let refused = second.until(|_| None::<()>).await.unwrap_err();
    let reason = ConnectReturnCode::ServiceUnavailable;
    assert!(matches!(refused, ConnectionError::ConnectionRefused(code) if code == reason));
}

#[tokio::test]
async fn stopping_disconnects_clients_and_the_next_start_has_the_port() {
    let port = free_port();
    for _ in 0..3 {
        let broker = Broker::start(config(port)).unwrap();
        assert!(broker.is_serving());
        let mut client = Peer::connect(&broker, "headland-hub-eu").await;
        broker.stop();
        assert!(client.until(|_| None::<()>).await.is_err());
    }
}

#[test]
fn it_starts_and_stops_without_a_runtime_around_it() {
    let port = free_port();
    for _ in 0..3 {
        Broker::start(config(port)).unwrap().stop();
    }
}

#[test]
fn a_port_in_use_is_an_error_that_names_it_and_the_remedy() {
    let first = broker();
    let error = Broker::start(config(first.listen().port())).unwrap_err();
    assert!(matches!(error, BrokerStartError::AddressInUse { .. }));
    let said = error.to_string();
    assert!(said.contains(&first.listen().to_string()), "{said}");
    assert!(said.contains("`broker.listen` in hub.toml"), "{said}");
}

#[test]
fn an_address_others_can_reach_is_refused() {
    let listen = (Ipv4Addr::UNSPECIFIED, 1).into();
    let error = Broker::start(BrokerConfig { listen, ..config(1) }).unwrap_err();
    assert!(matches!(error, BrokerStartError::NotLoopback { .. }));
}

#[test]
fn a_limit_of_zero_is_refused() {
    let config = config(free_port());
    for (config, named) in [
        (
            BrokerConfig {
                packet_bytes_max: 0,
                ..config
            },
            "packet_bytes_max",
        ),
        (
            BrokerConfig {
                connections_max: 0,
                ..config
            },
            "connections_max",
        ),
    ] {
        let error = Broker::start(config).unwrap_err();
        assert!(matches!(error, BrokerStartError::LimitZero { setting } if setting == named));
    }
}
