//! A link that carries nothing any more and that nobody ends, as behind an address translation that has forgotten it.

use super::{binary, run, status, until_in_step};
use headland_fleet::fleet::{BrokerChoice, Fleet};

#[tokio::test]
async fn a_link_that_swallows_what_is_sent_is_left_long_before_its_keep_alive_is_over() {
    let mut fleet = Fleet::start(binary(), BrokerChoice::Embedded, super::FEED)
        .await
        .unwrap();
    super::import(&fleet, "approved", "finds weeds").await;
    // The keep-alive of an hour alone would take two to find out.
    let link = format!(
        "[link]\nprofile = \"lte-m\"\nupload_ms = 0\nanswer_s = 2\n{}",
        super::BACKOFF
    );
    fleet.add_agent_on(&link, "").unwrap();
    until_in_step(&mut fleet, 0).await;

    fleet.members[0].proxy.swallow(true);
    let note = ["annotate", "farm/detector", "misses rust"];
    assert_eq!(run(&fleet, "agent", "agent-1", &note).await.0, Some(0));
    fleet
        .until("the agent to leave the link", async |fleet: &mut Fleet| {
            let lost = status(fleet, 0).await["lost"].take();
            lost["reason"]
                .as_str()
                .is_some_and(|reason| reason.contains("within 2 s"))
        })
        .await;
    fleet.members[0].proxy.swallow(false);
    fleet
        .until("the note to be at the hub", async |fleet: &mut Fleet| {
            let notes = fleet.hub.get("/v1/annotations").await.unwrap();
            notes.to_string().contains("misses rust")
        })
        .await;
    until_in_step(&mut fleet, 0).await;
    fleet.end().unwrap();
}
