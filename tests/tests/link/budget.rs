//! A budget of bytes a day.

use super::{BACKOFF, description, fleet, import, run, status, until_in_step};
use headland_fleet::fleet::Fleet;
use serde_json::Value;

/// The least budget that may be set.
const BYTES_PER_DAY: u64 = 32_768;

fn link(bytes_per_day: u64) -> String {
    format!(
        "[link]\nbudget_bytes_per_day = {bytes_per_day}\nheartbeat = \"hour\"\n{BACKOFF}[timing]\nacknowledge_ms = 100\n"
    )
}

/// A text that no compression shortens much.
fn noise(bytes: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[(state >> 58) as usize])
    };
    (0..bytes).map(|_| next()).collect()
}

fn budget(status: &Value) -> &Value {
    &status["budget"]
}

#[tokio::test]
async fn a_spent_budget_stops_notes_then_all_but_what_is_urgent_and_a_restart_does_not_forget_it() {
    let mut fleet = fleet().await;
    import(&fleet, "approved", "first").await;
    fleet.add_agent_on(&link(BYTES_PER_DAY), "").unwrap();
    until_in_step(&mut fleet, 0).await;
    let begun = status(&fleet, 0).await;
    assert_eq!(budget(&begun)["allows"], "everything", "{begun:#}");
    let carried = budget(&begun)["carried_bytes"].as_u64().unwrap();
    let at_the_proxy = super::carried(&fleet, 0);
    assert!(
        carried > at_the_proxy && carried < 5 * at_the_proxy,
        "{carried} of {at_the_proxy}"
    );

    // More than half: notes wait, other changes come.
    import(&fleet, "approved", &noise(18_000)).await;
    fleet
        .until("notes to have to wait", async |fleet: &mut Fleet| {
            budget(&status(fleet, 0).await)["allows"] == "not-notes"
        })
        .await;
    assert_eq!(description(&fleet, 0).await.len(), 18_000);
    let (code, text) = run(
        &fleet,
        "agent",
        "agent-1",
        &["annotate", "farm/detector", "misses rust"],
    )
    .await;
    assert_eq!(code, Some(0), "{text}");

    // All but a reserve: only what is urgent comes.
    import(&fleet, "approved", &noise(17_000)).await;
    fleet
        .until("the budget to be spent", async |fleet: &mut Fleet| {
            budget(&status(fleet, 0).await)["allows"] == "urgent-only"
        })
        .await;
    let known = description(&fleet, 0).await;
    let spent = status(&fleet, 0).await;
    assert_eq!(spent["pending_writes"], 1);
    assert!(budget(&spent)["rest_wait_ms"].as_u64().unwrap() > 20 * 3_600_000);
    start_after_a_crash(&mut fleet).await;
    let again = status(&fleet, 0).await;
    assert_eq!(budget(&again)["allows"], "urgent-only", "{again:#}");
    assert!(budget(&again)["carried_bytes"].as_u64() >= budget(&spent)["carried_bytes"].as_u64());

    import(&fleet, "revoked", "third").await;
    fleet
        .until("the revocation", async |fleet: &mut Fleet| {
            approval(fleet).await == "revoked"
        })
        .await;
    let now = status(&fleet, 0).await;
    assert_eq!(
        (&now["urgent_ahead"], &now["pending_writes"]),
        (&1.into(), &1.into()),
        "{now:#}"
    );
    assert_eq!(description(&fleet, 0).await, known);
    let (code, text) = run(&fleet, "agent", "agent-1", &["sync"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("budget") && text.contains("raise link.budget_bytes_per_day"),
        "{text}"
    );
    let (_, text) = run(&fleet, "agent", "agent-1", &["status"]).await;
    assert!(text.contains("only what is urgent passes"), "{text}");

    // Whoever does what it says has everything.
    raise_the_budget(&mut fleet);
    until_in_step(&mut fleet, 0).await;
    assert_eq!(description(&fleet, 0).await, "third");
    fleet.end().unwrap();
}

async fn approval(fleet: &Fleet) -> String {
    let model = fleet.members[0]
        .program
        .get("/v1/namespaces/default/models/farm%2Fdetector")
        .await;
    let approval = &model.unwrap_or_default()["model"]["versions"]["1"]["approvals"]["field-use"];
    approval.as_str().unwrap_or("").to_owned()
}

async fn start_after_a_crash(fleet: &mut Fleet) {
    fleet.members[0].program.kill();
    fleet.members[0].program.start_again().unwrap();
    fleet
        .until("the link to come back", async |fleet: &mut Fleet| {
            status(fleet, 0).await["hub"].is_object()
        })
        .await;
}

fn raise_the_budget(fleet: &mut Fleet) {
    fleet.members[0].program.stop();
    let file = fleet.directory().join("agent-1.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let raised = config.replace(&BYTES_PER_DAY.to_string(), &(100 * BYTES_PER_DAY).to_string());
    std::fs::write(&file, raised).unwrap();
    fleet.members[0].program.start_again().unwrap();
}
