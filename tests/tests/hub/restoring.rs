//! A hub that is restored from a backup, with real programs: what its agents wrote since comes back, and nothing that
//! was deleted does.

use crate::region::{annotate, done, hub, import, start, until_equal};
use headland_fleet::fleet::Fleet;
use headland_fleet::fleet::shown::shown;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn remove(fleet: &Fleet, agent: usize, name: &str, id: &str) {
    let target = format!("/v1/namespaces/default/models/{name}/annotations/{id}");
    let socket = fleet.members[agent].program.socket();
    let method = axum::http::Method::DELETE;
    let removed = headland_host::control::request(&socket, method, &target, None, 20_000).await;
    assert!(removed.unwrap().0.is_success());
}

async fn epoch(fleet: &Fleet) -> u32 {
    let status = fleet.hub.get("/v1/status").await.unwrap();
    let epoch = status["epoch"].as_str().unwrap().split('-').next().unwrap();
    epoch.parse().unwrap()
}

#[tokio::test]
async fn a_restored_hub_gets_back_what_agents_wrote_since_and_nothing_deleted_returns() {
    let mut fleet = start().await;
    import(&fleet, &["a", "b", "old"]);
    fleet.add_agent("").unwrap();
    fleet.add_agent("").unwrap();
    until_equal(&mut fleet, "the agents to be in step").await;
    let kept = annotate(&fleet, 0, "a", "from before the backup").await;
    let removed = annotate(&fleet, 0, "a", "from before, and taken back after").await;
    until_equal(&mut fleet, "the notes to arrive").await;

    let backup = fleet.directory().join("backup");
    let backup = backup.to_str().unwrap().to_owned();
    let text = done(&fleet, &["backup", &backup]);
    assert!(text.contains("3 models and 2 agents"), "{text}");

    let since = [
        annotate(&fleet, 0, "a", "from after the backup").await,
        annotate(&fleet, 1, "b", "by the other device").await,
    ];
    remove(&fleet, 0, "a", &removed).await;
    let (counting, uses) = ("/v1/namespaces/default/models/b/usage", json!({ "amount": 3 }));
    fleet.members[1].program.post(counting, &uses).await.unwrap();
    import(&fleet, &["a", "b", "new"]);
    until_equal(&mut fleet, "what came after the backup").await;
    let before = epoch(&fleet).await;

    fleet.hub.stop();
    let (code, text) = hub(&fleet, &["restore", &backup]);
    assert_eq!(code, Some(2), "{text}");
    done(&fleet, &["restore", &backup, "--replace"]);
    fleet.start_again().await.unwrap();
    assert!(epoch(&fleet).await > before, "a restored hub begins a higher epoch");
    import(&fleet, &["a", "b", "new"]);
    until_equal(&mut fleet, "the agents to be in step with the restored hub").await;

    let wanted: BTreeSet<String> = since.iter().cloned().chain([kept]).collect();
    let hub = shown(&fleet.hub).await.unwrap();
    assert_eq!(hub.notes(), wanted);
    assert_eq!(hub.usage(), 3);
    let names: Vec<String> = hub.keys().into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["a", "b", "new"]);
    for member in &fleet.members {
        assert_eq!(shown(&member.program).await.unwrap(), hub, "{}", member.program.name());
    }
    fleet.end().unwrap();
}

#[tokio::test]
async fn agents_that_greet_a_restored_hub_before_an_import_lose_nothing() {
    let mut fleet = start().await;
    import(&fleet, &["a", "b"]);
    fleet.add_agent("").unwrap();
    until_equal(&mut fleet, "the agent to be in step").await;
    let backup = fleet.directory().join("backup");
    let backup = backup.to_str().unwrap().to_owned();
    done(&fleet, &["backup", &backup]);
    let note = annotate(&fleet, 0, "a", "from after the backup").await;
    until_equal(&mut fleet, "the note to arrive").await;

    fleet.hub.stop();
    done(&fleet, &["restore", &backup, "--replace"]);
    fleet.start_again().await.unwrap();
    // Nothing is imported: the registry is as it was, and somebody says so.
    until_equal(&mut fleet, "the agent to be in step with the restored hub").await;
    done(&fleet, &["confirm-restored"]);
    let hub = shown(&fleet.hub).await.unwrap();
    assert_eq!(hub.notes(), BTreeSet::from([note]));
    assert_eq!(shown(&fleet.members[0].program).await.unwrap(), hub);
    let status = fleet.hub.get("/v1/status").await.unwrap();
    assert_eq!(status["restored_ms_ago"], Value::Null);
    fleet.end().unwrap();
}
