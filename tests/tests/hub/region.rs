//! A fleet whose hub is told things by its command line.

use headland_fleet::fleet::program::command;
use headland_fleet::fleet::{BrokerChoice, Fleet, is_equal};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Far longer than anything here takes, so that only a hang runs into it.
const PATIENCE_S: u64 = 120;
const LOOK_EVERY: Duration = Duration::from_millis(50);
const FEED: &str = "[feed]\np1_ms_max = 0\np2_ms_max = 0\nheartbeat_ms = 500\n";

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headland-fleet"))
}

pub(crate) async fn start() -> Fleet {
    Fleet::start(binary(), BrokerChoice::Embedded, FEED).await.unwrap()
}

/// A hub command's exit code, and what it said.
pub(crate) fn hub(fleet: &Fleet, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(binary());
    command.arg("hub").args(arguments).arg("--config");
    let output = command
        .arg(fleet.directory().join("hub.toml"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// What a hub command said that did what it was told.
pub(crate) fn done(fleet: &Fleet, arguments: &[&str]) -> String {
    let (code, text) = hub(fleet, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {text}");
    text
}

/// The registry holds exactly these models.
pub(crate) fn import(fleet: &Fleet, names: &[&str]) {
    let line = |(size, name): (usize, &&str)| {
        let attributes = json!({ "task": "detection", "size": size });
        format!("{}\n", json!({ "id": name, "attributes": attributes }))
    };
    let file = fleet.directory().join("models.jsonl");
    std::fs::write(&file, names.iter().enumerate().map(line).collect::<String>()).unwrap();
    let file = file.to_str().unwrap();
    done(fleet, &["import", file, "--register", "--allow-removals"]);
}

pub(crate) async fn until_equal(fleet: &mut Fleet, what: &str) {
    let begun = Instant::now();
    loop {
        let (hub, agents) = fleet.states().await.unwrap();
        let equal = |agent: &Option<Value>| agent.as_ref().is_some_and(|agent| is_equal(&hub, agent));
        if agents.iter().all(equal) {
            return;
        }
        if begun.elapsed() > Duration::from_secs(PATIENCE_S) {
            panic!("{}", fleet.too_long(what, PATIENCE_S));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits until an answer of the hub is as wanted, and gives it.
pub(crate) async fn until(fleet: &mut Fleet, target: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let answer = fleet.hub.get(target).await.unwrap();
        if wanted(&answer) {
            return answer;
        }
        if begun.elapsed() > Duration::from_secs(PATIENCE_S) {
            panic!("{answer:#}: {}", fleet.too_long(target, PATIENCE_S));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Has an agent write a note; gives its id.
pub(crate) async fn annotate(fleet: &Fleet, agent: usize, name: &str, text: &str) -> String {
    let target = format!("/v1/namespaces/default/models/{name}/annotations");
    let body = json!({ "text": text });
    let written = fleet.members[agent].program.post(&target, &body).await;
    written.unwrap()["id"].as_str().unwrap().to_owned()
}
