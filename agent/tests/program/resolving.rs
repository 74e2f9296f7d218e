//! Which version a device should use, asked without a hub.

use crate::device::{Device, Method, StatusCode};
use serde_json::{Value, json};

const TASK: &str = "image-classification";

#[test]
fn the_answer_is_printed_first_and_then_why_the_others_are_refused() {
    let device = Device::with("[device.labels]\nsite = \"north\"");
    device.hold(&["timm/resnet50.a1_in1k", "timm/vit_tiny"]);
    let ran = device.agent(&["resolve", TASK, "--need", "license=apache-2.0|mit"]);
    let wanted = "\
timm/resnet50.a1_in1k
for image-classification on leaf-7, age unknown: no contact since this device was started
a model without versions, of namespace default

REFUSED        WHY
timm/vit_tiny  fits as well; timm/resnet50.a1_in1k comes first
";
    assert_eq!(ran.printed(), wanted);
    let text = device.agent(&["resolve", TASK, "--json"]).printed();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&answer["device"], &answer["considered"]),
        (&json!("leaf-7"), &json!(2))
    );
}

#[test]
fn when_nothing_fits_the_exit_code_says_so() {
    let device = Device::new();
    device.hold(&["timm/vit_tiny"]);
    for (arguments, wanted) in [
        (
            vec!["--approval", "field-use"],
            "timm/vit_tiny  this version is not approved for field-use\n",
        ),
        (
            vec!["--alias", "champion"],
            "timm/vit_tiny  the model has no alias champion\n",
        ),
        (vec!["--namespace", "other"], "no other among 0 models\n"),
    ] {
        let ran = device.agent(&[vec!["resolve", TASK], arguments].concat());
        assert_eq!((ran.code, ran.err.as_str()), (Some(3), ""), "{ran:?}");
        assert!(
            ran.out
                .starts_with("no version fits\nfor image-classification on leaf-7, "),
            "{ran:?}"
        );
        assert!(ran.out.ends_with(wanted), "{ran:?}");
    }
}

#[test]
fn the_daemon_answers_and_refuses_what_is_no_question() {
    let device = Device::new();
    device.hold(&["timm/vit_tiny"]);
    let _daemon = device.start();
    let ask = |body: Value| device.ask(Method::POST, "/v1/resolve", Some(&body));
    let (status, answer) = ask(json!({ "task": TASK }));
    assert_eq!(
        (status, &answer["answer"]["model"]),
        (StatusCode::OK, &json!("timm/vit_tiny"))
    );
    assert_eq!((&answer["phase"], &answer["age_ms"]), (&json!("offline"), &json!(null)));
    let text = device.agent(&["resolve", TASK, "--alias", "champion"]);
    assert_eq!(text.code, Some(3), "{text:?}");
    for (body, wanted) in [
        (json!({}), "missing field `task`"),
        (json!({ "task": TASK, "needs": {} }), "unknown field `needs`"),
        (
            json!({ "task": TASK, "need": { "size": null } }),
            "a need is true or false",
        ),
        (json!({ "task": "" }), "task \"\" is empty"),
    ] {
        let (status, problem) = ask(body);
        assert_eq!(
            (status, &problem["type"]),
            (StatusCode::BAD_REQUEST, &json!("urn:headland:problem:bad-request"))
        );
        assert!(problem["detail"].as_str().unwrap().contains(wanted), "{problem}");
    }
    let (status, _) = ask(json!({ "task": TASK, "need": { "a": "x".repeat(40_000) } }));
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let error = device.agent(&["resolve", TASK, "--need", "size"]).refused();
    assert!(error.contains("write K=V"), "{error}");
}
