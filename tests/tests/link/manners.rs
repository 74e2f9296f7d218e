//! What each profile listens to, and what its answers say of their age.

use super::{BACKOFF, fleet, import, status, until_in_step};
use headland_fleet::fleet::Fleet;
use serde_json::Value;
use std::time::Duration;

/// Ten heartbeats of the feed.
const A_WHILE: Duration = Duration::from_secs(2);

fn frames_in(status: &Value) -> u64 {
    status["link"]["frames_in"].as_u64().unwrap()
}

fn age_ms(status: &Value) -> u64 {
    status["age_ms"].as_u64().unwrap()
}

#[tokio::test]
async fn a_mobile_agent_hears_changes_live_but_not_the_heartbeat_of_the_feed_and_its_age_says_so() {
    let mut fleet = fleet().await;
    import(&fleet, "approved", "first").await;
    for profile in ["lan", "lte-m"] {
        let link = format!("[link]\nprofile = \"{profile}\"\n{BACKOFF}[timing]\nacknowledge_ms = 100\n");
        fleet.add_agent_on(&link, "").unwrap();
    }
    for member in 0..2 {
        until_in_step(&mut fleet, member).await;
    }
    // The acknowledgement, and the proof that it brings, come soon after.
    fleet
        .until("the proofs", async |fleet: &mut Fleet| {
            status(fleet, 0).await["proof"]["equal"] == true && status(fleet, 1).await["proof"]["equal"] == true
        })
        .await;
    let before = [status(&fleet, 0).await, status(&fleet, 1).await];
    tokio::time::sleep(A_WHILE).await;
    let after = [status(&fleet, 0).await, status(&fleet, 1).await];
    assert!(frames_in(&after[0]) >= frames_in(&before[0]) + 5);
    assert_eq!(frames_in(&after[1]), frames_in(&before[1]));
    assert!(age_ms(&after[0]) < 1_500, "{}", age_ms(&after[0]));
    // Nothing told it that nothing has changed, and it does not pretend.
    assert!(age_ms(&after[1]) >= 2_000, "{}", age_ms(&after[1]));
    assert_eq!(after[1]["profile"], "lte-m");

    import(&fleet, "approved", "second").await;
    fleet
        .until("both to hear of the change live", async |fleet: &mut Fleet| {
            let mut live = 0;
            for member in 0..2 {
                live += u64::from(super::description(fleet, member).await == "second");
            }
            live == 2
        })
        .await;
    assert_eq!(status(&fleet, 1).await["counts"]["catch_ups"], 1);
    // Asked on demand, it says the present.
    let strong = fleet.members[1]
        .program
        .get("/v1/status?consistency=strong")
        .await
        .unwrap();
    assert!(age_ms(&strong) < 1_500, "{}", age_ms(&strong));
    fleet.end().unwrap();
}

#[tokio::test]
async fn writes_on_a_mobile_link_are_gathered_and_an_agent_that_is_asked_to_sync_sends_them_at_once() {
    let mut fleet = fleet().await;
    import(&fleet, "approved", "first").await;
    let link = format!("[link]\nprofile = \"lte-m\"\nupload_ms = 3600000\n{BACKOFF}");
    fleet.add_agent_on(&link, "").unwrap();
    fleet
        .until("the agent to follow", async |fleet: &mut Fleet| {
            status(fleet, 0).await["phase"] == "live"
        })
        .await;
    for _ in 0..3 {
        let (code, text) = super::run(
            &fleet,
            "agent",
            "agent-1",
            &["annotate", "farm/detector", "misses rust"],
        )
        .await;
        assert_eq!(code, Some(0), "{text}");
    }
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(status(&fleet, 0).await["pending_writes"], 3);
    let (code, text) = super::run(&fleet, "agent", "agent-1", &["sync"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("3 own writes delivered"), "{text}");
    assert_eq!(status(&fleet, 0).await["pending_writes"], 0);
    fleet.end().unwrap();
}

#[tokio::test]
async fn a_grouped_change_that_is_acknowledged_is_there_after_the_agent_was_killed() {
    let mut fleet = fleet().await;
    import(&fleet, "approved", "first").await;
    let link = format!("[link]\nprofile = \"lte-m\"\n{BACKOFF}[timing]\nacknowledge_ms = 0\n");
    fleet.add_agent_on(&link, "").unwrap();
    until_in_step(&mut fleet, 0).await;
    fleet
        .until("the first acknowledgement", async |fleet: &mut Fleet| {
            status(fleet, 0).await["settled"] == true
        })
        .await;
    let said = status(&fleet, 0).await["link"]["frames_out"].as_u64();
    import(&fleet, "approved", "second").await;
    fleet
        .until("the acknowledgement", async |fleet: &mut Fleet| {
            let status = status(fleet, 0).await;
            status["counts"]["live_groups"].as_u64() > Some(0) && status["link"]["frames_out"].as_u64() > said
        })
        .await;
    fleet.members[0].program.kill();
    fleet.members[0].proxy.cut();
    fleet.members[0].program.start_again().unwrap();
    fleet
        .until("the agent to answer", async |fleet: &mut Fleet| {
            status(fleet, 0).await["running"] == true
        })
        .await;
    assert_eq!(super::description(&fleet, 0).await, "second");
    fleet.end().unwrap();
}
