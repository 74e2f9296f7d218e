//! Setting elements in the user's database: exactly one writer wins, and what cannot be done says why.

use crate::described::{ABSENT, Answer, CHAMPION, CURRENT, FIELD, ask, get, outcome, place, put, request, version};
use crate::metrics::metric;
use crate::place::{DATABASE, Place};
use serde_json::{Value, json};
use std::sync::Barrier;

#[test]
fn what_was_seen_is_set_in_the_database_and_shown_when_it_is_answered() {
    let Some(place) = place() else { return };
    let _hub = place.hub_that_follows();
    let cell = |sql: &str| place.sql(sql);
    for (part, body, sql) in [
        (CURRENT, version("2"), "SELECT stable FROM models WHERE id = 'crop'"),
        (CHAMPION, version("3"), "SELECT tag FROM aliases WHERE model = 'crop'"),
        (
            FIELD,
            outcome("approved"),
            "SELECT outcome FROM approvals WHERE model = 'crop'",
        ),
    ] {
        let seen = get(&place, part);
        let done = put(&place, part, &body, &[("If-Match", seen.tag())]);
        assert_eq!(done.status, 200, "{done:?}");
        let value = body.as_object().unwrap().values().next().unwrap();
        assert_eq!(cell(sql), value.as_str().unwrap());
        let now = get(&place, part);
        assert_eq!((now.tag(), now.tag() == seen.tag()), (done.tag(), false));
        assert!(
            body.as_object()
                .unwrap()
                .iter()
                .all(|(key, value)| now.body[key] == *value)
        );
        let told = request(&place, done.request.as_deref().unwrap());
        assert_eq!(
            (&told.body["state"], &told.body["etag"]),
            (&json!("done"), &json!(done.tag()))
        );
        assert_eq!(told.body["seq"], done.body["seq"]);
    }
    // What is not set yet is added; what is said already changes nothing.
    let added = put(&place, "aliases/edge", &version("4"), &[ABSENT]);
    assert_eq!(added.status, 200, "{added:?}");
    assert_eq!(cell("SELECT tag FROM aliases WHERE alias = 'edge'"), "4");
    let same = put(&place, "aliases/edge", &version("4"), &[("If-Match", added.tag())]);
    assert_eq!(
        (same.status, same.tag(), &same.body["seq"]),
        (200, added.tag(), &Value::Null)
    );
    let refused = put(&place, "versions/9/approvals/field", &outcome("approved"), &[ABSENT]);
    assert_eq!(refused.kind(), "unknown-version", "{refused:?}");
    let taken = put(&place, "aliases/edge", &version("5"), &[ABSENT]);
    assert_eq!(
        (taken.status, taken.kind(), &taken.body["present"]),
        (412, "stale", &json!("4"))
    );
    let numbers = place.metrics();
    for (name, wanted) in [
        ("puts_total{outcome=\"done\"}", 5.0),
        ("puts_total{outcome=\"stale\"}", 1.0),
        ("puts_total{outcome=\"unknown-version\"}", 1.0),
        ("present_total{for=\"put\",outcome=\"had\"}", 7.0),
        ("present_total{for=\"put\",outcome=\"refused\"}", 0.0),
    ] {
        assert_eq!(
            metric(&numbers, &format!("headland_hub_{name}")),
            Some(wanted),
            "{numbers}"
        );
    }
    for name in [
        "put_seconds_total",
        "registry_barriers_total",
        "present_seconds_total{for=\"put\"}",
    ] {
        assert!(
            metric(&numbers, &format!("headland_hub_{name}")) > Some(0.0),
            "{name}: {numbers}"
        );
    }
}

#[test]
fn of_two_writers_to_the_database_that_have_seen_the_same_exactly_one_wins() {
    let Some(place) = place() else { return };
    let _hub = place.hub_that_follows();
    for round in 0..8 {
        let seen = get(&place, CURRENT);
        let was = seen.body["version"].clone();
        let candidates: Vec<String> = (1..5).map(|n| n.to_string()).filter(|name| was != *name).collect();
        let begin = Barrier::new(candidates.len());
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let writers = candidates.iter().map(|name| {
                let (place, begin, seen) = (&place, &begin, &seen);
                scope.spawn(move || {
                    begin.wait();
                    put(place, CURRENT, &version(name), &[("If-Match", seen.tag())])
                })
            });
            let writers: Vec<_> = writers.collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let now = get(&place, CURRENT);
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "round {round}: {answers:?}");
        assert_eq!(
            (won[0].tag(), &won[0].body["version"]),
            (now.tag(), &now.body["version"])
        );
        assert_eq!(
            place.sql("SELECT stable FROM models WHERE id = 'crop'"),
            now.body["version"]
        );
        for answer in lost {
            assert_eq!(
                (answer.status, answer.kind(), answer.tag()),
                (412, "stale", now.tag()),
                "{answer:?}"
            );
        }
    }
}

/// The database is written by others too, past the hub; also so that the value is the same again.
#[test]
fn what_somebody_else_committed_a_moment_ago_makes_a_tag_stale_even_if_the_value_came_back() {
    let Some(place) = place() else { return };
    let _hub = place.hub_that_follows();
    let seen = get(&place, CURRENT);
    place.sql("UPDATE models SET stable = '5' WHERE id = 'crop'");
    let late = put(&place, CURRENT, &version("2"), &[("If-Match", seen.tag())]);
    assert_eq!(
        (late.status, late.kind(), &late.body["present"]),
        (412, "stale", &json!("5"))
    );
    let tag = late.body["etag"].as_str().unwrap();
    assert_eq!(late.tag(), tag);
    place.sql("UPDATE models SET stable = '6' WHERE id = 'crop'");
    place.sql("UPDATE models SET stable = '5' WHERE id = 'crop'");
    let back = put(&place, CURRENT, &version("2"), &[("If-Match", tag)]);
    assert_eq!((back.status, &back.body["present"]), (412, &json!("5")));
    let done = put(&place, CURRENT, &version("2"), &[("If-Match", back.tag())]);
    assert_eq!(done.status, 200, "{done:?}");
}

#[test]
fn what_cannot_be_set_is_refused_with_its_reason_and_changes_nothing() {
    let Some(place) = place() else { return };
    let _hub = place.hub_that_follows();
    let all = |part: &str, body: &Value| put(&place, part, body, &[("If-Match", "*")]);
    let none = |part: &str, body: &Value| put(&place, part, body, &[ABSENT]);
    for (answer, status, kind, words) in [
        (all(CURRENT, &version("7")), 409, "unknown-version", "no version 7"),
        (none(CURRENT, &version("2")), 412, "stale", "present"),
        (all(FIELD, &outcome("maybe")), 409, "registry-refused", "23514"),
        (
            none("aliases/list", &json!({"version": [{"version": "1"}]})),
            409,
            "write-unsupported",
            "one version",
        ),
        (
            put(&place, CURRENT, &version("2"), &[]),
            428,
            "condition-required",
            "ETag",
        ),
        (
            put(
                &place,
                CURRENT,
                &version("2"),
                &[("If-Match", "*"), ("Request-Id", "a b")],
            ),
            400,
            "bad-request",
            "request-id",
        ),
    ] {
        assert_eq!((answer.status, answer.kind()), (status, kind), "{answer:?}");
        assert!(answer.body["detail"].as_str().unwrap().contains(words), "{answer:?}");
    }
    // A revocation is for ever.
    assert_eq!(all(FIELD, &outcome("revoked")).status, 200);
    let again = all(FIELD, &outcome("approved"));
    assert_eq!((again.status, again.kind()), (409, "revoked"));
    // Without the right to it the database refuses, and says so.
    place.sql("REVOKE UPDATE (stable) ON models FROM headland");
    let denied = all(CURRENT, &version("2"));
    assert_eq!((denied.status, denied.kind()), (409, "registry-refused"), "{denied:?}");
    assert!(denied.body["detail"].as_str().unwrap().contains("42501"), "{denied:?}");
    // Somebody else has the row.
    place.sql("GRANT UPDATE (stable) ON models TO headland");
    let mut session = place.cluster.session(DATABASE).unwrap();
    session
        .run("BEGIN; UPDATE models SET task = 'other' WHERE id = 'crop'")
        .unwrap();
    let locked = all(CURRENT, &version("2"));
    assert_eq!((locked.status, locked.kind()), (503, "row-locked"), "{locked:?}");
    assert_eq!(place.sql("SELECT stable FROM models WHERE id = 'crop'"), "1");
}

#[test]
fn a_request_is_made_once_however_often_it_is_sent() {
    let Some(place) = place() else { return };
    let _hub = place.hub_that_follows();
    let seen = get(&place, CURRENT);
    let headers = [("If-Match", seen.tag()), ("Idempotency-Key", "release-1")];
    let first = put(&place, CURRENT, &version("2"), &headers);
    assert_eq!(
        (first.status, first.request.as_deref()),
        (200, Some("release-1")),
        "{first:?}"
    );
    let again = put(&place, CURRENT, &version("2"), &headers);
    assert_eq!(
        (again.status, again.tag(), &again.body),
        (200, first.tag(), &first.body)
    );
    let other = put(&place, CURRENT, &version("3"), &headers);
    assert_eq!((other.status, other.kind()), (422, "key-used"));
    assert_eq!(request(&place, "release-2").status, 404);
}

#[test]
fn a_database_that_is_away_is_refused_with_reason_and_age_and_is_set_when_it_is_back() {
    let Some(mut place) = place() else { return };
    let mut hub = place.hub_that_follows();
    hub.may_log("not following");
    let seen = get(&place, CURRENT);
    place.cluster.stop();
    place.until_state("backing off");
    let refused = put(&place, CURRENT, &version("2"), &[("If-Match", seen.tag())]);
    assert_eq!(
        (refused.status, refused.kind()),
        (503, "registry-unreachable"),
        "{refused:?}"
    );
    assert!(
        refused.body["age_ms"].is_u64() && refused.body["reason"].as_str().unwrap().contains("PostgreSQL"),
        "{refused:?}"
    );
    assert_eq!(
        request(&place, refused.request.as_deref().unwrap()).body["state"],
        "not-done"
    );
    // What is held is answered all the same, with its age.
    assert!(get(&place, CURRENT).body["age_ms"].as_u64().unwrap() > 0);
    place.cluster.start_again().unwrap();
    place.until_it_follows();
    let done = put(&place, CURRENT, &version("2"), &[("If-Match", seen.tag())]);
    assert_eq!(done.status, 200, "{done:?}");
}

#[test]
fn the_command_line_sets_what_was_seen_and_says_what_happened() {
    let Some(place) = place() else { return };
    let _hub = place.hub_that_follows();
    let (code, text) = place.run(&["set-current", "crop", "2"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the current version of crop is 2 now (commit"), "{text}");
    let seen = get(&place, CHAMPION);
    for (arguments, wanted, words) in [
        (
            vec!["set-alias", "crop", "champion", "3", "--if-match", seen.tag()],
            0,
            "is 3 now",
        ),
        (
            vec!["set-alias", "crop", "champion", "4", "--if-match", seen.tag()],
            2,
            "is not what the condition expects",
        ),
        (
            vec!["set-alias", "crop", "edge", "4", "--request-id", "r-1"],
            0,
            "alias edge of crop is 4 now",
        ),
        (
            vec!["set-alias", "crop", "edge", "5", "--if-absent"],
            2,
            "is not what the condition expects",
        ),
        (vec!["approve", "crop", "2", "field"], 0, "is approved now"),
        (vec!["approve", "crop", "2", "field"], 0, "nothing has changed"),
        (vec!["revoke", "crop", "2", "field"], 0, "is revoked now"),
        (vec!["request", "r-1"], 0, "alias edge of default/crop"),
        (vec!["request", "r-2"], 2, "does not know it"),
    ] {
        let (code, text) = place.run(&arguments);
        assert_eq!(code, Some(wanted), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
}

/// MLflow's tables are MLflow's, and its API has no conditional write.
#[test]
fn what_is_in_mlflow_is_not_set_past_mlflow_and_the_remedy_is_said() {
    let Some(place) = Place::new() else { return };
    let _hub = place.hub_that_follows();
    let target = "/v1/namespaces/default/models/farm%2F1/aliases/champion";
    let seen = ask(&place, "GET", target, None, &[]);
    let refused = ask(&place, "PUT", target, Some(&version("2")), &[("If-Match", seen.tag())]);
    assert_eq!(
        (refused.status, refused.kind()),
        (409, "write-unsupported"),
        "{refused:?}"
    );
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("MlflowClient.set_registered_model_alias")
    );
    assert_eq!(refused.body["follow"]["state"], "following");
}

#[test]
fn the_doctor_says_what_writing_wants_and_its_sql_mends_it() {
    let Some(place) = place() else { return };
    place.sql(
        "REVOKE UPDATE (stable) ON models FROM headland; REVOKE INSERT ON aliases FROM headland; \
               ALTER TABLE approvals DROP CONSTRAINT approvals_pkey; ALTER TABLE approvals REPLICA IDENTITY FULL",
    );
    let (_, text) = place.run(&["doctor"]);
    for mend in [
        "GRANT UPDATE (\"stable\") ON \"public\".\"models\" TO \"headland\";",
        "GRANT INSERT ON \"public\".\"aliases\" TO \"headland\";",
        "CREATE UNIQUE INDEX ON \"public\".\"approvals\" (\"model\", \"tag\", \"name\");",
    ] {
        assert!(text.contains(mend), "{text}");
        place.sql(mend);
    }
    let (code, text) = place.run(&["doctor"]);
    assert!(
        code == Some(0) && !text.contains("GRANT") && !text.contains("INDEX"),
        "{text}"
    );
    let _hub = place.hub_that_follows();
    let done = put(&place, "versions/2/approvals/field", &outcome("tried"), &[ABSENT]);
    assert_eq!(done.status, 200, "{done:?}");
}
