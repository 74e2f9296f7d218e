//! The program that is run when models have changed.

use crate::device::{Device, Method, StatusCode};
use headland_host::text::segment;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// Far longer than anything here takes, so that only a hang runs into it.
const WAIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);

fn note(device: &Device, model: &str, text: &str) {
    let target = format!("/v1/namespaces/default/models/{}/annotations", segment(model));
    let (status, answer) = device.ask(Method::POST, &target, Some(&json!({ "text": text })));
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

/// Waits until something is so.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + WAIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waiting for {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What each finished run was told: lines of JSON, up to one that says `end`.
fn runs(told: &Path) -> Vec<Vec<Value>> {
    let text = std::fs::read_to_string(told).unwrap_or_default();
    let (whole, _) = text.rsplit_once("end\n").unwrap_or_default();
    let runs = whole
        .split("end\n")
        .filter(|_| !whole.is_empty() || text.starts_with("end\n"));
    runs.map(|run| run.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
        .collect()
}

fn until_runs(told: &Path, count: usize) -> Vec<Vec<Value>> {
    until(&format!("{count} runs"), || {
        Some(runs(told)).filter(|runs| runs.len() >= count)
    })
}

/// A device with three models, on which a script is run; `$1` in it is the device's directory.
fn device(script: &str, more: &str) -> Device {
    let device = Device::new();
    device.hold(&["a/One", "a/two", "b/three"]);
    let (path, here) = (device.script("reload", script), device.file(""));
    device.configure(&format!("[on_change]\nexec = [{path:?}, {here:?}]\n{more}"));
    device
}

const KEEP: &str = "#!/bin/sh\ncat >> \"$1/told\"\necho end >> \"$1/told\"\n";

fn changed(name: &str) -> Value {
    json!({ "event": "changed", "namespace": "default", "name": name })
}

fn gone(name: &str) -> Value {
    json!({ "event": "gone", "namespace": "default", "name": name })
}

#[test]
fn the_program_is_told_what_has_changed_and_after_a_start_that_anything_may_have() {
    let device = device(KEEP, "filter = 'name = \"a/*\"'");
    let told = device.file("told");
    let daemon = device.start();
    assert_eq!(until_runs(&told, 1), [[json!({ "event": "resync" })]]);
    note(&device, "a/One", "first");
    assert_eq!(until_runs(&told, 2)[1], [changed("a/One")]);
    note(&device, "b/three", "not of those");
    note(&device, "a/two", "second");
    let all = until("a/two", || {
        let all = runs(&told).split_off(2).concat();
        all.contains(&changed("a/two")).then_some(all)
    });
    // What a filter does not let through is told as gone, as to a watch.
    assert!(
        all.iter()
            .all(|one| *one == changed("a/two") || *one == gone("b/three")),
        "{all:?}"
    );
    let before = runs(&told).len();
    daemon.stop(Signal::TERM);
    let _daemon = device.start();
    assert_eq!(until_runs(&told, before + 1)[before], [json!({ "event": "resync" })]);
}

#[test]
fn what_changes_while_it_runs_is_told_by_one_run_afterwards() {
    let script = "#!/bin/sh\nmkdir \"$1/alone\" || echo twice > \"$1/overlap\"\ncat >> \"$1/told\"\n\
                  while [ ! -e \"$1/go\" ]; do sleep 0.01; done\necho end >> \"$1/told\"\nrmdir \"$1/alone\"\n";
    let device = device(script, "");
    let told = device.file("told");
    let _daemon = device.start();
    until("the first run", || {
        std::fs::read_to_string(&told).ok().filter(|text| text.ends_with('\n'))
    });
    for _ in 0..20 {
        // The agent answers and writes meanwhile.
        note(&device, "a/One", "x");
        note(&device, "a/two", "x");
    }
    assert_eq!(runs(&told).len(), 0);
    std::fs::write(device.file("go"), "").unwrap();
    let runs = until_runs(&told, 2);
    assert_eq!(runs[1], [changed("a/One"), changed("a/two")]);
    assert!(!device.file("overlap").exists());
}

#[test]
fn a_run_that_fails_is_made_again_with_the_same() {
    let script = "#!/bin/sh\ncat > \"$1/last\"\nif [ -e \"$1/ill\" ]; then rm \"$1/ill\"; exit 3; fi\n\
                  cat \"$1/last\" >> \"$1/told\"; echo end >> \"$1/told\"\n";
    let device = device(script, "");
    let told = device.file("told");
    let _daemon = device.start();
    until_runs(&told, 1);
    std::fs::write(device.file("ill"), "").unwrap();
    note(&device, "a/One", "x");
    until("the run that fails", || (!device.file("ill").exists()).then_some(()));
    assert_eq!(until_runs(&told, 2)[1], [changed("a/One")]);
}

/// Whether a process is there.
fn lives(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // One that has ended and that nobody has looked after is none.
    stat.rsplit_once(')')
        .is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

const HANG: &str =
    "#!/bin/sh\ntrap '' TERM\nsleep 600 &\necho $! > \"$1/id.new\"; mv \"$1/id.new\" \"$1/id\"\nwait\nsleep 600\n";

#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_started() {
    let device = device(HANG, "timeout_s = 1");
    let _daemon = device.start();
    let id = until("the program to run", || std::fs::read_to_string(device.file("id")).ok());
    assert!(lives(id.trim()));
    assert_eq!(device.ask(Method::GET, "/healthz", None).0, StatusCode::OK);
    until("its end", || (!lives(id.trim())).then_some(()));
    note(&device, "a/One", "the agent goes on");
}

#[test]
fn a_program_that_runs_holds_up_no_end_and_is_gone_with_the_agent() {
    let device = device(HANG, "");
    let daemon = device.start();
    let id = until("the program to run", || std::fs::read_to_string(device.file("id")).ok());
    let (code, took) = daemon.stop(Signal::TERM);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(2), "{took:?}");
    until("its end", || (!lives(id.trim())).then_some(()));
}

#[test]
fn a_program_that_is_not_there_leaves_the_agent_at_work() {
    let device = Device::with("[on_change]\nexec = [\"/nonexistent/reload\"]");
    device.hold(&["a/One"]);
    let _daemon = device.start();
    note(&device, "a/One", "x");
    assert_eq!(device.ask(Method::GET, "/healthz", None).0, StatusCode::OK);
}
