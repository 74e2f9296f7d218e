//! The broker dies in the middle of catch-ups and of uploads, and comes back with nothing.

use crate::region::TestRegion;
use headland_fleet::fleet::BrokerChoice;

/// Of so many agents the upper half loses its links.
const AGENTS: usize = 6;
/// Bytes a second of a slow link: a release takes seconds.
const SLOW: u64 = 16_000;
/// How far into a catch-up the broker dies: further than the welcome, and far from the end.
const BYTES_INTO: u64 = 12_000;

/// Who dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    /// The broker, and the hub with it where that is one process.
    Broker,
    /// Broker and hub.
    BrokerAndHub,
}

/// One round: half of the agents are away for a release and write meanwhile; they return on slow links; in the middle of
/// it everything dies, is written to all the same, and comes back empty.
async fn round(region: &mut TestRegion, number: usize, broker: BrokerChoice, victim: Victim) {
    let away = AGENTS / 2..AGENTS;
    for agent in away.clone() {
        region.fleet.members[agent].proxy.cut();
    }
    region.release(2 * number).await;
    region.write(0..AGENTS).await;
    let before: Vec<u64> = region
        .fleet
        .members
        .iter()
        .map(|member| member.proxy.bytes_down())
        .collect();
    for agent in away.clone() {
        region.fleet.members[agent].proxy.pace(Some(SLOW));
        region.fleet.members[agent].proxy.restore();
    }
    let far = |fleet: &headland_fleet::fleet::Fleet| {
        let mut away = away.clone();
        away.all(|agent| fleet.members[agent].proxy.bytes_down() > before[agent] + BYTES_INTO)
    };
    region.until("all catch-ups to be under way", far).await;
    region.write(away.clone()).await;
    region.fleet.kill_broker();
    if victim == Victim::BrokerAndHub {
        region.fleet.hub.kill();
    }
    let mut pending = 0;
    for agent in away.clone() {
        let agent = region.agent(agent).await;
        assert_ne!(
            agent["settled"], true,
            "it was to be in the middle of its catch-up: {agent:#}"
        );
        pending += agent["pending_writes"].as_u64().unwrap();
    }
    assert!(pending > 0, "uploads were to be pending");
    region.fleet.wipe_broker().unwrap();
    region.write(0..AGENTS).await;
    if broker == BrokerChoice::Mosquitto && victim == Victim::Broker {
        region.release(2 * number + 1).await;
    }
    region.fleet.start_again().await.unwrap();
    region.write(0..AGENTS).await;
    for agent in away {
        region.fleet.members[agent].proxy.pace(None);
    }
    region.until_proven().await;
    region.check().await;
}

async fn tell(broker: BrokerChoice, victim: Victim, rounds: usize) {
    let mut region = TestRegion::start(broker, AGENTS).await;
    for number in 1..=rounds {
        round(&mut region, number, broker, victim).await;
    }
    region.end();
}

#[tokio::test]
async fn nothing_is_lost_or_counted_twice_when_the_hub_dies_with_its_own_broker() {
    tell(BrokerChoice::Embedded, Victim::Broker, 1).await;
}

#[tokio::test]
async fn nothing_is_lost_or_counted_twice_when_mosquitto_dies() {
    tell(BrokerChoice::Mosquitto, Victim::Broker, 1).await;
}

#[tokio::test]
async fn nothing_is_lost_or_counted_twice_when_mosquitto_and_the_hub_die() {
    tell(BrokerChoice::Mosquitto, Victim::BrokerAndHub, 1).await;
}

#[tokio::test]
#[ignore = "long: tests/run --full"]
async fn nothing_is_lost_or_counted_twice_when_brokers_die_again_and_again() {
    for (broker, victim) in [
        (BrokerChoice::Embedded, Victim::Broker),
        (BrokerChoice::Mosquitto, Victim::Broker),
        (BrokerChoice::Mosquitto, Victim::BrokerAndHub),
    ] {
        tell(broker, victim, 10).await;
    }
}
