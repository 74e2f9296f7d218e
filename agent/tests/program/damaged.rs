//! Stores that were damaged on purpose, and stores of newer versions.

use crate::device::{Device, Method, StatusCode};
use headland_host::store_file;
use headland_host::tables::META;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::PathBuf;

const NOTES: usize = 40;

/// A device with models, notes and counts, of which no hub knows. Its agent does not run.
fn device() -> Device {
    let device = Device::new();
    let names: Vec<_> = (0..300).map(|number| format!("a/{number}")).collect();
    device.hold(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let daemon = device.start();
    for number in 0..NOTES {
        let target = format!("/v1/namespaces/default/models/a%2F{number}/annotations");
        let note = json!({ "text": format!("note {number}: {}", "x".repeat(300)) });
        assert_eq!(device.ask(Method::POST, &target, Some(&note)).0, StatusCode::CREATED);
    }
    assert_eq!(daemon.stop(Signal::TERM).0, Some(0));
    device
}

/// A number that follows from this one.
fn scattered(number: u64) -> u64 {
    let mut number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^= number >> 31;
    number.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (number >> 29)
}

fn garble(bytes: &mut [u8], seed: u64) {
    for (at, byte) in (0..).zip(bytes) {
        *byte = scattered(seed.wrapping_mul(1_000_003) + at) as u8;
    }
}

/// The files to which damaged stores were moved.
fn moved_aside(device: &Device) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(device.file("")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().contains(".redb.corrupt-20"))
        .collect()
}

/// Damages the store, starts the agent, and gives what it says of the damage.
fn after(device: &Device, damage: impl FnOnce(&mut Vec<u8>)) -> Option<Value> {
    let mut bytes = std::fs::read(device.store()).unwrap();
    damage(&mut bytes);
    std::fs::write(device.store(), &bytes).unwrap();
    let daemon = device.start();
    let status = device.ask(Method::GET, "/v1/status", None).1;
    assert_eq!(device.ask(Method::GET, "/healthz", None).0, StatusCode::OK);
    let text = device.agent(&["status"]).printed();
    let errors = daemon.errors();
    let moved = moved_aside(device);
    let rescued = status.get("rescued")?.clone();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let file = rescued["file"].as_str().unwrap();
    assert!(errors[0].contains(file) && errors[0].contains("damaged"), "{errors:?}");
    assert_eq!(moved, [device.file(file)]);
    assert_eq!(
        std::fs::read(&moved[0]).unwrap(),
        bytes,
        "the damaged file is as it was"
    );
    assert_eq!(status["models"], 0);
    assert_eq!(status["pending_writes"], rescued["writes"]);
    assert!(
        text.contains(&format!("now {file}: {} own writes rescued", rescued["writes"])),
        "{text}"
    );
    Some(rescued)
}

#[test]
fn a_store_without_its_beginning_is_moved_aside_and_all_own_writes_are_rescued() {
    let device = device();
    let rescued = after(&device, |bytes| garble(&mut bytes[..64], 1)).unwrap();
    assert_eq!((&rescued["writes"], &rescued["unreadable"]), (&json!(NOTES), &json!(0)));
    // The next start is one like any other, and goes on telling of it.
    let _daemon = device.start();
    let status = device.ask(Method::GET, "/v1/status", None).1;
    assert_eq!(status["rescued"], rescued);
    assert_eq!(status["pending_writes"], NOTES);
    assert_eq!(moved_aside(&device).len(), 1);
}

#[test]
fn a_store_that_was_cut_off_or_overwritten_never_keeps_the_agent_from_starting() {
    let device = device();
    let whole = std::fs::read(device.store()).unwrap();
    let pages = whole.len() / 4096;
    let (mut damaged, mut rescued) = (0, Vec::new());
    for seed in 0..30_u64 {
        std::fs::write(device.store(), &whole).unwrap();
        for path in moved_aside(&device) {
            std::fs::remove_file(path).unwrap();
        }
        let found = after(&device, |bytes| match seed % 3 {
            0 => bytes.truncate(1 + scattered(seed) as usize % bytes.len()),
            1 => garble(&mut bytes[..320], seed),
            _ => {
                let at = (1 + scattered(seed) as usize % (pages - 1)) * 4096;
                garble(&mut bytes[at..at + 4096], seed);
            }
        });
        if let Some(found) = found {
            damaged += 1;
            rescued.push(found["writes"].as_u64().unwrap());
        }
    }
    assert!(damaged >= 20, "{damaged} of 30 were noticed");
    assert!(rescued.contains(&(NOTES as u64)), "{rescued:?}");
    assert!(rescued.iter().all(|writes| *writes <= NOTES as u64), "{rescued:?}");
}

#[test]
fn commands_and_the_doctor_leave_a_damaged_store_to_the_agent() {
    let device = device();
    let mut bytes = std::fs::read(device.store()).unwrap();
    garble(&mut bytes[..64], 3);
    std::fs::write(device.store(), &bytes).unwrap();
    for args in [vec!["models"], vec!["status"], vec!["count", "a/1"]] {
        let ran = device.agent(&args);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(
            ran.err.contains("is damaged") && ran.err.contains("start `headland-agent run`"),
            "{ran:?}"
        );
    }
    let ran = device.agent(&["doctor", "--wait", "1"]);
    assert!(ran.out.contains("is damaged"), "{ran:?}");
    assert_eq!(std::fs::read(device.store()).unwrap(), bytes);
    assert!(moved_aside(&device).is_empty());
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let device = Device::new();
    let notes = "buy milk – and bread\n".repeat(1_000);
    std::fs::write(device.store(), &notes).unwrap();
    for args in [["run"], ["sync"], ["status"]] {
        assert!(device.agent(&args).refused().contains("is not a Headland store"));
    }
    assert_eq!(std::fs::read_to_string(device.store()).unwrap(), notes);
    assert!(moved_aside(&device).is_empty());
}

#[test]
fn a_store_of_a_newer_version_is_refused_with_the_remedy_and_not_touched() {
    let device = device();
    let whole = std::fs::read(device.store()).unwrap();
    // The engine's own format: each of the two commit slots begins with it.
    let mut newer = whole.clone();
    (newer[64], newer[192]) = (9, 9);
    std::fs::write(device.store(), &newer).unwrap();
    for args in [["run"], ["sync"], ["status"]] {
        assert!(device.agent(&args).refused().contains("newer than this version reads"));
    }
    assert_eq!(std::fs::read(device.store()).unwrap(), newer);
    // The format of the tables.
    std::fs::write(device.store(), &whole).unwrap();
    let set = |name: &[u8], number: u32| {
        let database = store_file::open(&device.store(), 1024 * 1024).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction
            .open_table(META)
            .unwrap()
            .insert(name, number.to_be_bytes().as_slice())
            .unwrap();
        transaction.commit().unwrap();
    };
    set(b"format", 99);
    set(b"needs", 99);
    for args in [["run"], ["sync"], ["status"]] {
        assert!(device.agent(&args).refused().contains("use a newer version"));
    }
    assert!(moved_aside(&device).is_empty());
    set(b"format", 3);
    set(b"needs", 1);
    let text = device.agent(&["status"]).printed();
    assert!(text.contains(&format!("{NOTES} waiting for the hub")), "{text}");
}
