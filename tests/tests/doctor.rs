//! The doctor beside a hub.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use headland_fleet::fleet::program::command;
use headland_fleet::fleet::{BrokerChoice, Fleet, is_equal};
use serde_json::Value;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

/// Far longer than anything here takes, so that only a hang runs into it.
const PATIENCE_S: u64 = 60;
const LOOK_EVERY: Duration = Duration::from_millis(50);

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headland-fleet"))
}

/// What the doctor says of the fleet's agent; on another thread, since the fleet's proxy runs on the test's.
async fn examined(fleet: &Fleet, wait_s: &str) -> (Option<i32>, Value) {
    let mut doctor = command(binary());
    doctor
        .args(["agent", "doctor", "--json", "--wait", wait_s, "--config"])
        .arg(fleet.directory().join("agent-1.toml"))
        .stdin(Stdio::null());
    let output: Output = tokio::task::spawn_blocking(move || doctor.output())
        .await
        .unwrap()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), report)
}

fn verdicts(report: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap();
    let name = |one| text(one, "check").split(' ').next().unwrap().to_owned();
    checks.iter().map(|one| (name(one), text(one, "verdict"))).collect()
}

fn are(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted
        .iter()
        .map(|(check, verdict)| (check.to_string(), verdict.to_string()))
        .collect()
}

#[tokio::test]
async fn a_device_in_step_is_sound_and_one_whose_hub_is_gone_is_not() {
    let mut fleet = Fleet::start(binary(), BrokerChoice::Mosquitto, "[feed]\nheartbeat_ms = 300\n")
        .await
        .unwrap();
    fleet.add_agent("").unwrap();
    let begun = Instant::now();
    loop {
        let (hub, agents) = fleet.states().await.unwrap();
        if agents[0].as_ref().is_some_and(|agent| is_equal(&hub, agent)) {
            break;
        }
        if begun.elapsed() > Duration::from_secs(PATIENCE_S) {
            panic!("{}", fleet.too_long("the agent to be in step", PATIENCE_S));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let sessions = |state: &Value| state["link"]["sessions"].as_u64();
    let before = fleet.members[0].program.get("/v1/status").await.unwrap();
    let (code, report) = examined(&fleet, "20").await;
    assert_eq!(code, Some(0), "{report}");
    let ways = [("broker", "ok"), ("hub", "ok")];
    let machine = [
        ("configuration", "ok"),
        ("clock", "ok"),
        ("agent", "ok"),
        ("store", "ok"),
        ("space", "ok"),
    ];
    assert_eq!(
        verdicts(&report),
        are(&[&machine[..], &ways, &[("session", "ok")]].concat()),
        "{report}"
    );
    // The agent's own link was left alone.
    let after = fleet.members[0].program.get("/v1/status").await.unwrap();
    assert_eq!(sessions(&before), sessions(&after));

    fleet.members[0].program.stop();
    let (code, report) = examined(&fleet, "20").await;
    assert_eq!(code, Some(0), "{report}");
    assert!(
        verdicts(&report).contains(&("hub".to_owned(), "ok".to_owned())),
        "{report}"
    );

    fleet.hub.kill();
    let (code, report) = examined(&fleet, "2").await;
    assert_eq!(code, Some(1), "{report}");
    let found = verdicts(&report);
    assert!(
        found.ends_with(&are(&[("broker", "ok"), ("hub", "failed")])),
        "{report}"
    );
    fleet.end().unwrap();
}
