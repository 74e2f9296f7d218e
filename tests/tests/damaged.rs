//! A device whose store was damaged, beside its hub.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use headland_fleet::fleet::program::command;
use headland_fleet::fleet::{BrokerChoice, Fleet, is_equal};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Far longer than anything here takes, so that only a hang runs into it.
const PATIENCE_S: u64 = 60;
const LOOK_EVERY: Duration = Duration::from_millis(50);
const MODEL: &str = "/v1/namespaces/default/models/farm%2Fdetector";

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headland-fleet"))
}

async fn until(fleet: &mut Fleet, what: &str, mut is_so: impl FnMut(&Value, &Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let (hub, agents) = fleet.states().await.unwrap();
        if let Some(agent) = &agents[0]
            && is_so(&hub, agent)
        {
            return agent.clone();
        }
        if begun.elapsed() > Duration::from_secs(PATIENCE_S) {
            panic!("{}", fleet.too_long(what, PATIENCE_S));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn import(fleet: &Fleet) {
    let file = fleet.directory().join("models.jsonl");
    let model = json!({ "id": "farm/detector", "attributes": { "task": "detection" } });
    std::fs::write(&file, format!("{model}\n")).unwrap();
    let output = command(binary())
        .args(["hub", "import", "--register"])
        .arg(&file)
        .arg("--config")
        .arg(fleet.directory().join("hub.toml"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn what_was_written_before_the_damage_reaches_the_hub_once_and_the_catalogue_comes_back() {
    let mut fleet = Fleet::start(binary(), BrokerChoice::Mosquitto, "[feed]\nheartbeat_ms = 300\n")
        .await
        .unwrap();
    import(&fleet);
    fleet.add_agent("").unwrap();
    until(&mut fleet, "the agent to be in step", is_equal).await;
    let agent = &fleet.members[0].program;
    agent
        .post(&format!("{MODEL}/usage"), &json!({ "amount": 5 }))
        .await
        .unwrap();
    until(&mut fleet, "the count to be stored", is_equal).await;
    // What the hub does not hear of before the damage.
    fleet.hub.kill();
    let agent = &fleet.members[0].program;
    agent
        .post(&format!("{MODEL}/usage"), &json!({ "amount": 2 }))
        .await
        .unwrap();
    let note = json!({ "text": "misses rust on leaves" });
    agent.post(&format!("{MODEL}/annotations"), &note).await.unwrap();
    fleet.members[0].program.stop();
    let store = fleet.directory().join("agent-1.redb");
    let mut bytes = std::fs::read(&store).unwrap();
    bytes[..64].fill(0xa5);
    std::fs::write(&store, &bytes).unwrap();
    fleet.members[0].program.may_log("is damaged");
    fleet.members[0].program.start_again().unwrap();
    fleet.start_again().await.unwrap();
    let status = until(&mut fleet, "the agent to be in step again", |hub, agent| {
        agent["models"] == 1 && is_equal(hub, agent)
    })
    .await;
    assert_eq!(status["rescued"]["writes"], 2, "{status}");
    assert_eq!(status["rescued"]["unreadable"], 0, "{status}");
    // The digests are equal: the hub holds what the agent shows.
    let shown = fleet.members[0].program.get(MODEL).await.unwrap();
    assert_eq!(shown["model"]["counts"]["usage"], 7, "{shown}");
    let notes = shown["model"]["annotations"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{shown}");
    fleet.end().unwrap();
}
