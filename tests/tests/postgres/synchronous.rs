//! Setting elements in a database that waits for a standby: what is told as done is at the standby, and without one
//! nothing is.

use crate::described::{Answer, CURRENT, get, put, request, version};
use crate::place::{DATABASE, Place};
use crate::unknown::{WAITING, slow_place};
use headland_fleet::postgres::Cluster;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A refusal waits 5 s for the barrier, an unknown outcome 12 s for the commit; more on a machine that compiles.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// Has commits wait for a standby, which is there.
fn wait_for_a_standby(place: &Place) -> Cluster {
    let standby = place.cluster.standby().unwrap();
    place.sql("ALTER SYSTEM SET synchronous_standby_names = 'walreceiver'");
    place.sql("SELECT pg_reload_conf()");
    place.until("hub", || {
        let synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        (place.sql(synchronous) == "1").then_some(())
    });
    standby
}

fn until_synchronous(place: &Place) {
    place.until("hub", || {
        (place.follow()["database"]["synchronous"] == true).then_some(())
    });
}

/// The position in the log at which a tag says that its element was said.
fn position(tag: &str) -> u64 {
    let (_, number) = tag.trim_matches('"').split_once('-').unwrap();
    u64::from_str_radix(number, 16).unwrap()
}

fn until_request_is(place: &Place, name: &str, state: &str) -> Value {
    place.until("hub", || {
        let told = request(place, name).body;
        (told["state"] == state).then_some(told)
    })
}

#[test]
fn what_is_told_as_set_is_at_the_standby_and_without_one_nothing_is_set() {
    let Some(place) = slow_place() else { return };
    let mut standby = wait_for_a_standby(&place);
    let _hub = place.hub_that_follows();
    until_synchronous(&place);
    let seen = get(&place, CURRENT);
    let done = put(&place, CURRENT, &version("2"), &[("If-Match", seen.tag())]);
    assert_eq!(done.status, 200, "{done:?}");
    let received = "SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint";
    let received: u64 = standby.sql(DATABASE, received).unwrap().parse().unwrap();
    assert!(received >= position(done.tag()), "{received} {done:?}");

    standby.stop();
    let headers = [("If-Match", done.tag()), ("Request-Id", "alone-1")];
    let begun = Instant::now();
    let refused = put(&place, CURRENT, &version("3"), &headers);
    assert!(begun.elapsed() < ANSWERED_WITHIN, "{:?}", begun.elapsed());
    assert_eq!(
        (refused.status, refused.kind()),
        (503, "registry-unreachable"),
        "{refused:?}"
    );
    assert!(refused.body["age_ms"].is_u64(), "{refused:?}");
    assert_eq!(request(&place, "alone-1").body["state"], "not-done");
    assert_eq!(place.sql("SELECT stable FROM models WHERE id = 'crop'"), "2");

    standby.start_again().unwrap();
    place.until_it_follows();
    let done = put(&place, CURRENT, &version("3"), &headers);
    assert_eq!(done.status, 200, "{done:?}");
}

/// Sends a put, and stops the standby when the database has been asked to commit and before it has.
fn put_and_stop(place: &Place, standby: &mut Cluster) -> Answer {
    let seen = get(place, CURRENT);
    let mut session = place.cluster.session(DATABASE).unwrap();
    session.run("SELECT pg_advisory_lock(7)").unwrap();
    std::thread::scope(|scope| {
        let headers = [("If-Match", seen.tag()), ("Request-Id", "sync-1")];
        let putting = scope.spawn(move || put(place, CURRENT, &version("2"), &headers));
        place.until("hub", || Some(place.sql(WAITING)).filter(|pid| !pid.is_empty()));
        standby.stop();
        drop(session);
        putting.join().unwrap()
    })
}

#[test]
fn a_commit_that_no_standby_has_is_unknown_in_bounded_time_and_known_when_one_is_back() {
    for dies in [false, true] {
        let Some(place) = slow_place() else { return };
        let mut standby = wait_for_a_standby(&place);
        let mut hub = place.hub_that_follows();
        until_synchronous(&place);
        let begun = Instant::now();
        let answer = put_and_stop(&place, &mut standby);
        assert!(begun.elapsed() < ANSWERED_WITHIN, "{:?}", begun.elapsed());
        assert_eq!((answer.status, answer.kind()), (504, "outcome-unknown"), "{answer:?}");
        assert_eq!(
            (&answer.body["request"], &answer.body["ask"]),
            (&json!("sync-1"), &json!("/v1/requests/sync-1"))
        );
        place.until_state("waiting");
        if dies {
            hub.kill();
            place.again(&mut hub);
        }
        assert_eq!(request(&place, "sync-1").body["state"], "unknown");
        assert_eq!(
            get(&place, CURRENT).body["version"],
            "1",
            "what a failover could take away is not shown"
        );

        standby.start_again().unwrap();
        let told = until_request_is(&place, "sync-1", "done");
        let now = get(&place, CURRENT);
        assert_eq!((&now.body["version"], &told["etag"]), (&json!("2"), &json!(now.tag())));
    }
}

/// With * each replication counts, and this hub's own would be waited for by the commits that it waits for.
#[test]
fn a_database_that_counts_the_hub_as_a_standby_is_not_followed_and_its_commits_go_on() {
    let Some(place) = slow_place() else { return };
    let mut hub = place.hub_that_follows();
    hub.may_log("halted");
    let name = |names: &str| {
        place.sql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"));
        place.sql("SELECT pg_reload_conf()");
    };
    name("*");
    let reason = place.until_state("halted");
    assert!(reason.contains("standby"), "{reason}");
    let (code, said) = place.run(&["doctor"]);
    assert!(
        code != Some(0) && said.contains("counts this hub as a standby"),
        "{said}"
    );
    place.until("hub", || {
        (place.sql("SELECT count(*) FROM pg_stat_replication") == "0").then_some(())
    });
    name("");
    place.until_it_follows();

    // The same by its own name.
    name("\"headland-hub main\"");
    let reason = place.until_state("halted");
    assert!(reason.contains("without this hub"), "{reason}");
    name("");
    place.sql("UPDATE models SET stable = '4' WHERE id = 'crop'");
    place.until("hub", || (get(&place, CURRENT).body["version"] == "4").then_some(()));
}
