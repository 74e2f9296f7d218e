//! Asking the hub over HTTP: about models as at an agent, and about itself.

use crate::region::{Method, Region, StatusCode};
use serde_json::{Value, json};

fn region() -> Region {
    let region = Region::new();
    let model = |id: &str, task: &str, size: u64, license: &str| {
        json!({
            "id": id,
            "attributes": { "task": task, "size": size, "license": license, "description": format!("{task} by {id}") },
            "versions": [{ "version": "1.2", "manifest": { "uri": "oci://x" }, "approvals": { "field-use": "approved" } }],
            "current": "1.2",
        })
    };
    let lines = [
        model("timm/a", "image-classification", 3, "mit"),
        model("timm/b", "image-classification", 1, "apache-2.0"),
        model("meta/c", "chat", 2, "llama"),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = region.file("models.jsonl", &text);
    region.hub(&["import", &file, "--register"]).printed();
    region
}

fn get(region: &Region, target: &str) -> Value {
    let (status, answer) = region.ask(Method::GET, target, None);
    assert_eq!(status, StatusCode::OK, "{target}: {answer}");
    answer
}

fn names(answer: &Value) -> Vec<&str> {
    let models = answer["models"].as_array().unwrap();
    models.iter().map(|model| model["name"].as_str().unwrap()).collect()
}

#[test]
fn models_are_listed_by_filter_order_fields_and_words_as_at_an_agent() {
    let region = region();
    let _daemon = region.serve();
    let all = get(&region, "/v1/namespaces/default/models?order_by=size%20desc");
    assert_eq!(names(&all), ["timm/a", "meta/c", "timm/b"]);
    assert_eq!((&all["models_held"], &all["age_ms"]), (&json!(3), &json!(0)));
    assert_eq!((&all["source"], &all["head"]), (&json!("main"), &json!(1)));
    let of_task = get(
        &region,
        "/v1/models?filter=task%20%3D%20%22image-classification%22%20AND%20size%20%3C%203",
    );
    assert_eq!(names(&of_task), ["timm/b"]);
    assert_eq!(names(&get(&region, "/v1/models?q=CHAT")), ["meta/c"]);
    assert_eq!(names(&get(&region, "/v1/models?namespace=other")), [""; 0]);
    let masked = get(&region, "/v1/models?fields=license&page_size=1");
    assert_eq!(masked["models"][0]["attributes"], json!({ "license": "llama" }));
    let token = masked["next_page_token"].as_str().unwrap();
    let next = get(&region, &format!("/v1/models?page_token={token}"));
    assert_eq!(names(&next), ["timm/a", "timm/b"]);
    let (status, problem) = region.ask(Method::GET, &format!("/v1/models?q=x&page_token={token}"), None);
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        problem["detail"].as_str().unwrap().contains("another listing"),
        "{problem}"
    );
}

#[test]
fn parts_of_a_model_and_why_are_told_as_at_an_agent() {
    let region = region();
    let _daemon = region.serve();
    let of = |part: &str| get(&region, &format!("/v1/namespaces/default/models/timm%2Fa{part}"));
    assert_eq!(of("")["model"]["attributes"]["license"], "mit");
    let versions = of("/versions");
    assert_eq!(versions["current"], "1.2");
    assert_eq!(versions["versions"]["1.2"]["approvals"]["field-use"], "approved");
    assert_eq!(of("/aliases")["aliases"], json!({}));
    assert_eq!(of("/annotations")["annotations"], json!([]));
    let usage = of("/usage");
    assert_eq!((&usage["usage"], usage.get("device")), (&json!(0), None));
    assert_eq!(of("/availability")["availability"], Value::Null);
    let why = of("/why?attribute=license");
    assert_eq!(
        (&why["value"], &why["won"][0]["actor"]),
        (&json!("mit"), &json!("registry"))
    );
    assert_eq!(why["won"][0]["revision"], 1);
    let (status, problem) = region.ask(
        Method::GET,
        "/v1/namespaces/default/models/timm%2Fa/why?attribute=x",
        None,
    );
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::NOT_FOUND, &json!("urn:headland:problem:unknown-attribute"))
    );
}

#[test]
fn what_cannot_be_answered_is_a_problem_of_a_kind_with_the_remedy() {
    let region = region();
    let _daemon = region.serve();
    for (target, status, kind) in [
        ("/v1/models?filter=task%20%3D", 400, "bad-query"),
        ("/v1/models?page_size=0", 400, "bad-request"),
        ("/v1/models?colour=red", 400, "bad-request"),
        ("/v1/namespaces/default/models/none", 404, "unknown-model"),
        ("/v1/agents/leaf-7", 404, "unknown-agent"),
        ("/v1/agents/a%20b", 400, "bad-request"),
        ("/v1/agents?page_token=a%20b", 400, "bad-request"),
        ("/v1/history?limit=0", 400, "bad-request"),
        ("/v1/nothing", 404, "unknown-path"),
        ("/v1/import", 405, "wrong-method"),
    ] {
        let (found, problem) = region.ask(Method::GET, target, None);
        assert_eq!(found.as_u16(), status, "{target}: {problem}");
        assert_eq!(problem["type"], format!("urn:headland:problem:{kind}"), "{target}");
        assert_eq!(problem["status"], status, "{target}");
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.len() > 10),
            "{problem}"
        );
    }
    let (_, problem) = region.ask(Method::GET, "/v1/models?filter=task%20%3D", None);
    assert_eq!(
        (&problem["parameter"], &problem["position"]),
        (&json!("filter"), &json!(6))
    );
    let (status, problem) = region.ask(Method::POST, "/v1/registry/release", None);
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::CONFLICT, &json!("urn:headland:problem:nothing-held"))
    );
    let (status, problem) = region.ask(Method::POST, "/v1/revert", Some(&json!({ "sequence": 1 })));
    assert_eq!(
        (status, &problem["type"]),
        (StatusCode::BAD_REQUEST, &json!("urn:headland:problem:bad-request"))
    );
}

#[test]
fn the_hub_tells_how_it_is_to_those_who_look_after_it() {
    let region = region();
    let daemon = region.serve();
    assert_eq!(get(&region, "/healthz"), json!({ "status": "ok" }));
    assert_eq!(get(&region, "/v1/agents"), json!({ "agents": [], "enrolled": 0 }));
    assert_eq!(
        get(&region, "/v1/registry"),
        json!({ "life": 1, "revision": 1, "follow": null })
    );
    assert_eq!(get(&region, "/v1/history")["commits"][0]["new"], 3);
    assert_eq!(get(&region, "/v1/openapi.json")["openapi"], "3.1.0");
    let metrics = region.text("/metrics");
    for line in [
        "headland_hub_models 3",
        "headland_hub_head_seq 1",
        "headland_hub_registry_state{state=\"own\"} 1",
        "headland_hub_registry_state{state=\"held\"} 0",
        "headland_hub_agents 0",
        "headland_hub_queue_frames 0",
        "headland_hub_link_up 1",
        "# TYPE headland_hub_hellos_total counter",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("ratio"), "a share of nobody is no number: {metrics}");
    drop(daemon);
}
