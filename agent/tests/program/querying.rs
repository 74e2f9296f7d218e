//! Asking the daemon: filters, orders, pages, parts of a model, and how fresh an answer must be.

use crate::device::{Device, Method, StatusCode};
use headland_host::text::segment;
use serde_json::{Value, json};

const MODEL: &str = "/v1/namespaces/default/models/a%2FOne";

fn names(answer: &Value) -> Vec<&str> {
    let models = answer["models"].as_array().unwrap();
    models.iter().map(|model| model["name"].as_str().unwrap()).collect()
}

fn listing(parameters: &[(&str, &str)]) -> String {
    let texts: Vec<_> = parameters
        .iter()
        .map(|(name, text)| format!("{name}={}", segment(text)))
        .collect();
    format!("/v1/namespaces/default/models?{}", texts.join("&"))
}

#[test]
fn a_listing_is_narrowed_ordered_and_masked() {
    let device = Device::new();
    device.hold(&["a/One", "a/two", "b/three"]);
    let _daemon = device.start();
    for (parameters, wanted) in [
        (
            vec![("filter", "task = \"image-classification\"")],
            vec!["a/One", "a/two", "b/three"],
        ),
        (
            vec![("filter", "task = image-classification name = \"a/*\"")],
            vec!["a/One", "a/two"],
        ),
        (vec![("filter", "task = chat")], vec![]),
        (vec![("filter", "name = a/* AND NOT name = \"a/two\"")], vec!["a/One"]),
        (vec![("filter", "namespace = other")], vec![]),
        (
            vec![("order_by", "license, name desc")],
            vec!["b/three", "a/two", "a/One"],
        ),
        (vec![("q", "ONE")], vec!["a/One"]),
        (
            vec![("q", "a t"), ("filter", "task = image-classification")],
            vec!["a/two"],
        ),
        (vec![("q", "apache")], vec![]),
    ] {
        let (status, answer) = device.ask(Method::GET, &listing(&parameters), None);
        assert_eq!(status, StatusCode::OK, "{parameters:?}: {answer}");
        assert_eq!(names(&answer), wanted, "{parameters:?}");
    }
    let (_, answer) = device.ask(
        Method::GET,
        &listing(&[("fields", "license"), ("page_size", "1")]),
        None,
    );
    assert_eq!(
        answer["models"],
        json!([{"namespace": "default", "name": "a/One", "attributes": {"license": "apache-2.0"}}])
    );
    let text = device.agent(&["models", "--filter", "name = *two", "--json"]).printed();
    assert_eq!(names(&serde_json::from_str(&text).unwrap()), ["a/two"]);
    let text = device
        .agent(&["models", "--order-by", "name desc", "--limit", "1", "--json"])
        .printed();
    assert_eq!(names(&serde_json::from_str(&text).unwrap()), ["b/three"]);
}

#[test]
fn pages_go_on_in_every_order_and_a_token_is_good_for_its_own_listing_alone() {
    let device = Device::new();
    let held: Vec<String> = (0..23).map(|number| format!("m{number:02}")).collect();
    device.hold(&held.iter().map(String::as_str).collect::<Vec<_>>());
    let _daemon = device.start();
    for query in [
        vec![],
        vec![("order_by", "name desc")],
        vec![("order_by", "license, missing")],
        vec![("filter", "task = image-classification")],
        vec![("q", "m")],
    ] {
        let mut seen = Vec::new();
        let mut token = None;
        loop {
            let mut parameters = query.clone();
            parameters.push(("page_size", "5"));
            parameters.extend(token.as_deref().map(|token| ("page_token", token)));
            let (status, answer) = device.ask(Method::GET, &listing(&parameters), None);
            assert_eq!(status, StatusCode::OK, "{answer}");
            seen.extend(names(&answer).into_iter().map(str::to_owned));
            match answer["next_page_token"].as_str() {
                Some(next) => token = Some(next.to_owned()),
                None => break,
            }
        }
        if query.first() == Some(&("order_by", "name desc")) {
            seen.reverse();
        }
        assert_eq!(seen, held, "{query:?}");
    }
    let (_, first) = device.ask(Method::GET, &listing(&[("page_size", "5")]), None);
    let token = first["next_page_token"].as_str().unwrap();
    let other = listing(&[("page_token", token), ("filter", "task = chat")]);
    let (status, problem) = device.ask(Method::GET, &other, None);
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("begin anew without a token"),
        "{problem}"
    );
}

#[test]
fn a_malformed_query_is_answered_with_the_place_and_what_was_expected() {
    let device = Device::new();
    let _daemon = device.start();
    for (parameter, text, position, expected) in [
        ("filter", "task = ", 7, "a value"),
        ("filter", "task = \"ch", 10, "a closing \""),
        ("order_by", "name sideways", 5, "desc"),
        ("fields", "task,,", 5, "a field"),
    ] {
        let (status, problem) = device.ask(Method::GET, &listing(&[(parameter, text)]), None);
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(problem["type"], "urn:headland:problem:bad-query", "{problem}");
        assert_eq!(
            (&problem["parameter"], &problem["position"]),
            (&json!(parameter), &json!(position))
        );
        assert!(problem["expected"].as_str().unwrap().contains(expected), "{problem}");
    }
    let line = device.agent(&["models", "--filter", "task = "]).refused();
    assert!(line.contains("at byte 7: expected a value"), "{line}");
    for target in [
        "/v1/models?q=a&q=b",
        "/v1/models?max_staleness=5",
        "/v1/status?consistency=bounded",
    ] {
        assert_eq!(
            device.ask(Method::GET, target, None).0,
            StatusCode::BAD_REQUEST,
            "{target}"
        );
    }
}

#[test]
fn parts_of_a_model_have_paths_of_their_own() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let _daemon = device.start();
    let body = json!({"text": "misses rust"});
    device.ask(Method::POST, &format!("{MODEL}/annotations"), Some(&body));
    device.ask(Method::POST, &format!("{MODEL}/usage"), Some(&json!({"amount": 3})));
    let part = |rest: &str| {
        let (status, answer) = device.ask(Method::GET, &format!("{MODEL}/{rest}"), None);
        assert_eq!(status, StatusCode::OK, "{rest}: {answer}");
        assert_eq!(
            (&answer["name"], &answer["phase"]),
            (&json!("a/One"), &json!("offline")),
            "{rest}"
        );
        answer
    };
    assert_eq!(part("versions")["versions"], json!({}));
    assert_eq!(part("aliases")["aliases"], json!({}));
    let notes = part("annotations");
    assert_eq!(notes["annotations"][0]["text"], "misses rust");
    let (at, at_ms) = (&notes["annotations"][0]["at"], &notes["annotations"][0]["at_ms"]);
    assert_eq!(*at, json!(headland_shared::stamp::utc(at_ms.as_u64().unwrap())));
    let usage = part("usage");
    assert_eq!((&usage["usage"], &usage["device"]), (&json!(3), &json!(3)));
    assert_eq!(part("availability")["rule"], "precedence");
    let (status, problem) = device.ask(Method::GET, "/v1/namespaces/default/models/nobody/usage", None);
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::NOT_FOUND, &json!("urn:headland:problem:unknown-model"))
    );
}

#[test]
fn an_attribute_tells_which_write_is_shown_and_by_which_rule() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let daemon = device.start();
    let (_, why) = device.ask(Method::GET, &format!("{MODEL}/why?attribute=task"), None);
    assert_eq!(
        (&why["rule"], &why["value"]),
        (&json!("registry"), &json!("image-classification"))
    );
    let won = &why["won"][0];
    assert_eq!(
        (&won["actor"], &won["life"], &won["revision"]),
        (&json!("registry"), &json!(1), &json!(1))
    );
    assert_eq!(won["at"], "1970-01-01T00:00:00.001Z");
    assert_eq!(why["against"], json!([]));
    device.ask(Method::POST, &format!("{MODEL}/usage"), None);
    let (_, why) = device.ask(Method::GET, &format!("{MODEL}/why?attribute=usage"), None);
    assert_eq!((&why["rule"], &why["value"]), (&json!("counter"), &json!(1)));
    assert_eq!(why["counted"][0]["actor"], "leaf-7");
    let (status, problem) = device.ask(Method::GET, &format!("{MODEL}/why?attribute=colour"), None);
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(problem["type"], "urn:headland:problem:unknown-attribute");
    assert_eq!(
        device.ask(Method::GET, &format!("{MODEL}/why"), None).0,
        StatusCode::BAD_REQUEST
    );
    drop(daemon);
    let text = device.agent(&["why", "a/One", "license"]).printed();
    assert!(text.contains("written by the registry (life 1, revision 1)"), "{text}");
}

#[test]
fn an_answer_that_is_not_as_fresh_as_it_must_be_is_refused_or_warned_of() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let daemon = device.start();
    for (freshness, reason) in [
        ("max_staleness=1h", "nobody knows how old"),
        ("consistency=bounded&max_staleness=5s", "nobody knows how old"),
        ("consistency=strong&timeout=1s", "there is no link to a hub"),
    ] {
        for path in [MODEL, "/v1/models", "/v1/status", &format!("{MODEL}/why")] {
            let attribute = if path.ends_with("why") { "&attribute=task" } else { "" };
            let target = format!("{path}?{freshness}{attribute}");
            let (status, problem) = device.ask(Method::GET, &target, None);
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{target}: {problem}");
            assert_eq!(problem["type"], "urn:headland:problem:stale");
            assert!(problem["reason"].as_str().unwrap().contains(reason), "{problem}");
            let (status, answer) = device.ask(Method::GET, &format!("{target}&on_stale=warn"), None);
            assert_eq!(
                (status, &answer["bound_holds"]),
                (StatusCode::OK, &json!(false)),
                "{target}: {answer}"
            );
            assert!(answer["warning"].as_str().unwrap().contains(reason), "{answer}");
        }
    }
    let (_, answer) = device.ask(Method::GET, "/v1/models?consistency=eventual", None);
    assert_eq!(
        (&answer["consistency"], &answer["bound_holds"]),
        (&json!("eventual"), &json!(true))
    );
    assert!(device.headers("/v1/models").contains("headland-consistency: eventual"));
    let warned = device.headers("/v1/models?max_staleness=1h&on_stale=warn");
    assert!(warned.contains("headland-bound-holds: false"), "{warned}");
    assert!(warned.contains("headland-warning: nobody knows"), "{warned}");
    the_commands_refuse_and_warn(&device);
    drop(daemon);
    the_commands_refuse_and_warn(&device);
}

fn the_commands_refuse_and_warn(device: &Device) {
    for (args, reason) in [
        (
            ["show", "a/One", "--max-staleness", "5s"],
            "nobody knows how old the catalogue is",
        ),
        (["models", "--consistency", "strong", "--json"], "strong consistency"),
    ] {
        let ran = device.agent(&args);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(reason), "{ran:?}");
    }
    let text = device
        .agent(&["show", "a/One", "--max-staleness", "5s", "--warn"])
        .printed();
    assert!(text.contains("warning: nobody knows how old"), "{text}");
}
