//! A device resolves with real programs: what the registry says counts at once, and offline as well.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use headland_fleet::fleet::program::command;
use headland_fleet::fleet::{BrokerChoice, Fleet, is_equal};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;

/// The feed alone would take minutes, so that what is seen soon has come by the urgent path.
const FEED: &str = "[feed]\np1_ms_max = 0\np2_ms_max = 0\nheartbeat_ms = 500\n";
const DEVICE: &str = "[device.labels]\nsite = \"north\"\nring = \"early\"\n[device.facts]\nruntimes = [\"onnxruntime\"]\nmemory_bytes = 512\n";

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headland-fleet"))
}

/// A command's exit code, and what it printed to standard output.
fn run(fleet: &Fleet, role: &str, name: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(binary());
    command.arg(role).args(arguments).arg("--config");
    let output = command
        .arg(fleet.directory().join(format!("{name}.toml")))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "", "{role} {arguments:?}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// The registry's catalogue: detector 1.6 is current, its approval is as said.
fn import(fleet: &Fleet, approval: &str) {
    let version = |name: &str, approval: &str, memory: u64| {
        let manifest = json!({ "uri": format!("oci://farm/{name}"), "requires": { "memory_bytes": memory } });
        json!({ "version": name, "manifest": manifest, "approvals": { "field-use": approval } })
    };
    let models = [
        json!({
            "id": "farm/detector", "attributes": { "task": "detection", "languages": ["de", "en"] },
            "versions": [version("1.5", "approved", 256), version("1.6", approval, 512), version("2.0", "approved", 4_096)],
            "current": "1.6",
            "aliases": { "champion": [{ "version": "1.5", "labels": { "ring": ["early", "canary"] } }, { "version": "1.6" }] },
        }),
        json!({ "id": "farm/secret", "attributes": { "task": "detection", "access": { "site": "south" } } }),
        json!({ "id": "farm/other", "attributes": { "task": "segmentation" } }),
    ];
    let file = fleet.directory().join("models.jsonl");
    std::fs::write(&file, models.map(|model| format!("{model}\n")).concat()).unwrap();
    let (code, text) = run(fleet, "hub", "hub", &["import", file.to_str().unwrap(), "--register"]);
    assert_eq!(code, Some(0), "{text}");
}

async fn ask(fleet: &Fleet, question: &Value) -> Value {
    fleet.members[0].program.post("/v1/resolve", question).await.unwrap()
}

fn version(answer: &Value) -> &str {
    answer["answer"]["version"].as_str().unwrap_or("none")
}

/// Why a version of the detector is refused.
fn reason<'a>(answer: &'a Value, version: &str) -> &'a str {
    let refused = answer["refused"].as_array().unwrap();
    let found = refused
        .iter()
        .find(|refused| refused["model"] == "farm/detector" && refused["version"] == version);
    found.unwrap()["reason"]["kind"].as_str().unwrap()
}

#[tokio::test]
async fn a_device_uses_what_it_may_and_a_revocation_counts_at_once_and_offline() {
    let mut fleet = Fleet::start(binary(), BrokerChoice::Embedded, FEED).await.unwrap();
    import(&fleet, "approved");
    // Short frames: changes are fetched after a heartbeat, while what is urgent comes live.
    fleet.add_agent(&format!("frame_bytes_max = 4096\n{DEVICE}")).unwrap();
    fleet
        .until("the agent to be in step", async |fleet: &mut Fleet| {
            let (hub, agents) = fleet.states().await.unwrap();
            agents[0].as_ref().is_some_and(|agent| is_equal(&hub, agent))
        })
        .await;

    let approved = json!({ "task": "detection", "approval": "field-use", "need": { "languages": "de" } });
    let answer = ask(&fleet, &approved).await;
    assert_eq!(
        (version(&answer), &answer["considered"]),
        ("1.6", &json!(2)),
        "{answer:#}"
    );
    assert_eq!(answer["answer"]["manifest"]["uri"], "oci://farm/1.6");
    assert_eq!(
        (reason(&answer, "1.5"), reason(&answer, "2.0")),
        ("outranked", "requires-missing")
    );
    assert_eq!(answer["refused_by"]["access-denied"], 1);
    let champion = json!({ "task": "detection", "alias": "champion" });
    assert_eq!(version(&ask(&fleet, &champion).await), "1.5");

    let agents: Value = serde_json::from_str(&run(&fleet, "hub", "hub", &["agents", "--json"]).1).unwrap();
    let device = &agents["agents"][0]["device"];
    assert_eq!(
        device["labels"],
        json!({ "ring": "early", "site": "north" }),
        "{agents:#}"
    );
    assert_eq!(device["facts"]["memory_bytes"], 512);

    import(&fleet, "revoked");
    fleet
        .until("the revocation to count", async |fleet: &mut Fleet| {
            version(&ask(fleet, &approved).await) == "1.5"
        })
        .await;
    let status = fleet.members[0].program.get("/v1/status").await.unwrap();
    assert_eq!(status["counts"]["urgent"], 1, "{status:#}");

    fleet.members[0].proxy.cut();
    fleet
        .until("the agent to see that it is cut off", async |fleet: &mut Fleet| {
            fleet.members[0].program.get("/v1/status").await.unwrap()["phase"] == "offline"
        })
        .await;
    let answer = ask(&fleet, &approved).await;
    assert_eq!((version(&answer), reason(&answer, "1.6")), ("1.5", "revoked"));
    assert!(
        answer["age_ms"].as_u64().is_some() && answer["phase"] == "offline",
        "{answer:#}"
    );

    // The command says the same, and without the daemon too.
    let arguments = [
        "resolve",
        "detection",
        "--approval",
        "field-use",
        "--need",
        "languages=de,en",
    ];
    let (code, text) = run(&fleet, "agent", "agent-1", &arguments);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.starts_with("farm/detector 1.5\nfor detection on agent-1, as of "),
        "{text}"
    );
    assert!(
        text.contains("farm/detector  1.6      approval field-use of this version was revoked\n"),
        "{text}"
    );
    fleet.members[0].program.stop();
    let (code, text) = run(&fleet, "agent", "agent-1", &arguments);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.starts_with("farm/detector 1.5\n") && text.contains(" ago"),
        "{text}"
    );
    let (code, text) = run(
        &fleet,
        "agent",
        "agent-1",
        &["resolve", "detection", "--need", "languages=fr"],
    );
    assert_eq!(code, Some(3), "{text}");
    assert!(text.starts_with("no version fits\n"), "{text}");
    fleet.end().unwrap();
}

#[tokio::test]
async fn what_a_device_reports_of_a_model_counts_there_and_is_told_at_the_hub() {
    let mut fleet = Fleet::start(binary(), BrokerChoice::Embedded, FEED).await.unwrap();
    import(&fleet, "approved");
    for _ in 0..2 {
        fleet.add_agent(DEVICE).unwrap();
    }
    let in_step = async |fleet: &mut Fleet| {
        let (hub, agents) = fleet.states().await.unwrap();
        let equal = |agent: &Option<_>| agent.as_ref().is_some_and(|agent| is_equal(&hub, agent));
        agents.iter().all(equal)
    };
    fleet.until("the agents to be in step", in_step).await;
    let (code, text) = run(&fleet, "agent", "agent-1", &["report", "farm/detector", "down"]);
    assert_eq!(
        (code, text.as_str()),
        (Some(0), "default/farm/detector: down on this device\n")
    );
    let at = "/v1/namespaces/default/models/farm%2Fdetector/availability";
    fleet
        .until("the hub to know the report", async |fleet: &mut Fleet| {
            let told = fleet.hub.get(at).await.unwrap();
            told["against"][0]["actor"] == "agent-1"
        })
        .await;
    let told = fleet.hub.get(at).await.unwrap();
    assert_eq!(told["availability"], Value::Null, "{told:#}");
    assert_eq!(told["against"][0]["value"], "down");
    assert_eq!(
        told["against"][0]["because"],
        "what a device reports counts on that device alone"
    );
    // The other device knows of it as well, by then, and goes on with the model.
    fleet.until("the agents to be in step again", in_step).await;
    let question = json!({ "task": "detection" });
    let of = async |fleet: &Fleet, which: usize| {
        let answer = fleet.members[which]
            .program
            .post("/v1/resolve", &question)
            .await
            .unwrap();
        version(&answer).to_owned()
    };
    assert_eq!(
        (of(&fleet, 0).await, of(&fleet, 1).await),
        ("none".to_owned(), "1.6".to_owned())
    );
    let told = fleet.members[1].program.get(at).await.unwrap();
    assert_eq!(
        (&told["availability"], &told["against"][0]["value"]),
        (&Value::Null, &json!("down"))
    );

    run(&fleet, "agent", "agent-1", &["report", "farm/detector", "--take-back"]);
    assert_eq!(of(&fleet, 0).await, "1.6");
    fleet
        .until("the hub to know that it was taken back", async |fleet: &mut Fleet| {
            fleet.hub.get(at).await.unwrap()["against"][0]["value"].is_null()
        })
        .await;
    fleet.until("the agents to be in step at the end", in_step).await;
    fleet.end().unwrap();
}
