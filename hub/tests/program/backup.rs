//! Backups: taken while the hub runs or not, and stores made out of them.

use crate::region::{Method, Region, StatusCode};
use rustix::process::Signal;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

fn filled() -> Region {
    let region = Region::new();
    let file = region.models("a.jsonl", &[("timm/a", "mit"), ("timm/b", "apache-2.0")]);
    region.hub(&["import", &file, "--register"]).printed();
    region
}

fn place(region: &Region, name: &str) -> String {
    region.store().with_file_name(name).to_str().unwrap().to_owned()
}

fn status(region: &Region) -> Value {
    serde_json::from_str(&region.hub(&["status", "--json"]).printed()).unwrap()
}

#[test]
fn a_backup_of_a_running_hub_is_restored_elsewhere_under_a_higher_epoch() {
    let region = filled();
    let daemon = region.serve();
    let backup = place(&region, "backup");
    let text = region.hub(&["backup", &backup]).printed();
    assert!(
        text.contains("2 models and 0 agents of region main, up to commit 1"),
        "{text}"
    );
    let mode = std::fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // What comes after it is not in it.
    let later = region.models("b.jsonl", &[("timm/a", "mit")]);
    region.hub(&["import", &later, "--allow-removals"]).printed();
    assert_eq!(region.ask(Method::GET, "/v1/status", None).0, StatusCode::OK);
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));

    let other = Region::new();
    let text = other.hub(&["restore", &backup]).printed();
    assert!(
        text.contains("restored 2 models") && text.contains("confirm-restored"),
        "{text}"
    );
    let (was, is) = (status(&region), status(&other));
    assert_eq!((&is["models"], &is["head"]), (&Value::from(2), &Value::from(1)));
    let number = |status: &Value| {
        status["epoch"]
            .as_str()
            .unwrap()
            .split('-')
            .next()
            .unwrap()
            .parse::<u32>()
    };
    assert_eq!(number(&is).unwrap(), number(&was).unwrap() + 1);
    assert_eq!(is["registry"]["life"], 2);
    assert!(is["restored_ms_ago"].is_number(), "{is}");
    let daemon = other.serve();
    let (status, model) = other.ask(Method::GET, "/v1/namespaces/default/models/timm%2Fb", None);
    assert_eq!(
        (status, &model["model"]["attributes"]["license"]),
        (StatusCode::OK, &Value::from("apache-2.0"))
    );
    let file = other.models(
        "c.jsonl",
        &[("timm/a", "mit"), ("timm/b", "apache-2.0"), ("timm/c", "mit")],
    );
    other.hub(&["import", &file]).printed();
    assert_eq!(other.commits().len(), 2);
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
}

#[test]
fn a_backup_of_a_hub_that_does_not_run_holds_the_same() {
    let region = filled();
    let directory = region.store().parent().unwrap().to_str().unwrap().to_owned();
    let answer: Value = serde_json::from_str(&region.hub(&["backup", &directory, "--json"]).printed()).unwrap();
    let file = PathBuf::from(answer["file"].as_str().unwrap());
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("headland-hub-main-") && name.ends_with(".backup"),
        "{name}"
    );
    let before = region.digest();
    let text = region.hub(&["restore", file.to_str().unwrap()]).refused();
    assert!(text.contains("--replace"), "{text}");
    region.hub(&["restore", file.to_str().unwrap(), "--replace"]).printed();
    assert_eq!(region.digest(), before);
    let left = std::fs::read_dir(&directory).unwrap();
    let left = left.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("restored")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn what_is_no_whole_backup_changes_nothing_and_a_file_that_is_there_stays() {
    let region = filled();
    let backup = place(&region, "backup");
    region.hub(&["backup", &backup]).printed();
    let text = region.hub(&["backup", &backup]).refused();
    assert!(text.contains("a file is there already"), "{text}");
    let bytes = std::fs::read(&backup).unwrap();
    let before = region.digest();
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    for (bytes, wanted) in [
        (changed.as_slice(), "damaged"),
        (&damaged, "damaged"),
        (&bytes[..bytes.len() - 1], "before its end"),
        (&bytes[..100], "before its end"),
        (b"buy milk", "no backup"),
        (b"", "no backup"),
    ] {
        std::fs::write(place(&region, "broken"), bytes).unwrap();
        let text = region
            .hub(&["restore", &place(&region, "broken"), "--replace"])
            .refused();
        assert!(text.contains(wanted), "{wanted}: {text}");
        assert_eq!(region.digest(), before);
    }
    let text = region.hub(&["restore", &place(&region, "none")]).refused();
    assert!(text.contains("reading backup"), "{text}");
    let text = region
        .hub_with(("HEADLAND_REGION", "south"), &["restore", &backup, "--replace"])
        .refused();
    assert!(text.contains("region main") && text.contains("serves south"), "{text}");
    let daemon = region.serve();
    let text = region.hub(&["restore", &backup, "--replace"]).refused();
    assert!(text.contains("stop it first"), "{text}");
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
}

#[test]
fn a_store_that_cannot_be_opened_gives_way_when_told_to() {
    let region = filled();
    let backup = place(&region, "backup");
    region.hub(&["backup", &backup]).printed();
    let before = region.digest();
    std::fs::write(region.store(), "buy milk\n".repeat(1_000)).unwrap();
    let text = region.hub(&["restore", &backup]).refused();
    assert!(text.contains("--replace"), "{text}");
    region.hub(&["restore", &backup, "--replace"]).printed();
    assert_eq!(region.digest(), before);
}
