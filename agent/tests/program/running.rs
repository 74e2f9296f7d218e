//! The daemon without a hub.

use crate::device::{Device, Method, StatusCode};
use rustix::process::Signal;
use serde_json::json;
use std::time::Duration;

const STOP_TIME_MAX: Duration = Duration::from_secs(2);
const MODEL: &str = "/v1/namespaces/default/models/timm%2Fresnet50.a1_in1k";

#[test]
fn an_agent_without_a_hub_answers_and_says_so() {
    let device = Device::new();
    let _daemon = device.start();
    let (status, answer) = device.ask(Method::GET, "/v1/status", None);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["name"], "leaf-7");
    assert_eq!(answer["phase"], "offline");
    assert_eq!(answer["running"], true);
    assert_eq!(answer["age_ms"], json!(null));
    assert_eq!(answer["hub"], json!(null));
    assert_eq!(answer["models"], 0);
    let text = device.agent(&["status"]).printed();
    assert!(text.starts_with("leaf-7: offline for "), "{text}");
    let text = device.agent(&["models"]).printed();
    assert_eq!(text, "0 models, age unknown: no contact yet\n");
}

#[test]
fn signals_end_the_daemon_in_time_and_its_socket_with_it() {
    for signal in [Signal::TERM, Signal::INT] {
        let device = Device::new();
        let (code, took) = device.start().stop(signal);
        assert_eq!(code, Some(0));
        assert!(took < STOP_TIME_MAX, "{took:?}");
        assert!(!device.socket().exists());
    }
}

#[test]
fn writes_are_there_to_read_and_survive_a_restart() {
    let device = Device::new();
    device.hold(&["timm/resnet50.a1_in1k"]);
    let daemon = device.start();
    let body = json!({"text": "misses rust", "subject": "crop"});
    let (status, written) = device.ask(Method::POST, &format!("{MODEL}/annotations"), Some(&body));
    assert_eq!(status, StatusCode::CREATED);
    let counted = device.ask(Method::POST, &format!("{MODEL}/usage"), None);
    assert_eq!(counted, (StatusCode::OK, json!({"added": 1, "removed": 0})));
    assert_eq!(device.ask(Method::GET, "/v1/status", None).1["pending_writes"], 2);
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));

    let _daemon = device.start();
    let (_, one) = device.ask(Method::GET, MODEL, None);
    assert_eq!(one["model"]["annotations"][0]["text"], "misses rust");
    assert_eq!(one["model"]["annotations"][0]["id"], written["id"]);
    assert_eq!(one["model"]["counts"]["usage"], 1);
    assert_eq!(one["phase"], "offline");
    let target = format!("{MODEL}/annotations/{}", written["id"].as_str().unwrap());
    assert_eq!(device.ask(Method::DELETE, &target, None).0, StatusCode::NO_CONTENT);
    let (_, one) = device.ask(Method::GET, MODEL, None);
    assert_eq!(one["model"]["annotations"], json!(null));
}

#[test]
fn requests_that_cannot_be_done_get_a_problem() {
    let device = Device::new();
    device.hold(&["timm/resnet50.a1_in1k"]);
    let _daemon = device.start();
    let long = "x".repeat(5_000);
    let huge = "x".repeat(100_000);
    let unknown = "/v1/namespaces/default/models/nobody%2Fknows";
    for (method, target, body, status, kind) in [
        (Method::GET, unknown.to_owned(), None, 404, "unknown-model"),
        (
            Method::POST,
            format!("{unknown}/annotations"),
            Some(json!({"text": "hi"})),
            404,
            "unknown-model",
        ),
        (
            Method::POST,
            format!("{MODEL}/annotations"),
            Some(json!({"text": " "})),
            422,
            "empty-note",
        ),
        (
            Method::POST,
            format!("{MODEL}/annotations"),
            Some(json!({"text": long})),
            422,
            "long-note",
        ),
        (
            Method::POST,
            format!("{MODEL}/annotations"),
            Some(json!({"text": huge})),
            413,
            "too-long",
        ),
        (
            Method::POST,
            format!("{MODEL}/annotations"),
            Some(json!({"words": "hi"})),
            400,
            "bad-request",
        ),
        (
            Method::POST,
            format!("{MODEL}/usage"),
            Some(json!({"amount": "many"})),
            400,
            "bad-request",
        ),
        (
            Method::DELETE,
            format!("{MODEL}/annotations/leaf-7.1.1"),
            None,
            404,
            "unknown-note",
        ),
        (
            Method::DELETE,
            format!("{MODEL}/annotations/x"),
            None,
            400,
            "bad-request",
        ),
        (
            Method::GET,
            "/v1/models?page_size=0".to_owned(),
            None,
            400,
            "bad-request",
        ),
        (
            Method::GET,
            "/v1/models?page_token=zz".to_owned(),
            None,
            400,
            "bad-request",
        ),
        (
            Method::GET,
            "/v1/models?colour=red".to_owned(),
            None,
            400,
            "bad-request",
        ),
        (Method::GET, "/v2/models".to_owned(), None, 404, "unknown-path"),
        (Method::PUT, "/v1/status".to_owned(), None, 405, "wrong-method"),
    ] {
        let (found, problem) = device.ask(method, &target, body.as_ref());
        assert_eq!(found.as_u16(), status, "{target}: {problem}");
        assert_eq!(problem["status"], status, "{target}");
        assert_eq!(
            problem["type"],
            format!("urn:headland:problem:{kind}"),
            "{target}: {problem}"
        );
        assert!(
            problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
            "{target}"
        );
    }
}

#[test]
fn a_listing_goes_on_page_by_page_and_finds_names_whatever_the_case() {
    let device = Device::new();
    device.hold(&["a/One", "a/two", "b/three"]);
    let _daemon = device.start();
    let (_, first) = device.ask(Method::GET, "/v1/namespaces/default/models?page_size=2", None);
    assert_eq!(first["models"][1]["name"], "a/two");
    assert_eq!(first["models_held"], 3);
    let token = first["next_page_token"].as_str().unwrap();
    let rest = format!("/v1/namespaces/default/models?page_size=2&page_token={token}");
    let (_, second) = device.ask(Method::GET, &rest, None);
    assert_eq!(second["models"][0]["name"], "b/three");
    assert_eq!(second["next_page_token"], json!(null));
    let (_, found) = device.ask(Method::GET, "/v1/models?q=ONE", None);
    assert_eq!(found["models"].as_array().unwrap().len(), 1);
    let (_, none) = device.ask(Method::GET, "/v1/namespaces/other/models", None);
    assert_eq!(none["models"], json!([]));
}
