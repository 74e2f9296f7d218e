//! Commands while no agent runs.

use crate::device::Device;
use serde_json::Value;

#[test]
fn models_are_listed_and_shown_from_the_store() {
    let device = Device::new();
    device.hold(&["timm/resnet50.a1_in1k", "timm/vit_tiny"]);
    let text = device.agent(&["models"]).printed();
    let wanted = "\
2 models, age unknown: no contact since this device was started

NAME                   TASK                  LICENCE
timm/resnet50.a1_in1k  image-classification  apache-2.0
timm/vit_tiny          image-classification  apache-2.0
";
    assert_eq!(text, wanted);
    let text = device.agent(&["models", "--query", "VIT"]).printed();
    assert!(text.starts_with("1 model with \"VIT\", of 2 held, "), "{text}");
    let text = device.agent(&["models", "--limit", "1"]).printed();
    assert!(text.starts_with("the first 1 model, of 2 held, "), "{text}");
    let text = device.agent(&["show", "timm/vit_tiny"]).printed();
    assert!(text.contains("  license  apache-2.0\n"), "{text}");
    let text = device.agent(&["show", "timm/vit_tiny", "--json"]).printed();
    let one: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(one["model"]["name"], "timm/vit_tiny");
}

#[test]
fn notes_and_counts_wait_in_the_store() {
    let device = Device::new();
    device.hold(&["timm/vit_tiny"]);
    let id = device
        .agent(&["annotate", "timm/vit_tiny", "misses rust", "--subject", "crop"])
        .printed();
    let text = device.agent(&["count", "timm/vit_tiny", "--by", "3"]).printed();
    assert_eq!(text, "default/timm/vit_tiny: 3 counted on this device\n");
    let text = device.agent(&["count", "timm/vit_tiny", "--by", "-1"]).printed();
    assert_eq!(text, "default/timm/vit_tiny: 2 counted on this device\n");
    let text = device.agent(&["show", "timm/vit_tiny"]).printed();
    assert!(text.contains("leaf-7, on crop\n    misses rust\n"), "{text}");
    assert!(text.contains("  usage  2\n"), "{text}");
    let text = device.agent(&["status"]).printed();
    assert!(text.starts_with("leaf-7: not running, data of unknown age\n"), "{text}");
    assert!(text.contains("2 waiting for the hub"), "{text}");
    assert_eq!(
        device
            .agent(&["annotate", "timm/vit_tiny", "--remove", id.trim()])
            .printed(),
        "removed\n"
    );
    let text = device.agent(&["show", "timm/vit_tiny"]).printed();
    assert!(!text.contains("misses rust"), "{text}");
}

#[test]
fn a_sync_without_a_hub_fails_with_the_reason() {
    let device = Device::with("[sync]\ntimeout_s = 1\n[link]\nbackoff_ms_max = 100");
    let ran = device.agent(&["sync"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.err.contains("not in step after 1 s: mqtt://127.0.0.1:1/main: "),
        "{ran:?}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let device = Device::new();
    device.hold(&["timm/vit_tiny"]);
    for args in [["models"], ["status"], ["--help"]] {
        let ran = device.agent_unread(&args);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn why_explains_the_attributes_that_are_named_or_the_first_ones() {
    let device = Device::new();
    device.hold(&["timm/vit_tiny"]);
    let list = |args: &[&str]| {
        let text = device.agent(args).printed();
        let answers: Value = serde_json::from_str(&text).unwrap();
        let attribute = |one: &Value| one["attribute"].as_str().unwrap().to_owned();
        answers.as_array().unwrap().iter().map(attribute).collect::<Vec<_>>()
    };
    assert_eq!(list(&["why", "timm/vit_tiny", "--json"]), ["license", "task"]);
    assert_eq!(list(&["why", "timm/vit_tiny", "--json", "--limit", "1"]), ["license"]);
    assert_eq!(
        list(&["why", "timm/vit_tiny", "task", "license", "--json"]),
        ["task", "license"]
    );
    let one = device.agent(&["why", "timm/vit_tiny", "license", "--json"]).printed();
    assert!(one.starts_with('{'), "{one}");
    let all = device.agent(&["why", "timm/vit_tiny"]).printed();
    let license = device.agent(&["why", "timm/vit_tiny", "license"]).printed();
    let task = device.agent(&["why", "timm/vit_tiny", "task"]).printed();
    assert_eq!(all, format!("{license}\n{task}"));
    assert!(
        device
            .agent(&["why", "timm/vit_tiny", "colour"])
            .refused()
            .contains("colour")
    );
}
