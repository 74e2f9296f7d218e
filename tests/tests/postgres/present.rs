//! The present: what somebody committed in the database a moment ago, and what is said when it cannot be had.

use crate::metrics::metric;
use crate::place::Place;
use headland_host::control::request_blocking;
use headland_host::text::segment;
use serde_json::{Value, json};
use std::time::Instant;

const ROUNDS: usize = 15;

fn at_hub(place: &Place, model: &str, how: &str) -> (u16, Value) {
    let target = format!("/v1/namespaces/default/models/{}?{how}", segment(model));
    let get = axum::http::Method::GET;
    let (status, answer) = request_blocking(&place.path("hub.sock"), get, &target, None, 60_000).unwrap();
    (status.as_u16(), answer)
}

fn describe(place: &Place, text: &str) {
    place.sql(&format!(
        "UPDATE registered_models SET description = '{text}' WHERE name = 'farm/1'"
    ));
}

#[test]
fn a_strong_read_at_a_hub_sees_what_was_committed_just_before() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let mut waited = Vec::new();
    for round in 0..ROUNDS {
        let text = format!("round {round}");
        describe(&place, &text);
        let asked = Instant::now();
        let (status, answer) = at_hub(&place, "farm/1", "consistency=strong");
        waited.push(asked.elapsed());
        assert_eq!(
            (status, &answer["model"]["attributes"]["description"]),
            (200, &json!(text)),
            "{answer}"
        );
        assert_eq!(
            (&answer["consistency"], &answer["bound_holds"]),
            (&json!("strong"), &json!(true))
        );
    }
    let numbers = place.metrics();
    let had = "headland_hub_present_total{for=\"read\",outcome=\"had\"}";
    assert_eq!(metric(&numbers, had), Some(ROUNDS as f64), "{numbers}");
    let waits = metric(&numbers, "headland_hub_present_seconds_total{for=\"read\"}");
    assert!(waits > Some(0.0), "{numbers}");
    waited.sort();
    println!(
        "strong reads at the hub: half within {:?}, all within {:?}",
        waited[ROUNDS / 2],
        waited[ROUNDS - 1]
    );
}

#[test]
fn a_strong_read_at_an_agent_sees_what_was_committed_just_before() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let _agent = place.agent();
    let mut waited = Vec::new();
    for round in 0..ROUNDS {
        let text = format!("round {round}");
        describe(&place, &text);
        let asked = Instant::now();
        let answer = place.ask_agent(
            "/v1/namespaces/default/models/farm%2F1?consistency=strong&timeout=20s",
            None,
        );
        waited.push(asked.elapsed());
        assert_eq!(answer["model"]["attributes"]["description"], text, "{answer}");
    }
    let numbers = place.metrics();
    let present = metric(&numbers, "headland_hub_hellos_present_total");
    assert!(present >= Some(ROUNDS as f64), "{numbers}");
    waited.sort();
    println!(
        "strong reads at the agent: half within {:?}, all within {:?}",
        waited[ROUNDS / 2],
        waited[ROUNDS - 1]
    );
}

/// Tier 1 is refused with reason and age, tier 2 holds within its bound, tier 3 is taken and merged.
#[test]
fn a_registry_out_of_reach_is_said_and_what_needs_it_less_goes_on() {
    let Some(mut place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    hub.may_log("not following");
    let _agent = place.agent();
    place.cluster.stop();
    place.until_state("backing off");
    let (status, refused) = at_hub(&place, "farm/1", "consistency=strong");
    assert_eq!((status, &refused["consistency"]), (503, &json!("strong")), "{refused}");
    assert!(
        refused["reason"].as_str().unwrap().contains("PostgreSQL") && refused["age_ms"].is_u64(),
        "{refused}"
    );
    let numbers = place.metrics();
    let name = "headland_hub_present_total{for=\"read\",outcome=\"refused\"}";
    assert_eq!(metric(&numbers, name), Some(1.0), "{numbers}");
    for (how, wanted) in [
        ("consistency=eventual", 200),
        ("max_staleness=1h", 200),
        ("max_staleness=0ms", 503),
    ] {
        let (status, answer) = at_hub(&place, "farm/1", how);
        assert_eq!(status, wanted, "{how}: {answer}");
    }
    let (status, warned) = at_hub(&place, "farm/1", "consistency=strong&on_stale=warn");
    assert_eq!((status, &warned["bound_holds"]), (200, &json!(false)), "{warned}");
    let agent = |how: &str| place.ask_agent(&format!("/v1/namespaces/default/models/farm%2F1{how}"), None);
    let refused = agent("?consistency=strong&timeout=3s");
    assert!(
        refused["reason"].as_str().unwrap().contains("the hub is behind"),
        "{refused}"
    );
    assert_eq!(agent("?max_staleness=1h")["model"]["name"], "farm/1");
    let note = json!({ "text": "wrong on winter wheat" });
    place.ask_agent("/v1/namespaces/default/models/farm%2F1/annotations", Some(&note));
    let noted = |model: &Value| model["annotations"].to_string().contains("winter wheat");
    place.until_model("farm/1", noted);
    place.cluster.start_again().unwrap();
    describe(&place, "back");
    let (status, answer) = at_hub(&place, "farm/1", "consistency=strong&timeout=30s");
    let answer = match status {
        200 => answer,
        // The hub may not have noticed yet that it is back.
        _ => {
            place.until_it_follows();
            at_hub(&place, "farm/1", "consistency=strong&timeout=30s").1
        }
    };
    assert_eq!(answer["model"]["attributes"]["description"], "back", "{answer}");
    assert!(noted(&answer["model"]));
}

/// Many who ask at once are answered by few looks.
#[test]
fn strong_reads_at_once_share_their_barriers() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let log = || -> u64 {
        place
            .sql("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
            .parse()
            .unwrap()
    };
    let before = log();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(at_hub(&place, "farm/1", "consistency=strong&timeout=30s").0, 200);
                }
            });
        }
    });
    let bytes = log() - before;
    println!("160 strong reads of 8 at a time: {bytes} bytes of log");
    // A barrier takes some hundred bytes; what else the server writes meanwhile is little.
    assert!(bytes < 160 * 1_024, "{bytes}");
}
