//! Names of requests outlive the hub: what became of one can be asked after a restart, whenever the hub died.

use crate::described::{Answer, CURRENT, get, put, request, version};
use crate::place::{DATABASE, Place};
use crate::unknown::{WAITING, slow_place};
use headland_fleet::fleet::program::Program;
use serde_json::{Value, json};

/// A hub that is killed while the database commits what it was asked for; it ends when `ends` has been done.
fn killed_in_a_commit(ends: impl FnOnce(&Place, &str)) -> Option<(Place, Program, Answer)> {
    let place = slow_place()?;
    let mut hub = place.hub_that_follows();
    let seen = get(&place, CURRENT);
    let mut session = place.cluster.session(DATABASE).unwrap();
    session.run("SELECT pg_advisory_lock(7)").unwrap();
    std::thread::scope(|scope| {
        let headers = [("If-Match", seen.tag()), ("Request-Id", "died-1")];
        let place = &place;
        // Whoever put it never hears anything.
        let putting = scope.spawn(move || {
            let put = || put(place, CURRENT, &version("2"), &headers);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(put)).is_err()
        });
        let process = place.until("hub", || Some(place.sql(WAITING)).filter(|pid| !pid.is_empty()));
        hub.kill();
        assert!(putting.join().unwrap(), "a hub that was killed has answered");
        ends(place, &process);
        drop(session);
        place.until("hub", || place.sql(WAITING).is_empty().then_some(()));
    });
    Some((place, hub, seen))
}

fn until_request_is(place: &Place, state: &str) -> Value {
    place.until("hub", || {
        let told = request(place, "died-1").body;
        (told["state"] == state).then_some(told)
    })
}

#[test]
fn a_request_whose_hub_died_while_it_was_committed_is_done_after_the_restart() {
    let Some((place, mut hub, _)) = killed_in_a_commit(|_, _| {}) else {
        return;
    };
    place.again(&mut hub);
    let told = until_request_is(&place, "done");
    let now = get(&place, CURRENT);
    assert_eq!((&now.body["version"], &told["etag"]), (&json!("2"), &json!(now.tag())));
    assert_eq!(
        (&told["namespace"], &told["name"], &told["element"]),
        (&json!("default"), &json!("crop"), &json!("the current version"))
    );
}

#[test]
fn a_request_that_was_given_up_while_the_hub_was_dead_is_known_not_to_be_done() {
    let ends = |place: &Place, process: &str| {
        place.sql(&format!("SELECT pg_terminate_backend({process})"));
    };
    let Some((place, mut hub, seen)) = killed_in_a_commit(ends) else {
        return;
    };
    place.again(&mut hub);
    let told = until_request_is(&place, "not-done");
    assert!(told["detail"].as_str().unwrap().contains("given it up"), "{told}");
    assert_eq!(get(&place, CURRENT).body["version"], "1");
    // Also after one more restart, though nobody could ask the database.
    hub.kill();
    place.cluster.sql("postgres", "ALTER ROLE headland NOLOGIN").unwrap();
    hub.may_log("halted");
    place.again(&mut hub);
    assert_eq!(request(&place, "died-1").body["state"], "not-done");
    place.cluster.sql("postgres", "ALTER ROLE headland LOGIN").unwrap();
    place.until_it_follows();
    let headers = [("If-Match", seen.tag()), ("Request-Id", "died-1")];
    let done = put(&place, CURRENT, &version("2"), &headers);
    assert_eq!(done.status, 200, "{done:?}");
}

/// Without the stream's word, what the element says tells.
#[test]
fn a_request_that_no_stream_brings_any_more_is_told_by_what_the_element_says() {
    for (later, told_of_it) in [(None, true), (Some("3"), false)] {
        let Some((place, mut hub, _)) = killed_in_a_commit(|_, _| {}) else {
            return;
        };
        if let Some(version) = later {
            place.sql(&format!("UPDATE models SET stable = '{version}' WHERE id = 'crop'"));
        }
        place.until("hub", || {
            (place.sql("SELECT active FROM pg_replication_slots") == "f").then_some(())
        });
        place.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
        place.again(&mut hub);
        let told = until_request_is(&place, "done");
        let now = get(&place, CURRENT);
        assert_eq!(told["etag"] == json!(now.tag()), told_of_it, "{told}");
        assert_eq!(told["detail"].is_null(), told_of_it, "{told}");
    }
}

#[test]
fn a_request_that_was_done_is_told_and_not_done_again_after_a_restart() {
    let Some(place) = crate::described::place() else { return };
    let mut hub = place.hub_that_follows();
    let seen = get(&place, CURRENT);
    let headers = [("If-Match", seen.tag()), ("Request-Id", "release-1")];
    let first = put(&place, CURRENT, &version("2"), &headers);
    assert_eq!(first.status, 200, "{first:?}");
    hub.kill();
    place.again(&mut hub);
    place.until_it_follows();
    let again = put(&place, CURRENT, &version("2"), &headers);
    assert_eq!(
        (again.status, again.tag(), &again.body),
        (200, first.tag(), &first.body),
        "{again:?}"
    );
    let other = put(&place, CURRENT, &version("3"), &headers);
    assert_eq!((other.status, other.kind()), (422, "key-used"), "{other:?}");
}
