//! What supervisors and monitors ask the daemon.

use crate::device::{Device, Method, StatusCode};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn an_agent_without_a_hub_is_healthy() {
    let device = Device::new();
    let _daemon = device.start();
    assert_eq!(
        device.ask(Method::GET, "/healthz", None),
        (StatusCode::OK, json!({"status": "ok"}))
    );
}

#[test]
fn metrics_are_in_the_text_format_and_say_what_the_status_says() {
    let device = Device::new();
    device.hold(&["a/One", "a/two"]);
    let _daemon = device.start();
    let usage = "/v1/namespaces/default/models/a%2FOne/usage";
    assert_eq!(device.ask(Method::POST, usage, None).0, StatusCode::OK);
    let answer = device.raw_answer("/metrics");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.to_lowercase()
            .contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    for line in [
        "headland_agent_models 2",
        "headland_agent_pending_writes 1",
        "headland_agent_changes_total 1",
        "headland_agent_link_up 0",
        "headland_agent_phase{phase=\"offline\"} 1",
        "headland_agent_phase{phase=\"live\"} 0",
    ] {
        assert!(body.lines().any(|found| found == line), "{line}: {body}");
    }
    // Nobody knows how old the catalogue is, so no number is said.
    assert!(!body.contains("catalogue_age_seconds"), "{body}");
    every_sample_is_described(body);
}

/// HELP and TYPE stand before the samples of each name, once; a name that only grows ends with `_total`.
fn every_sample_is_described(body: &str) {
    let mut described = BTreeSet::new();
    let mut lines = body.lines().peekable();
    assert!(body.ends_with('\n'));
    while let Some(line) = lines.next() {
        let (name, help) = line.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
        assert!(!help.is_empty() && name.starts_with("headland_agent_"), "{line}");
        assert!(described.insert(name), "{name} is described twice");
        let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        let mut samples = 0;
        while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
            let (series, value) = sample.rsplit_once(' ').unwrap();
            assert_eq!(series.split('{').next(), Some(name));
            value.parse::<f64>().unwrap();
            samples += 1;
        }
        assert!(samples > 0, "{name} has no sample");
    }
    assert!(described.len() > 20);
}
