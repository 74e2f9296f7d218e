//! Clients for applications, against a real agent.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "clients/watching.rs"]
mod watching;

use headland_fleet::fleet::program::command;
use headland_fleet::fleet::{BrokerChoice, Fleet, is_equal};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// Far longer than anything here takes, so that only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What documents models comes at once as well.
const FEED: &str = "[feed]\np1_ms_max = 0\np2_ms_max = 0\nheartbeat_ms = 500\n";

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headland-fleet"))
}

/// Has the hub hold three models, of which the first has this licence and the others these descriptions.
fn catalogue(fleet: &Fleet, license: &str, second: &str, third: &str) {
    let version =
        json!({ "version": "1.5", "manifest": { "uri": "oci://farm/1.5" }, "approvals": { "field-use": "approved" } });
    let models = [
        json!({ "id": "farm/detector:1", "attributes": { "task": "detection", "license": license }, "versions": [version], "current": "1.5" }),
        json!({ "id": "farm/second", "attributes": { "task": "detection", "description": second } }),
        json!({ "id": "farm/third", "attributes": { "task": "segmentation", "description": third } }),
    ];
    let file = fleet.directory().join("models.jsonl");
    std::fs::write(&file, models.map(|model| format!("{model}\n")).concat()).unwrap();
    let output = command(binary())
        .args(["hub", "import"])
        .arg(&file)
        .args(["--register", "--config"])
        .arg(fleet.directory().join("hub.toml"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// A hub with three models, and an agent that holds them.
async fn fleet() -> Fleet {
    let mut fleet = Fleet::start(binary(), BrokerChoice::Embedded, FEED).await.unwrap();
    catalogue(&fleet, "mit", "finds weeds", "cuts fields");
    fleet.add_agent("").unwrap();
    in_step(&mut fleet).await;
    fleet
}

async fn in_step(fleet: &mut Fleet) {
    fleet
        .until("the agent to be in step", async |fleet: &mut Fleet| {
            let (hub, agents) = fleet.states().await.unwrap();
            agents[0].as_ref().is_some_and(|agent| is_equal(&hub, agent))
        })
        .await;
}

/// Runs the C client; on another thread, since the fleet's proxy runs on the test's.
async fn resolve_in_c(program: &Path, socket: &Path, task: &str) -> Output {
    let mut client = Command::new(program);
    client.arg(socket).arg(task).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || client.output())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn the_c_client_resolves_a_task_and_tells_the_age() {
    let fleet = fleet().await;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/clients/c/resolve.c");
    let program = fleet.directory().join("resolve");
    let compiled = Command::new("cc")
        .args(["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(source)
        .arg("-lcurl")
        .output()
        .expect("cc is here; tests/run installs it");
    let said = String::from_utf8_lossy(&compiled.stderr);
    assert!(
        compiled.status.success(),
        "libcurl's headers are here, as tests/run installs them: {said}"
    );
    let socket = fleet.directory().join("agent-1.sock");
    let ran = resolve_in_c(&program, &socket, "detection").await;
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let line = String::from_utf8(ran.stdout).unwrap();
    let (version, age) = line.trim_end().split_once(' ').unwrap();
    assert_eq!(version, "1.5");
    assert!(age.parse::<u128>().unwrap() < PATIENCE.as_millis(), "{age}");
    let missing = fleet.directory().join("none.sock");
    for (socket, task, code, said) in [
        (&socket, "tasting \"wine\"", 3, "nothing fits"),
        (&socket, "", 1, "refused with status 400"),
        (&missing, "detection", 1, "is the agent running"),
    ] {
        let ran = resolve_in_c(&program, socket, task).await;
        assert_eq!(ran.status.code(), Some(code), "{ran:?}");
        assert!(String::from_utf8_lossy(&ran.stderr).contains(said), "{ran:?}");
    }
}

#[tokio::test]
async fn the_python_client_reads_resolves_writes_and_watches() {
    let fleet = fleet().await;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut client = Command::new("python3");
    client
        .arg(here.join("tests/clients/against_agent.py"))
        .arg(fleet.directory().join("agent-1.sock"))
        .env("PYTHONPATH", here.join("../agent/clients/python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    // On another thread: the fleet's proxy runs on this one.
    let output = tokio::task::spawn_blocking(move || client.output())
        .await
        .unwrap()
        .expect("python3 is here; tests/run installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
