//! Hubs and servers that die at any moment.

use crate::place::Place;
use std::time::Duration;

/// Rows that a hub applies while it is killed again and again.
#[test]
fn a_hub_that_is_killed_again_and_again_loses_nothing_and_takes_nothing_twice() {
    let Some(place) = Place::new() else { return };
    let mut hub = place.hub_that_follows();
    for round in 0..6 {
        place.sql(&format!(
            "DO $$ BEGIN FOR n IN 1..20 LOOP INSERT INTO registered_models (name) VALUES ('round {round} ' || n); COMMIT; \
             END LOOP; END $$"
        ));
        // In the middle of it: how far it has come is different each time.
        std::thread::sleep(Duration::from_millis(7 * round));
        hub.kill();
        place.again(&mut hub);
    }
    place.until("hub", || (place.names().len() == 160).then_some(()));
    place.until_it_follows();
    let (_, history) = place.run(&["history", "--limit", "500", "--json"]);
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    let commits = history["commits"].as_array().unwrap();
    let new: u64 = commits.iter().map(|commit| commit["new"].as_u64().unwrap()).sum();
    assert_eq!(
        (new, commits.len()),
        (160, 121),
        "one commit for all that was there, and one for each"
    );
    assert_eq!(place.follow()["database"]["copies"], 0, "it went on where it was");
}

#[test]
fn a_server_that_is_killed_is_followed_on_when_it_is_back() {
    let Some(mut place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    for round in 0..3 {
        place.sql(&format!(
            "INSERT INTO registered_models (name) VALUES ('before {round}')"
        ));
        match round {
            0 => place.cluster.kill(),
            _ => place.cluster.stop(),
        }
        place.until_state("backing off");
        place.cluster.start_again().unwrap();
        place.sql(&format!(
            "INSERT INTO registered_models (name) VALUES ('after {round}')"
        ));
        place.until_model(&format!("after {round}"), |model| !model.is_null());
        assert!(!place.model(&format!("before {round}")).is_null());
    }
    assert_eq!(place.follow()["database"]["copies"], 1, "only the first time");
}

/// One transaction of many rows is one commit, and needs little memory.
#[test]
fn a_large_transaction_is_one_commit() {
    let Some(place) = Place::new() else { return };
    let hub = place.hub_that_follows();
    let before = place.status()["head"].as_u64().unwrap();
    place.sql("INSERT INTO registered_models (name, description) SELECT 'large/' || n, repeat('x', 300) FROM generate_series(1, 20000) n");
    place.until_model("large/20000", |model| !model.is_null());
    assert_eq!(place.status()["head"], before + 1);
    let status = std::fs::read_to_string(format!("/proc/{}/status", hub.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 256 * 1024, "{peak}");
}
