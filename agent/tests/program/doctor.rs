//! The doctor, where no hub can be found.

use crate::device::{Device, Ran};
use rustix::process::Signal;
use serde_json::Value;

/// The findings by the first word of what was looked at.
fn examined(device: &Device) -> (Ran, Value) {
    let ran = device.agent(&["doctor", "--json", "--wait", "1"]);
    let report = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    (ran, report)
}

fn verdict<'a>(report: &'a Value, check: &str) -> &'a str {
    finding(report, check)["verdict"].as_str().unwrap()
}

fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    let of = |one: &&Value| one["check"].as_str().unwrap().split(' ').next() == Some(check);
    checks.iter().find(of).unwrap_or_else(|| panic!("{check}: {report}"))
}

#[test]
fn the_doctor_tells_what_works_and_what_does_not_running_or_not() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let (ran, report) = examined(&device);
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    assert_eq!((&report["running"], &report["sound"]), (&false.into(), &false.into()));
    for (check, wanted) in [
        ("configuration", "ok"),
        ("clock", "ok"),
        ("agent", "warning"),
        ("store", "ok"),
        ("broker", "failed"),
        ("hub", "skipped"),
    ] {
        assert_eq!(verdict(&report, check), wanted, "{check}: {report}");
    }
    assert!(
        finding(&report, "store")["found"]
            .as_str()
            .unwrap()
            .starts_with("1 model, ")
    );
    assert!(
        finding(&report, "broker")["found"]
            .as_str()
            .unwrap()
            .contains("refused")
    );
    let daemon = device.start();
    let (ran, report) = examined(&device);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(report["running"], true);
    for (check, wanted) in [
        ("agent", "ok"),
        ("store", "ok"),
        ("broker", "failed"),
        ("session", "failed"),
    ] {
        assert_eq!(verdict(&report, check), wanted, "{check}: {report}");
    }
    for one in report["checks"].as_array().unwrap() {
        let silent = one["remedy"].is_null();
        assert_eq!(
            silent,
            matches!(one["verdict"].as_str(), Some("ok" | "skipped")),
            "{one}"
        );
    }
    daemon.stop(Signal::TERM);
    let text = device.agent(&["doctor", "--wait", "1"]).out;
    assert!(text.starts_with("leaf-7: 1 check failed, 1 warning\n\nCHECK"), "{text}");
    assert!(text.contains("\nWhat to do\n  agent: start it by "), "{text}");
}

#[test]
fn a_wrong_configuration_is_a_finding_with_its_line_and_exit_code_2() {
    let device = Device::with("folow = [\"*/*\"]");
    let (ran, report) = examined(&device);
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), ""), "{ran:?}");
    let found = finding(&report, "configuration");
    assert_eq!(found["verdict"], "failed");
    let text = found["found"].as_str().unwrap();
    assert!(text.contains("agent.toml:5") && text.contains("did you mean"), "{text}");
    assert!(!device.store().exists());
}

#[test]
fn the_doctor_makes_no_store_and_leaves_a_broken_one_alone() {
    let device = Device::new();
    let (_, report) = examined(&device);
    assert_eq!(verdict(&report, "store"), "warning");
    assert!(!device.store().exists());
    let noise = "buy milk\n".repeat(1_000);
    std::fs::write(device.store(), &noise).unwrap();
    let (ran, report) = examined(&device);
    assert_eq!(verdict(&report, "store"), "failed", "{ran:?}");
    assert_eq!(std::fs::read_to_string(device.store()).unwrap(), noise);
    std::fs::remove_file(device.store()).unwrap();
    let _held = headland_host::store_file::open(&device.store(), 65_536).unwrap();
    let (_, report) = examined(&device);
    assert!(
        finding(&report, "store")["found"]
            .as_str()
            .unwrap()
            .contains("in use by another process")
    );
}
