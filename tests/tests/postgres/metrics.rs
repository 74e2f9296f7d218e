//! A database that is followed, in numbers.

use crate::place::Place;
use headland_host::control::request_bytes;
use serde_json::Value;

/// What a metric says; nothing when it is absent.
pub(crate) fn metric(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

fn metrics(place: &Place) -> String {
    let socket = place.path("hub.sock");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let answer = runtime.block_on(request_bytes(&socket, "/metrics", 1 << 20, 20_000));
    String::from_utf8(answer.unwrap().1).unwrap()
}

#[test]
fn status_and_metrics_say_the_same_of_a_database_that_is_followed() {
    let Some(mut place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let before = place.follow();
    // All that was read at first.
    assert_eq!(before["database"]["rows"], 83);
    place.sql("UPDATE registered_models SET description = 'other' WHERE name IN ('farm/1', 'farm/2')");
    place.until_model("farm/2", |model| model["attributes"]["description"] == "other");
    place.until_it_follows();
    place.cluster.stop();
    place.cluster.start_again().unwrap();
    place.until_it_follows();
    // Between two readings only what counts by itself may move.
    let (status, text) = place.until("hub", || {
        let (status, text, after) = (place.status(), metrics(&place), place.status());
        let still = |status: &Value| (status["follow"]["database"]["durable"].clone(), status["head"].clone());
        (still(&status) == still(&after)).then_some((status, text))
    });
    let database = &status["follow"]["database"];
    for (name, key, value) in [
        ("registry_commits_total", "commits", Some(1.0)),
        ("registry_rows_total", "rows", Some(85.0)),
        ("registry_copies_total", "copies", Some(1.0)),
        ("registry_sessions_total", "sessions", None),
        ("registry_left_out_total", "left_out", Some(0.0)),
        ("registry_behind_bytes", "behind_bytes", None),
    ] {
        let shown = metric(&text, &format!("headland_hub_{name}"));
        assert_eq!(shown, database[key].as_f64(), "{name}: {text}");
        assert!(value.is_none() || value == shown, "{name}: {text}");
    }
    assert!(database["sessions"].as_u64() >= Some(2), "{database}");
    let position = metric(&text, "headland_hub_registry_position_bytes").unwrap();
    let (high, low) = database["durable"].as_str().unwrap().split_once('/').unwrap();
    let part = |text: &str| u64::from_str_radix(text, 16).unwrap();
    assert_eq!(position, ((part(high) << 32) + part(low)) as f64);
    for name in [
        "registry_age_seconds",
        "registry_message_age_seconds",
        "registry_kept_bytes",
    ] {
        assert!(
            metric(&text, &format!("headland_hub_{name}")).is_some(),
            "{name}: {text}"
        );
    }
    assert_eq!(metric(&text, "headland_hub_registry_brake_held"), Some(0.0));
    assert_eq!(metric(&text, "headland_hub_registry_copying_rows"), None);
    assert!(
        text.contains("headland_hub_registry_state{state=\"following\"} 1"),
        "{text}"
    );
}
