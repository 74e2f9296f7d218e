//! How agents behave on their links, with real programs: profiles, contacts, hubs that put off, budgets, networks that
//! come back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "link/budget.rs"]
mod budget;
#[path = "link/half_dead.rs"]
mod half_dead;
#[path = "link/manners.rs"]
mod manners;
#[path = "link/network.rs"]
mod network;
#[path = "link/putting_off.rs"]
mod putting_off;
#[path = "link/sleeping.rs"]
mod sleeping;

use headland_fleet::fleet::program::command;
use headland_fleet::fleet::{BrokerChoice, Fleet, is_equal};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;

const FEED: &str = "[feed]\np1_ms_max = 0\np2_ms_max = 0\nheartbeat_ms = 200\n";
/// Nothing here waits for a link for long.
const BACKOFF: &str = "backoff_ms_base = 200\nbackoff_ms_max = 2000\n";

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headland-fleet"))
}

async fn fleet() -> Fleet {
    Fleet::start(binary(), BrokerChoice::Embedded, FEED).await.unwrap()
}

/// A command's exit code, and what it printed.
async fn run(fleet: &Fleet, role: &str, name: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(binary());
    command.arg(role).args(arguments).arg("--config");
    command
        .arg(fleet.directory().join(format!("{name}.toml")))
        .stdin(Stdio::null());
    // Apart from this thread, which carries what the command waits for.
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code(), said)
}

/// A catalogue of one model whose version is approved or not, with so many bytes of description.
async fn import(fleet: &Fleet, approval: &str, description: &str) {
    let model = json!({
        "id": "farm/detector",
        "attributes": { "task": "detection", "description": description },
        "versions": [{ "version": "1", "manifest": { "uri": "oci://farm/1" }, "approvals": { "field-use": approval } }],
        "current": "1",
    });
    let file = fleet.directory().join("models.jsonl");
    std::fs::write(&file, format!("{model}\n")).unwrap();
    let (code, text) = run(fleet, "hub", "hub", &["import", file.to_str().unwrap(), "--register"]).await;
    assert_eq!(code, Some(0), "{text}");
}

async fn status(fleet: &Fleet, member: usize) -> Value {
    let answer = fleet.members[member].program.get("/v1/status").await;
    answer.unwrap_or_default()
}

async fn until_in_step(fleet: &mut Fleet, member: usize) {
    fleet
        .until("the agent to be in step", async |fleet: &mut Fleet| {
            let (hub, agents) = fleet.states().await.unwrap();
            agents[member].as_ref().is_some_and(|agent| is_equal(&hub, agent))
        })
        .await;
}

/// The description of the one model that an agent shows.
async fn description(fleet: &Fleet, member: usize) -> String {
    let program = &fleet.members[member].program;
    let model = program.get("/v1/namespaces/default/models/farm%2Fdetector").await;
    let model = model.unwrap_or_default();
    model["model"]["attributes"]["description"]
        .as_str()
        .unwrap_or("")
        .to_owned()
}

/// Bytes that an agent's proxy has carried, both ways.
fn carried(fleet: &Fleet, member: usize) -> u64 {
    let proxy = &fleet.members[member].proxy;
    proxy.bytes_up() + proxy.bytes_down()
}
