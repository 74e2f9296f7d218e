//! What a hub and its agents answer.

use crate::region::{annotate, import, start, until, until_equal};
use headland_fleet::fleet::Fleet;
use headland_host::control::request_bytes;
use serde_json::{Value, json};

const DEVICE: &str = "[device.labels]\nsite = \"north\"\n[device.facts]\nmemory_bytes = 512\n";

async fn both(fleet: &Fleet, target: &str) -> (Value, Value) {
    let hub = fleet.hub.get(target).await.unwrap();
    (hub, fleet.members[0].program.get(target).await.unwrap())
}

#[tokio::test]
async fn hub_and_agent_answer_the_same_about_models() {
    let mut fleet = start().await;
    import(&fleet, &["a", "b", "c", "d"]);
    fleet.add_agent("").unwrap();
    until_equal(&mut fleet, "the agent to be in step").await;
    annotate(&fleet, 0, "b", "works on wheat").await;
    let uses = json!({ "amount": 2 });
    let counting = "/v1/namespaces/default/models/c/usage";
    fleet.members[0].program.post(counting, &uses).await.unwrap();
    until_equal(&mut fleet, "what the agent wrote to arrive").await;

    let mut token = String::new();
    for question in [
        "/v1/models?order_by=size%20desc&page_size=2",
        "/v1/models?filter=usage%20%3E%200",
        "/v1/namespaces/default/models?q=b&fields=annotations",
        "/v1/models?filter=task%20%3D%20%22detection%22%20AND%20size%20%3E%201",
    ] {
        let (hub, agent) = both(&fleet, question).await;
        assert_eq!(hub["models"], agent["models"], "{question}");
        assert_ne!(hub["models"], json!([]), "{question}");
        assert_eq!(hub["next_page_token"], agent["next_page_token"], "{question}");
        token = hub["next_page_token"].as_str().map_or(token, ToOwned::to_owned);
    }
    // A token of the one goes on at the other.
    let next = format!("/v1/models?order_by=size%20desc&page_size=2&page_token={token}");
    let (hub, agent) = both(&fleet, &next).await;
    assert_eq!(hub["models"], agent["models"]);
    assert_eq!(hub["models"][1]["name"], "a");

    for part in [
        "",
        "/versions",
        "/aliases",
        "/annotations",
        "/availability",
        "/why?attribute=usage",
    ] {
        let (mut hub, mut agent) = both(&fleet, &format!("/v1/namespaces/default/models/c{part}")).await;
        for freshness in [
            "age_ms",
            "age_basis",
            "as_of",
            "phase",
            "source",
            "consistency",
            "bound_holds",
            "epoch",
            "head",
        ] {
            hub.as_object_mut().unwrap().remove(freshness);
            agent.as_object_mut().unwrap().remove(freshness);
        }
        assert_eq!(hub, agent, "{part}");
    }
    let (hub, agent) = both(&fleet, "/v1/namespaces/default/models/c/usage").await;
    assert_eq!(
        (&hub["usage"], &agent["usage"], &agent["device"]),
        (&json!(2), &json!(2), &json!(2))
    );
    fleet.end().unwrap();
}

#[tokio::test]
async fn the_hub_tells_of_an_agent_its_labels_cursor_lag_proof_and_last_contact() {
    let mut fleet = start().await;
    import(&fleet, &["a", "b"]);
    fleet.add_agent(DEVICE).unwrap();
    fleet.add_agent("").unwrap();
    until_equal(&mut fleet, "the agents to be in step").await;
    let of_one = "/v1/agents/agent-1";
    let answer = until(&mut fleet, of_one, |answer| {
        answer["agent"]["proven"] == true && answer["agent"]["behind"] == 0
    });
    let agent = answer.await["agent"].clone();
    assert_eq!(agent["name"], "agent-1");
    assert_eq!(
        agent["device"],
        json!({ "labels": { "site": "north" }, "facts": { "memory_bytes": 512 } })
    );
    assert_eq!((&agent["acknowledged"], &agent["follow"]), (&json!(1), &json!(["*/*"])));
    assert!(agent["heard_ms_ago"].as_u64().unwrap() < 60_000, "{agent}");
    let both = |answer: &Value| answer["agents_proven_in_sync"] == 2;
    until(&mut fleet, "/v1/status", both).await;

    let first = fleet.hub.get("/v1/agents?page_size=1").await.unwrap();
    assert_eq!(
        (&first["agents"][0]["name"], &first["enrolled"]),
        (&json!("agent-1"), &json!(2))
    );
    let token = first["next_page_token"].as_str().unwrap();
    let second = fleet
        .hub
        .get(&format!("/v1/agents?page_size=1&page_token={token}"))
        .await
        .unwrap();
    assert_eq!(second["agents"][0]["name"], "agent-2");
    assert_eq!(second.get("next_page_token"), None);

    let (_, text) = request_bytes(&fleet.hub.socket(), "/metrics", 1 << 20, 20_000)
        .await
        .unwrap();
    let text = String::from_utf8(text).unwrap();
    for line in [
        "headland_hub_agents 2",
        "headland_hub_agents_proven_in_sync_ratio 1",
        "headland_hub_agents_behind_max 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }

    // An agent that is cut off falls behind.
    fleet.members[0].proxy.cut();
    import(&fleet, &["a", "b", "c"]);
    until(&mut fleet, of_one, |answer| answer["agent"]["behind"] == 1).await;
    fleet.end().unwrap();
}
