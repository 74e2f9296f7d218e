//! A hub that says when it wants to be asked again.

use super::{BACKOFF, fleet, import, status, until_in_step};
use headland_fleet::fleet::Fleet;

#[tokio::test]
async fn a_hub_that_puts_an_agent_off_is_not_asked_earlier_however_often_the_link_breaks() {
    let mut fleet = fleet().await;
    import(&fleet, "approved", "first").await;
    fleet.add_agent_on(&format!("[link]\n{BACKOFF}"), "").unwrap();
    until_in_step(&mut fleet, 0).await;
    // A hub that has lost everything and has heard nothing yet from its registry is behind, and says so.
    fleet.hub.stop();
    std::fs::remove_file(fleet.directory().join("hub.redb")).unwrap();
    fleet.start_again().await.unwrap();
    fleet
        .until("the agent to be put off", async |fleet: &mut Fleet| {
            let status = status(fleet, 0).await;
            status["phase"] == "greeting" && status["link"]["frames_in"].as_u64() > Some(0) && is_answered(&status)
        })
        .await;
    let asked = frames_out(&status(&fleet, 0).await);
    let sessions = sessions(&status(&fleet, 0).await);
    for nth in 1..=3 {
        fleet.members[0].proxy.cut();
        fleet
            .until("the link to break", async |fleet: &mut Fleet| {
                status(fleet, 0).await["hub"].is_null()
            })
            .await;
        fleet.members[0].proxy.restore();
        fleet
            .until("the link to come back", async |fleet: &mut Fleet| {
                let status = status(fleet, 0).await;
                status["hub"].is_object() && self::sessions(&status) == sessions + nth
            })
            .await;
    }
    assert_eq!(frames_out(&status(&fleet, 0).await), asked);
    // When its time has come it asks, and the registry has spoken meanwhile.
    import(&fleet, "approved", "second").await;
    until_in_step(&mut fleet, 0).await;
    fleet.end().unwrap();
}

/// Whether the session that is up has heard the answer to its hello: nothing is waited for but the time.
fn is_answered(status: &serde_json::Value) -> bool {
    status["phase_for_ms"].as_u64() > Some(1_000)
}

fn frames_out(status: &serde_json::Value) -> u64 {
    status["link"]["frames_out"].as_u64().unwrap()
}

fn sessions(status: &serde_json::Value) -> u64 {
    status["link"]["sessions"].as_u64().unwrap()
}
