//! Commands on the store of a hub that does not run.

use crate::region::Region;
use serde_json::{Value, json};

const PRICES: &str = r#"{
  "sample_spec": {"mode": "chat"},
  "azure/gpt-4o:2024": {"mode": "chat", "litellm_provider": "azure", "input_cost_per_token": 1e-06},
  "gpt-4o": {"mode": "chat", "litellm_provider": "openai"}
}"#;

#[test]
fn records_and_prices_are_imported_and_shown() {
    let region = Region::new();
    let vision = region.models("vision.jsonl", &[("timm/a", "mit"), ("timm/b", "mit")]);
    let text = region
        .hub(&["import", &vision, "--namespace", "vision", "--register"])
        .printed();
    assert!(
        text.contains("imported as commit 1: 2 new, 0 changed, 0 gone; 2 models"),
        "{text}"
    );
    let prices = region.file("prices.json", PRICES);
    let text = region
        .hub(&["import", &prices, "--namespace", "llm", "--register"])
        .printed();
    assert!(text.contains("imported as commit 2: 2 new"), "{text}");
    assert!(text.contains("input_cost_per_token"), "{text}");

    let shown = region
        .hub(&["show", "azure/gpt-4o:2024", "--namespace", "llm", "--json"])
        .printed();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["model"]["attributes"]["litellm_provider"], "azure");
    let listed = region.hub(&["models", "--query", "TIMM"]).printed();
    assert!(listed.contains("timm/a") && !listed.contains("gpt"), "{listed}");
    let commits = region.commits();
    assert_eq!(commits.len(), 2);
    assert_eq!(
        (&commits[0]["kind"], &commits[0]["of"]),
        (&json!("import"), &json!("prices.json"))
    );
}

#[test]
fn an_unchanged_import_makes_no_commit() {
    let region = Region::new();
    let file = region.models("a.jsonl", &[("a", "mit")]);
    region.hub(&["import", &file, "--register"]).printed();
    let text = region.hub(&["import", &file]).printed();
    assert!(text.contains("nothing to import"), "{text}");
    assert_eq!(region.commits().len(), 1);
}

#[test]
fn a_dry_run_tells_everything_and_changes_nothing() {
    let region = Region::new();
    let file = region.models("a.jsonl", &[("a", "mit")]);
    let text = region.hub(&["import", &file, "--dry-run"]).printed();
    assert!(
        text.contains("would import: 1 new") && text.contains("license"),
        "{text}"
    );
    assert!(!region.store().exists());

    region.hub(&["import", &file, "--register"]).printed();
    let before = region.digest();
    let other = region.models("b.jsonl", &[("a", "apache-2.0"), ("b", "mit")]);
    let text = region.hub(&["import", &other, "--dry-run"]).printed();
    assert!(text.contains("would import: 1 new, 1 changed"), "{text}");
    assert_eq!((region.digest(), region.commits().len()), (before, 1));
}

#[test]
fn a_revert_takes_an_import_back_and_a_second_one_brings_it_again() {
    let region = Region::new();
    let first = region.models("first.jsonl", &[("a", "mit")]);
    region.hub(&["import", &first, "--register"]).printed();
    let license = || -> Value {
        let shown: Value = serde_json::from_str(&region.hub(&["show", "a", "--json"]).printed()).unwrap();
        shown["model"]["attributes"]["license"].clone()
    };
    let second = region.models("second.jsonl", &[("a", "apache-2.0"), ("b", "mit")]);
    region.hub(&["import", &second]).printed();
    assert_eq!(license(), "apache-2.0");
    let text = region.hub(&["revert", "2"]).printed();
    assert!(text.contains("reverted by commit 3"), "{text}");
    assert_eq!(license(), "mit");
    region.hub(&["show", "b"]).refused();
    region.hub(&["revert", "3"]).printed();
    assert_eq!(license(), "apache-2.0");
    region.hub(&["show", "b"]).printed();
    let commits = region.commits();
    assert_eq!(
        (&commits[0]["kind"], &commits[0]["of"]),
        (&json!("revert"), &json!("3"))
    );
}

#[test]
fn a_revoked_approval_stays_revoked() {
    let region = Region::new();
    let file = |name: &str, outcome: &str| {
        let version = json!({ "version": "1.0", "manifest": { "uri": "x" }, "approvals": { "field-use": outcome } });
        let record = json!({ "id": "a", "attributes": { "task": "t" }, "versions": [version], "current": "1.0" });
        region.file(name, &format!("{record}\n"))
    };
    let approval = || -> Value {
        let shown: Value = serde_json::from_str(&region.hub(&["show", "a", "--json"]).printed()).unwrap();
        shown["model"]["versions"]["1.0"]["approvals"]["field-use"].clone()
    };
    region.hub(&["import", &file("1.jsonl", "approved")]).printed();
    assert_eq!(approval(), "approved");
    region.hub(&["import", &file("2.jsonl", "revoked")]).printed();
    assert_eq!(approval(), "revoked");
    region.hub(&["import", &file("3.jsonl", "approved")]).printed();
    assert_eq!(approval(), "revoked");
}
