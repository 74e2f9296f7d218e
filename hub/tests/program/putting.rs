//! Setting one element of a model over HTTP: by compare-and-swap, at the hub whose registry is its own.

use crate::region::{Method, Region, StatusCode};
use serde_json::{Value, json};
use std::sync::Barrier;

const MODEL: &str = "/v1/namespaces/default/models/timm%2Fa";
const ABSENT: (&str, &str) = ("If-None-Match", "*");

fn region() -> Region {
    let region = Region::new();
    let version = |name: &str| {
        let approvals = json!({ "field-use": "tried" });
        json!({ "version": name, "manifest": { "uri": format!("oci://x/{name}") }, "approvals": approvals })
    };
    let model = json!({
        "id": "timm/a",
        "attributes": { "task": "image-classification" },
        "versions": (4..8).map(|minor| version(&format!("1.{minor}"))).collect::<Vec<_>>(),
        "current": "1.4",
        "aliases": { "champion": "1.4" },
    });
    let file = region.file("models.jsonl", &format!("{model}\n"));
    region.hub(&["import", &file, "--register"]).printed();
    region
}

fn at(part: &str) -> String {
    format!("{MODEL}/{part}")
}

/// An answer with its entity tag.
type Tagged = (StatusCode, Option<String>, Value);

fn get(region: &Region, part: &str) -> Tagged {
    region.ask_tagged(Method::GET, &at(part), None, &[])
}

fn put(region: &Region, part: &str, body: &Value, condition: (&str, &str)) -> Tagged {
    region.ask_tagged(Method::PUT, &at(part), Some(body), &[condition])
}

fn tag(region: &Region, part: &str) -> String {
    let (status, tag, answer) = get(region, part);
    assert_eq!(status, StatusCode::OK, "{answer}");
    tag.unwrap()
}

fn version(name: &str) -> Value {
    json!({ "version": name })
}

fn kind(problem: &Value) -> &str {
    let kind = problem["type"].as_str().unwrap();
    kind.strip_prefix("urn:headland:problem:").unwrap()
}

#[test]
fn what_was_seen_can_be_changed_and_each_change_is_a_commit_that_can_be_reverted() {
    let region = region();
    let _daemon = region.serve();
    let parts = ["current", "aliases/champion", "versions/1.4/approvals/field-use"];
    let bodies = [version("1.5"), version("1.5"), json!({ "status": "approved" })];
    let named = [
        "the current version of default/timm/a",
        "alias champion of default/timm/a",
        "approval field-use of version 1.4 of default/timm/a",
    ];
    for (nth, (part, body)) in parts.iter().zip(&bodies).enumerate() {
        let seen = tag(&region, part);
        let (status, new, done) = put(&region, part, body, ("If-Match", &seen));
        assert_eq!(status, StatusCode::OK, "{done}");
        let (_, told, now) = get(&region, part);
        assert_eq!((&new, new.as_deref() == Some(seen.as_str())), (&told, false));
        for (name, value) in body.as_object().unwrap() {
            assert_eq!((&done[name], &now[name]), (value, value));
        }
        assert_eq!((&now["age_ms"], &done["seq"]), (&json!(0), &json!(nth + 2)));
        let commits = region.commits();
        assert_eq!(commits.len(), nth + 2);
        assert_eq!(
            (&commits[0]["kind"], &commits[0]["of"]),
            (&json!("put"), &json!(named[nth]))
        );
        assert_eq!(
            (&commits[0]["changed"], &commits[0]["revision"]),
            (&json!(1), &json!(nth + 2))
        );
    }
    // The same once more changes nothing, and is no commit.
    let seen = tag(&region, "current");
    let (status, same, done) = put(&region, "current", &version("1.5"), ("If-Match", &seen));
    assert_eq!((status, same, &done["seq"]), (StatusCode::OK, Some(seen), &Value::Null));
    assert_eq!(region.commits().len(), 4);
    region.hub(&["revert", "2"]).printed();
    assert_eq!(get(&region, "current").2["version"], "1.4");
    assert_eq!(get(&region, "aliases/champion").2["version"], "1.5");
}

#[test]
fn of_two_writers_that_have_seen_the_same_exactly_one_wins() {
    let region = region();
    let _daemon = region.serve();
    for round in 0..20 {
        let seen = tag(&region, "current");
        let was = get(&region, "current").2["version"].clone();
        let candidates: Vec<String> = (4..8).map(|n| format!("1.{n}")).filter(|name| was != *name).collect();
        let begin = Barrier::new(candidates.len());
        let answers: Vec<Tagged> = std::thread::scope(|scope| {
            let writers = candidates.iter().map(|name| {
                let (region, begin, seen) = (&region, &begin, &seen);
                scope.spawn(move || {
                    begin.wait();
                    put(region, "current", &version(name), ("If-Match", seen))
                })
            });
            let writers: Vec<_> = writers.collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        let (_, now_tag, now) = get(&region, "current");
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|(status, ..)| *status == StatusCode::OK);
        assert_eq!((won.len(), lost.len()), (1, 2), "round {round}: {answers:?}");
        assert_eq!((&won[0].1, &won[0].2["version"]), (&now_tag, &now["version"]));
        for (status, tag, problem) in lost {
            assert_eq!((status, kind(problem)), (&StatusCode::PRECONDITION_FAILED, "stale"));
            assert_eq!((tag, &problem["present"]), (&now_tag, &now["version"]));
        }
        assert_eq!(region.commits()[0]["revision"], round + 2);
    }
}

#[test]
fn a_condition_that_is_missing_or_stale_is_refused_and_nothing_changes() {
    let region = region();
    let _daemon = region.serve();
    let first = tag(&region, "current");
    let (_, second, _) = put(&region, "current", &version("1.5"), ("If-Match", &first));
    let digest = region.digest();
    let (status, _, problem) = region.ask_tagged(Method::PUT, &at("current"), Some(&version("1.6")), &[]);
    assert_eq!((status.as_u16(), kind(&problem)), (428, "condition-required"));
    for condition in [("If-Match", first.as_str()), ABSENT, ("If-Match", "\"x\"")] {
        let (status, tag, problem) = put(&region, "current", &version("1.6"), condition);
        assert_eq!((status.as_u16(), kind(&problem)), (412, "stale"), "{condition:?}");
        assert_eq!((&problem["present"], &tag), (&json!("1.5"), &second));
        assert_eq!(problem["etag"].as_str(), second.as_deref());
    }
    // A value that comes back was not there all the time.
    let (_, third, _) = put(&region, "current", &version("1.4"), ("If-Match", &second.unwrap()));
    assert_ne!(third.as_deref(), Some(first.as_str()));
    let (status, ..) = put(&region, "current", &version("1.6"), ("If-Match", &first));
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    assert_ne!(region.digest(), digest);
    let digest = region.digest();
    let (status, tag, problem) = put(&region, "aliases/new", &version("1.6"), ("If-Match", "*"));
    assert_eq!((status.as_u16(), tag, &problem["present"]), (412, None, &Value::Null));
    assert_eq!((region.digest(), region.commits().len()), (digest, 3));
}

#[test]
fn what_is_not_there_yet_is_set_once() {
    let region = region();
    let _daemon = region.serve();
    let (status, _, problem) = get(&region, "aliases/canary");
    assert_eq!((status.as_u16(), kind(&problem)), (404, "not-set"));
    let rules = json!({ "version": [{ "version": "1.7", "labels": { "ring": ["1"] } }, { "version": "1.4" }] });
    let (status, set, done) = put(&region, "aliases/canary", &rules, ABSENT);
    assert_eq!(
        (status, &done["version"]),
        (StatusCode::OK, &rules["version"]),
        "{done}"
    );
    let (status, tag, problem) = put(&region, "aliases/canary", &version("1.5"), ABSENT);
    assert_eq!(
        (status.as_u16(), &tag, &problem["present"]),
        (412, &set, &rules["version"])
    );
}

#[test]
fn what_the_registry_cannot_say_is_refused_with_the_remedy() {
    let region = region();
    let _daemon = region.serve();
    let approval = "versions/1.4/approvals/field-use";
    let (status, ..) = put(&region, approval, &json!({ "status": "revoked" }), ("If-Match", "*"));
    assert_eq!(status, StatusCode::OK);
    let digest = region.digest();
    let (approved, any) = (json!({ "status": "approved" }), ("If-Match", "*"));
    for (part, body, condition, status, refused) in [
        (approval, &approved, any, 409, "revoked"),
        ("current", &version("2.0"), any, 409, "unknown-version"),
        ("aliases/champion", &version("2.0"), any, 409, "unknown-version"),
        (
            "versions/2.0/approvals/field-use",
            &approved,
            ABSENT,
            409,
            "unknown-version",
        ),
        ("current", &json!({ "version": 7 }), any, 400, "bad-request"),
        ("current", &json!({ "status": "1.5" }), any, 400, "bad-request"),
        ("current", &version("a\u{7}"), any, 400, "bad-request"),
        ("aliases/champion", &json!({ "version": [] }), any, 400, "bad-request"),
    ] {
        let (found, _, problem) = put(&region, part, body, condition);
        assert_eq!((found.as_u16(), kind(&problem)), (status, refused), "{part} {body}");
        assert!(problem["detail"].as_str().unwrap().contains([';', ':']), "{problem}");
    }
    let other = "/v1/namespaces/default/models/none/current";
    let (status, _, problem) = region.ask_tagged(Method::PUT, other, Some(&version("1.4")), &[any]);
    assert_eq!((status.as_u16(), kind(&problem)), (404, "unknown-model"));
    // Revoked once more is what it is already; a revert does not bring the approval back either.
    let (status, ..) = put(&region, approval, &json!({ "status": "revoked" }), any);
    assert_eq!(status, StatusCode::OK);
    region.hub(&["revert", "2"]).printed();
    assert_eq!(
        (get(&region, approval).2["status"].as_str(), region.digest()),
        (Some("revoked"), digest)
    );
}

#[test]
fn a_hub_that_follows_another_says_whose_the_registry_is_and_how_that_stands() {
    let region = region();
    let nowhere = region.socket().with_file_name("north.sock");
    let _daemon = region.serve_with(&[("HEADLAND_REGISTRY__FOLLOW", nowhere.to_str().unwrap())]);
    let (status, tag, now) = get(&region, "current");
    assert_eq!((status, &now["version"]), (StatusCode::OK, &json!("1.4")), "{now}");
    let (status, _, problem) = put(&region, "current", &version("1.5"), ("If-Match", &tag.unwrap()));
    assert_eq!((status.as_u16(), kind(&problem)), (409, "follows-another"), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("north.sock"), "{problem}");
    assert_eq!(problem["follow"]["leader"], nowhere.to_str().unwrap());
    let state = problem["follow"]["state"].as_str().unwrap();
    assert!(["connecting", "backing off"].contains(&state), "{problem}");
    assert_eq!(problem["follow"]["heard_ms_ago"], Value::Null);
    assert_eq!(get(&region, "current").2["version"], "1.4");
}
