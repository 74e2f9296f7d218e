//! A device that sleeps between contacts.

use super::{BACKOFF, carried, description, fleet, import, run, status};
use headland_fleet::fleet::Fleet;
use std::time::Duration;

/// Ten heartbeats of the feed, and longer than a goodbye takes.
const A_WHILE: Duration = Duration::from_secs(2);

async fn sleeper(more: &str) -> Fleet {
    let mut fleet = fleet().await;
    import(&fleet, "approved", "first").await;
    let link = format!("[link]\nprofile = \"satellite\"\n{BACKOFF}{more}\n");
    fleet.add_agent_on(&link, "").unwrap();
    until_asleep(&mut fleet, "first").await;
    fleet
}

async fn until_asleep(fleet: &mut Fleet, knows: &str) {
    fleet
        .until("the device to know it and sleep", async |fleet: &mut Fleet| {
            let status = status(fleet, 0).await;
            status["wakes_in_ms"].is_u64() && status["phase"] == "offline" && description(fleet, 0).await == knows
        })
        .await;
}

#[tokio::test]
async fn a_device_that_sleeps_carries_nothing_until_somebody_asks_it_to_sync() {
    let mut fleet = sleeper("wake_s = 86400").await;
    // It has heard from the hub that both hold the same before it slept.
    assert_eq!(status(&fleet, 0).await["proof"]["equal"], true);
    let before = carried(&fleet, 0);
    import(&fleet, "approved", "second").await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(carried(&fleet, 0), before);
    let asleep = status(&fleet, 0).await;
    assert!(asleep["age_ms"].as_u64().unwrap() >= 2_000);
    assert_eq!(asleep["link"]["sessions"], 1);
    let (_, text) = run(&fleet, "agent", "agent-1", &["status"]).await;
    assert!(text.contains("asleep for another"), "{text}");
    let strong = fleet.members[0].program.get("/v1/status?consistency=strong").await;
    let refused = strong.unwrap_err().to_string();
    assert!(
        refused.contains("asleep") && refused.contains("headland-agent sync"),
        "{refused}"
    );

    let (code, text) = run(&fleet, "agent", "agent-1", &["sync"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 model changed"), "{text}");
    until_asleep(&mut fleet, "second").await;
    assert_eq!(status(&fleet, 0).await["link"]["sessions"], 2);
    fleet.end().unwrap();
}

#[tokio::test]
async fn a_device_that_sleeps_wakes_by_itself_and_an_own_write_wakes_it_where_that_is_set() {
    let mut fleet = sleeper("wake_s = 3").await;
    import(&fleet, "approved", "second").await;
    until_asleep(&mut fleet, "second").await;
    drop(fleet);

    let mut fleet = sleeper("wake_s = 86400\nwake_on_note = true").await;
    let (code, text) = run(
        &fleet,
        "agent",
        "agent-1",
        &["annotate", "farm/detector", "misses rust"],
    )
    .await;
    assert_eq!(code, Some(0), "{text}");
    fleet
        .until("the note to be delivered", async |fleet: &mut Fleet| {
            let status = status(fleet, 0).await;
            status["pending_writes"] == 0 && status["wakes_in_ms"].is_u64() && status["phase"] == "offline"
        })
        .await;
    assert_eq!(status(&fleet, 0).await["link"]["sessions"], 2);
    fleet.end().unwrap();
}

#[tokio::test]
async fn a_device_that_reaches_no_hub_sleeps_when_its_time_is_over() {
    let mut fleet = sleeper("wake_s = 86400\nawake_s_max = 2\n[sync]\ntimeout_s = 1").await;
    fleet.members[0].proxy.cut();
    let (code, text) = run(&fleet, "agent", "agent-1", &["status"]).await;
    assert_eq!(code, Some(0), "{text}");
    fleet.members[0]
        .program
        .post("/v1/sync", &serde_json::json!({}))
        .await
        .unwrap_err();
    fleet
        .until("the device to sleep again", async |fleet: &mut Fleet| {
            status(fleet, 0).await["wakes_in_ms"].is_u64()
        })
        .await;
    fleet.end().unwrap();
}
