//! A device that follows a part of its scopes, with real programs: what its filter leaves out it does not hold, and
//! what it acknowledges is proven all the same.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use headland_fleet::fleet::program::command;
use headland_fleet::fleet::{BrokerChoice, Fleet, is_equal};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;

const FEED: &str = "[feed]\np1_ms_max = 0\np2_ms_max = 0\nheartbeat_ms = 200\n";
const CHEAP: &str = "filter = \"cost < 10\"\n";

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headland-fleet"))
}

fn run(fleet: &Fleet, role: &str, name: &str, arguments: &[&str]) {
    let mut command = command(binary());
    command.arg(role).args(arguments).arg("--config");
    let output = command
        .arg(fleet.directory().join(format!("{name}.toml")))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{role} {arguments:?}: {output:?}");
}

/// The registry's catalogue: forty models, of which some may be given another cost.
fn import(fleet: &Fleet, costs: &[(usize, u64)]) {
    let model = |number: usize| {
        let cost = costs.iter().find(|(one, _)| *one == number);
        let cost = cost.map_or(number as u64, |(_, cost)| *cost);
        let text = format!("a model that says much of itself: {}", "wheat ".repeat(number));
        let attributes = json!({ "task": "detection", "cost": cost, "description": text });
        format!(
            "{}\n",
            json!({ "id": format!("m{number:02}"), "namespace": "farm", "attributes": attributes })
        )
    };
    let file = fleet.directory().join("models.jsonl");
    std::fs::write(&file, (0..40).map(model).collect::<String>()).unwrap();
    run(fleet, "hub", "hub", &["import", file.to_str().unwrap(), "--register"]);
}

/// Waits until the agent holds and leaves out so many, and hub and agent have proven that both hold the same.
async fn until_proven(fleet: &mut Fleet, models: u64, left_out: u64) {
    let what = format!("an agent that holds {models}, leaves out {left_out} and is proven");
    fleet
        .until(&what, async |fleet: &mut Fleet| {
            let (hub, agents) = fleet.states().await.unwrap();
            let Some(agent) = &agents[0] else {
                return false;
            };
            let held = (agent["models"].as_u64(), agent["left_out"].as_u64());
            is_equal(&hub, agent) && agent["proof"]["equal"] == true && held == (Some(models), Some(left_out))
        })
        .await;
}

async fn status(fleet: &Fleet) -> Value {
    fleet.members[0].program.get("/v1/status").await.unwrap()
}

async fn names(fleet: &Fleet) -> Vec<String> {
    let listing = fleet.members[0]
        .program
        .get("/v1/namespaces/farm/models?page_size=100")
        .await;
    let listing = listing.unwrap();
    let models = listing["models"].as_array().unwrap();
    models
        .iter()
        .map(|model| model["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn what_enters_a_filter_arrives_whole_what_leaves_it_goes_and_own_notes_stay() {
    let mut fleet = Fleet::start(binary(), BrokerChoice::Embedded, FEED).await.unwrap();
    import(&fleet, &[]);
    fleet.add_agent(CHEAP).unwrap();
    until_proven(&mut fleet, 10, 30).await;
    assert_eq!(names(&fleet).await.last().unwrap(), "m09");
    let first = status(&fleet).await;
    assert_eq!(first["filter"], "cost < 10", "{first:#}");

    let note = json!({ "text": "works on wheat" });
    let annotate = "/v1/namespaces/farm/models/m03/annotations";
    fleet.members[0].program.post(annotate, &note).await.unwrap();
    until_proven(&mut fleet, 10, 30).await;

    // One leaves, two enter, one outside changes without entering.
    import(&fleet, &[(3, 99), (20, 1), (21, 2), (30, 77)]);
    until_proven(&mut fleet, 11, 29).await;
    let held = names(&fleet).await;
    assert!(
        !held.contains(&"m03".to_owned()) && held.contains(&"m20".to_owned()),
        "{held:?}"
    );
    let model = fleet.members[0]
        .program
        .get("/v1/namespaces/farm/models/m21")
        .await
        .unwrap();
    let text = model["model"]["attributes"]["description"].as_str().unwrap();
    assert!(text.ends_with("wheat "), "{model:#}");
    assert_eq!(
        status(&fleet).await["counts"]["snapshots"],
        1,
        "it was done by catch-ups"
    );

    import(&fleet, &[(20, 1), (21, 2), (30, 77)]);
    until_proven(&mut fleet, 12, 28).await;
    let notes = fleet.members[0].program.get(annotate).await.unwrap();
    assert_eq!(notes["annotations"][0]["text"], "works on wheat", "{notes:#}");
    fleet.end().unwrap();
}

#[tokio::test]
async fn another_filter_asks_for_everything_anew_and_none_holds_everything() {
    let mut fleet = Fleet::start(binary(), BrokerChoice::Embedded, FEED).await.unwrap();
    import(&fleet, &[]);
    fleet.add_agent(CHEAP).unwrap();
    until_proven(&mut fleet, 10, 30).await;

    let file = fleet
        .directory()
        .join(format!("{}.toml", fleet.members[0].program.name()));
    let written = std::fs::read_to_string(&file).unwrap();
    for (filter, models, left_out) in [("cost >= 35", 5, 35), ("", 40, 0), ("cost < 2", 2, 38)] {
        fleet.members[0].program.stop();
        std::fs::write(&file, written.replace("cost < 10", filter)).unwrap();
        fleet.members[0].program.start_again().unwrap();
        until_proven(&mut fleet, models, left_out).await;
    }
    // A filter that has not changed costs no resync.
    fleet.members[0].program.stop();
    fleet.members[0].program.start_again().unwrap();
    until_proven(&mut fleet, 2, 38).await;
    assert_eq!(status(&fleet).await["counts"]["snapshots"], 0);
    fleet.end().unwrap();
}
