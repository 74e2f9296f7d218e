//! What the program refuses: one line, exit code 2, and nothing changed.

use crate::region::Region;
use serde_json::json;

#[test]
fn new_attributes_are_listed_and_refused_without_register() {
    let region = Region::new();
    let file = region.models("a.jsonl", &[("a", "mit")]);
    let text = region.hub(&["import", &file]).refused();
    assert!(
        text.contains("1 new attribute") && text.contains("license (text, registry)"),
        "{text}"
    );
    assert!(text.contains("--register"), "{text}");
    assert!(region.commits().is_empty());
}

#[test]
fn an_import_that_removes_much_is_held_back_until_it_is_allowed() {
    let region = Region::new();
    let many = region.models("many.jsonl", &[("a", "mit"), ("b", "mit"), ("c", "mit")]);
    region.hub(&["import", &many, "--register"]).printed();
    let before = region.digest();
    let few = region.models("few.jsonl", &[("a", "mit")]);
    let text = region.hub(&["import", &few]).refused();
    assert!(
        text.contains("2 of 3 models") && text.contains("--allow-removals"),
        "{text}"
    );
    assert_eq!((region.digest(), region.commits().len()), (before, 1));
    let text = region.hub(&["import", &few, "--allow-removals"]).printed();
    assert!(text.contains("0 new, 0 changed, 2 gone; 1 model"), "{text}");
}

#[test]
fn a_released_version_keeps_its_manifest() {
    let region = Region::new();
    let file = |name: &str, uri: &str| {
        let record = json!({
            "id": "a", "attributes": { "task": "t" }, "versions": [{ "version": "1.0", "manifest": { "uri": uri } }],
        });
        region.file(name, &format!("{record}\n"))
    };
    region.hub(&["import", &file("1.jsonl", "x")]).printed();
    let text = region.hub(&["import", &file("2.jsonl", "y")]).refused();
    assert!(text.contains("version 1.0 is released with another manifest"), "{text}");
    assert_eq!(region.commits().len(), 1);
}

#[test]
fn a_file_with_a_mistake_is_refused_by_line_and_makes_no_store() {
    let region = Region::new();
    let file = region.file(
        "bad.jsonl",
        "{\"id\": \"a\", \"attributes\": {}}\n{\"id\": \"b\", \"atributes\": {}}\n",
    );
    let text = region.hub(&["import", &file]).refused();
    assert!(text.contains("bad.jsonl:2"), "{text}");
    assert!(!region.store().exists());
}

#[test]
fn looking_at_a_store_that_is_not_there_makes_none() {
    let region = Region::new();
    for command in [
        &["status"][..],
        &["models"],
        &["history"],
        &["revert", "1"],
        &["show", "a"],
    ] {
        let text = region.hub(command).refused();
        assert!(text.contains("there is none yet"), "{text}");
    }
    assert!(!region.store().exists());
}

#[test]
fn an_unknown_key_variable_command_or_commit_is_named() {
    let region = Region::new();
    let text = region
        .hub_with(("HEADLAND_BROKER__LISTN", "x"), &["--check-config"])
        .refused();
    assert!(text.contains("did you mean HEADLAND_BROKER__LISTEN"), "{text}");
    let text = region
        .hub_with(("HEADLAND_BROKER__LISTEN", "0.0.0.0:1883"), &["--check-config"])
        .refused();
    assert!(text.contains("other machines"), "{text}");
    let text = region.hub(&["sirve"]).refused();
    assert!(text.contains("serve"), "{text}");
    let file = region.models("a.jsonl", &[("a", "mit")]);
    region.hub(&["import", &file, "--register"]).printed();
    let text = region.hub(&["revert", "7"]).refused();
    assert!(text.contains("no such commit"), "{text}");
    region.file("hub.toml", "[broker]\nlisen = \"127.0.0.1:1\"\n");
    let text = region.hub(&["status"]).refused();
    assert!(
        text.contains("hub.toml:2") && text.contains("did you mean \"broker.listen\"?"),
        "{text}"
    );
}

#[test]
fn a_store_in_use_by_a_hub_that_is_silent_is_left_to_it() {
    let region = Region::new();
    let _daemon = region.serve();
    std::fs::remove_file(region.socket()).unwrap();
    for command in ["status", "serve"] {
        let text = region.hub(&[command]).failed();
        assert!(text.contains("another process has it"), "{text}");
    }
}
