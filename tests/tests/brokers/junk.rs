//! The broker comes back with what somebody left there: rubbish, and frames of long ago.

use crate::region::TestRegion;
use crate::vandal::{Leave, Listener, repeat};
use headland_fleet::fleet::BrokerChoice;

const AGENTS: usize = 4;

/// A release, notes and counts are overheard. All of it is said again and left retained; the broker dies, and comes back
/// with what it kept. The embedded one keeps nothing: there the same is said again as soon as it is back.
async fn tell(broker: BrokerChoice, leave: Leave) {
    let mut region = TestRegion::start(broker, AGENTS).await;
    let address = region.fleet.broker();
    let mut listener = Listener::start(address).await;
    listener
        .during(async {
            region.release(2).await;
            region.write(0..AGENTS).await;
            for member in &region.fleet.members {
                member.proxy.cut();
            }
            region.release(3).await;
            for member in &region.fleet.members {
                member.proxy.restore();
            }
            region.until_proven().await;
        })
        .await;
    listener.until_heard(&["/up", "/down", "/heartbeat", "/feed/"]).await;
    let heard = listener.heard();
    region.write(0..AGENTS).await;
    region.until_proven().await;

    assert!(repeat(address, &heard, leave).await > 100);
    region.fleet.save_broker().unwrap();
    region.fleet.kill_broker();
    region.write(0..AGENTS).await;
    region.fleet.start_again().await.unwrap();
    if broker == BrokerChoice::Embedded {
        repeat(address, &heard, leave).await;
    }
    region.until_proven().await;
    region.check().await;
    let (hub, agents) = region.fleet.states().await.unwrap();
    assert_eq!(hub["counts"]["names_fenced"], 0, "{hub:#}");
    assert_ne!(
        hub["counts"]["frames_refused"], 0,
        "the rubbish did not arrive: {hub:#}"
    );
    for agent in agents.iter().flatten() {
        assert_eq!(agent["counts"]["lives"], 0, "{agent:#}");
        assert_ne!(
            agent["counts"]["frames_refused"], 0,
            "the rubbish did not arrive: {agent:#}"
        );
    }

    region.release(4).await;
    region.write(0..AGENTS).await;
    region.until_proven().await;
    region.check().await;
    region.end();
}

#[tokio::test]
async fn old_frames_that_mosquitto_kept_change_nothing() {
    tell(BrokerChoice::Mosquitto, Leave::Old).await;
}

#[tokio::test]
async fn rubbish_that_mosquitto_kept_changes_nothing() {
    tell(BrokerChoice::Mosquitto, Leave::Rubbish).await;
}

#[tokio::test]
async fn old_frames_in_the_embedded_broker_change_nothing() {
    tell(BrokerChoice::Embedded, Leave::Old).await;
}

#[tokio::test]
#[ignore = "like the others: tests/run --full"]
async fn rubbish_in_the_embedded_broker_changes_nothing() {
    tell(BrokerChoice::Embedded, Leave::Rubbish).await;
}
