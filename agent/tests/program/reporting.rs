//! What this device says of whether models can be used on it.

use crate::device::{Device, Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};

const MODEL: &str = "/v1/namespaces/default/models/a%2FOne/availability";
const TASK: &str = "image-classification";

fn chosen(device: &Device) -> Value {
    let answer: Value = serde_json::from_str(&device.agent(&["resolve", TASK, "--json"]).out).unwrap();
    answer["answer"]["model"].clone()
}

#[test]
fn a_model_that_is_reported_down_is_not_resolved_until_that_is_taken_back() {
    let device = Device::new();
    device.hold(&["a/One", "b/two"]);
    assert_eq!(chosen(&device), "a/One");
    let text = device.agent(&["report", "a/One", "down"]).printed();
    assert_eq!(text, "default/a/One: down on this device\n");
    assert_eq!(chosen(&device), "b/two");
    let text = device.agent(&["resolve", TASK]).printed();
    assert!(text.contains("a/One    the model is down\n"), "{text}");

    let daemon = device.start();
    assert_eq!(chosen(&device), "b/two");
    let text = device.agent(&["report", "a/One", "degraded", "--json"]).printed();
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        json!({"reported": "degraded"})
    );
    assert_eq!(chosen(&device), "a/One");
    device.agent(&["report", "a/One", "Offline"]).printed();
    assert_eq!(chosen(&device), "b/two");
    let (_, told) = device.ask(Method::GET, MODEL, None);
    assert_eq!(told["availability"], "Offline");
    assert_eq!(
        (&told["by"]["actor"], &told["by"]["rank"]),
        (&json!("leaf-7"), &json!("automation"))
    );
    daemon.stop(Signal::KILL);

    assert_eq!(chosen(&device), "b/two");
    let text = device.agent(&["report", "a/One", "--take-back"]).printed();
    assert_eq!(text, "default/a/One: nothing reported by this device\n");
    assert_eq!(chosen(&device), "a/One");
    let text = device.agent(&["status"]).printed();
    assert!(text.contains("1 waiting for the hub"), "{text}");
}

#[test]
fn a_report_counts_against_what_was_seen_whatever_the_clock_of_the_device() {
    let device = Device::new();
    // As seen by a device that takes this year for one long past.
    let next_century = 4_102_444_800_000;
    device.hold_saying(&["a/One"], Some(("up", next_century)));
    assert_eq!(chosen(&device), "a/One");
    let _ = device.agent(&["report", "a/One", "down"]).printed();
    assert_eq!(chosen(&device), Value::Null);
    let _ = device.agent(&["report", "a/One", "--take-back"]).printed();
    assert_eq!(chosen(&device), "a/One");
}

#[test]
fn a_report_with_a_key_is_made_once_running_or_not() {
    let device = Device::new();
    device.hold(&["a/One", "b/two"]);
    let down = ["report", "a/One", "down", "--idempotency-key", "k-1"];
    let first = device.agent(&down).printed();
    device.agent(&["report", "a/One", "up"]).printed();
    assert_eq!(device.agent(&down).printed(), first);
    assert_eq!(chosen(&device), "a/One");
    let _daemon = device.start();
    assert_eq!(device.agent(&down).printed(), first);
    assert_eq!(chosen(&device), "a/One");
    for other in [
        vec!["report", "a/One", "up", "--idempotency-key", "k-1"],
        vec!["report", "a/One", "--take-back", "--idempotency-key", "k-1"],
        vec!["report", "b/two", "down", "--idempotency-key", "k-1"],
    ] {
        assert!(device.agent(&other).refused().contains("key"), "{other:?}");
    }
}

#[test]
fn a_report_that_says_nothing_or_too_much_is_refused() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let _daemon = device.start();
    let long = "x".repeat(257);
    for said in ["", " ", long.as_str()] {
        let line = device.agent(&["report", "a/One", said]).refused();
        assert!(line.contains("in 1 to 256, such as \"down\""), "{line}");
        let (status, problem) = device.ask(Method::POST, MODEL, Some(&json!({ "availability": said })));
        assert_eq!(
            (status, &problem["type"]),
            (
                StatusCode::UNPROCESSABLE_ENTITY,
                &json!("urn:headland:problem:unfit-report")
            )
        );
    }
    // Nothing is taken back by a request that forgot what to say.
    for body in [json!({}), json!({"availability": 3}), json!({"avail": "up"})] {
        assert_eq!(
            device.ask(Method::POST, MODEL, Some(&body)).0,
            StatusCode::BAD_REQUEST,
            "{body}"
        );
    }
    assert!(device.agent(&["report", "a/One"]).refused().contains("AVAILABILITY"));
    assert!(
        device
            .agent(&["report", "a/One", "up", "--take-back"])
            .refused()
            .contains("--take-back")
    );
}
