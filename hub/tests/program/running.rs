//! The hub while it runs.

use crate::region::{Method, Region, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const STOP_TIME_MAX: Duration = Duration::from_secs(2);

#[test]
fn commands_work_on_the_running_hub_through_its_socket() {
    let region = Region::new();
    let daemon = region.serve();
    let wanted = format!("region main, broker 127.0.0.1:{}, 0 models", region.port());
    assert!(daemon.ready().contains(&wanted), "{}", daemon.ready());
    let file = region.models("a.jsonl", &[("timm/a:b", "mit")]);
    region.hub(&["import", &file, "--dry-run"]).printed();
    let text = region.hub(&["import", &file]).refused();
    assert!(text.contains("--register"), "{text}");
    let text = region.hub(&["import", &file, "--register"]).printed();
    assert!(text.contains("imported as commit 1: 1 new"), "{text}");

    let (status, answer) = region.ask(Method::GET, "/v1/namespaces/default/models/timm%2Fa%3Ab", None);
    assert_eq!((status, &answer["model"]["name"]), (StatusCode::OK, &json!("timm/a:b")));
    let (status, answer) = region.ask(Method::GET, "/v1/status", None);
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&answer["running"], &answer["models"], &answer["head"]),
        (&json!(true), &json!(1), &json!(1))
    );
    region.hub(&["show", "timm/a:b"]).printed();
    region.hub(&["revert", "1"]).printed();
    assert_eq!(region.commits().len(), 2);
}

#[test]
fn the_socket_has_the_mode_of_the_configuration_and_a_group_must_be_there() {
    let region = Region::new();
    let mode = || std::fs::metadata(region.socket()).unwrap().permissions().mode() & 0o777;
    let daemon = region.serve();
    assert_eq!(mode(), 0o660);
    drop(daemon);
    let _daemon = region.serve_with(&[("HEADLAND_API__SOCKET_MODE", "0600")]);
    assert_eq!(mode(), 0o600);
    let nobody = ("HEADLAND_API__SOCKET_GROUP", "no-such-group");
    let line = Region::new().hub_with(nobody, &["serve"]).refused();
    assert!(line.contains("there is no group \"no-such-group\""), "{line}");
}

#[test]
fn what_the_hub_refuses_is_a_problem_with_a_detail() {
    let region = Region::new();
    let _daemon = region.serve();
    let (status, answer) = region.ask(Method::GET, "/v1/namespaces/default/models/none", None);
    assert_eq!((status, &answer["status"]), (StatusCode::NOT_FOUND, &json!(404)));
    let file = region.models("a.jsonl", &[("a", "mit")]);
    let wish = json!({ "files": [file], "namespace": "default" });
    let (status, answer) = region.ask(Method::POST, "/v1/import", Some(&wish));
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(answer["detail"].as_str().unwrap().contains("--register"), "{answer}");
    let relative = json!({ "files": ["a.jsonl"], "namespace": "default", "register": true });
    let (status, answer) = region.ask(Method::POST, "/v1/import", Some(&relative));
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(answer["detail"].as_str().unwrap().contains("whole path"), "{answer}");
    let (status, _) = region.ask(Method::GET, "/v1/models?page_size=0", None);
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = region.ask(Method::POST, "/v1/revert", Some(&json!({ "seq": 1 })));
    assert!(status.is_client_error());
}

#[test]
fn pages_together_hold_every_model_once() {
    let region = Region::new();
    let names: Vec<String> = (0..25).map(|number| format!("m{number:02}")).collect();
    let models: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "mit")).collect();
    region
        .hub(&["import", &region.models("a.jsonl", &models), "--register"])
        .printed();
    let _daemon = region.serve();
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let (_, page) = region.ask(Method::GET, &format!("/v1/models?page_size=10{token}"), None);
        found.extend(
            page["models"]
                .as_array()
                .unwrap()
                .iter()
                .map(|model| model["name"].clone()),
        );
        match page["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => break,
        }
    }
    assert_eq!(found, names.into_iter().map(Value::from).collect::<Vec<_>>());
}

#[test]
fn a_signal_ends_the_hub_within_two_seconds_and_nothing_is_lost() {
    for signal in [Signal::TERM, Signal::INT] {
        let region = Region::new();
        let daemon = region.serve();
        region
            .hub(&["import", &region.models("a.jsonl", &[("a", "mit")]), "--register"])
            .printed();
        let before = region.digest();
        let (code, took) = daemon.stop(signal);
        assert_eq!(code, Some(0));
        assert!(took < STOP_TIME_MAX, "{took:?}");
        assert!(!region.socket().exists());
        assert_eq!(region.digest(), before);
        region.serve();
    }
}
