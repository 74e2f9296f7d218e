//! A device's store holds what is, not what happened: it does not grow with time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use headland_fleet::fleet::{BrokerChoice, Fleet, is_equal};
use serde_json::json;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const MODELS: usize = 50;
/// Counts, and releases: were what each release changes kept, it would be several times what the device holds.
const WARM_UP: usize = 50;
const OFTEN: usize = 400;
/// How much larger a store may be after it: a small file grows by doubling, once free pages lie scattered.
const GROWTH_MAX: f64 = 2.0;
const FEED: &str = "[feed]\np1_ms_max = 0\np2_ms_max = 0\nheartbeat_ms = 200\n";
const TARGET: &str = "/v1/namespaces/field/models/models%2F00";
/// Far longer than it takes, so that only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(60);

async fn release(fleet: &Fleet, number: usize) {
    let mut text = String::new();
    for model in 0..MODELS {
        let attributes = json!({ "task": "detection", "revision": number, "summary": format!("{number} of {model}") });
        let id = format!("models/{model:02}");
        writeln!(text, "{}", json!({ "id": id, "attributes": attributes })).unwrap();
    }
    let file = fleet.directory().join("release.jsonl");
    std::fs::write(&file, text).unwrap();
    let wish = json!({
        "files": [file], "namespace": "field", "allow_removals": true, "register": true, "dry_run": false,
    });
    fleet.hub.post("/v1/import", &wish).await.unwrap();
}

async fn until_equal(fleet: &mut Fleet) {
    let begun = Instant::now();
    loop {
        let (hub, agents) = fleet.states().await.unwrap();
        let agent = agents[0].as_ref();
        if agent.is_some_and(|agent| is_equal(&hub, agent) && agent["head"] == hub["head"]) {
            return;
        }
        if begun.elapsed() > PATIENCE {
            panic!("{}", fleet.too_long("the device to follow", PATIENCE.as_secs()));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn store_bytes(fleet: &Fleet) -> f64 {
    std::fs::metadata(fleet.directory().join("agent-1.redb")).unwrap().len() as f64
}

#[tokio::test]
async fn the_store_of_a_device_does_not_grow_with_what_happens_again_and_again() {
    let binary = Path::new(env!("CARGO_BIN_EXE_headland-fleet"));
    let mut fleet = Fleet::start(binary, BrokerChoice::Embedded, FEED).await.unwrap();
    fleet.add_agent("").unwrap();
    let mut before = 0.0;
    for number in 0..WARM_UP + OFTEN {
        release(&fleet, number).await;
        if number % 10 == 0 {
            until_equal(&mut fleet).await;
        }
        if number == WARM_UP {
            before = store_bytes(&fleet);
        }
    }
    until_equal(&mut fleet).await;
    let after = store_bytes(&fleet);
    assert!(
        after <= before * GROWTH_MAX,
        "{after} bytes after {OFTEN} releases, {before} before"
    );

    fleet.members[0].proxy.cut();
    for _ in 0..OFTEN {
        let count = json!({ "amount": 1 });
        fleet.members[0]
            .program
            .post(&format!("{TARGET}/usage"), &count)
            .await
            .unwrap();
    }
    let agent = fleet.members[0].program.get("/v1/status").await.unwrap();
    assert_eq!(agent["pending_writes"], 1, "{agent:#}");
    fleet.members[0].proxy.restore();
    until_equal(&mut fleet).await;
    let model = fleet.hub.get(TARGET).await.unwrap();
    assert_eq!(model["model"]["counts"]["usage"], OFTEN, "{model:#}");
    fleet.end().unwrap();
}
