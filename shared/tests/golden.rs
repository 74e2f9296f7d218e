//! Golden files: the bytes of every kind of message, key, state and value, as they have been released.
//!
//! What travels or is stored must be read by every later version, so golden files of a released version are only
//! added, never changed. A case without its file fails; `HEADLAND_GOLDEN_WRITE=1 cargo test -p headland-shared --test
//! golden` writes the files from today's structs. Bodies that are compressed may differ from one zstd to the next, so
//! of those only the reading is compared.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "golden/downs.rs"]
mod downs;
#[path = "golden/elements.rs"]
mod elements;
#[path = "golden/resync.rs"]
mod resync;
#[path = "golden/rows.rs"]
mod rows;
#[path = "golden/samples.rs"]
mod samples;
#[path = "golden/ups.rs"]
mod ups;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;

/// Panics unless these bytes are read as today's struct.
type Check = Box<dyn Fn(&[u8])>;

/// One golden file: today's bytes, and whether bytes are read as today's struct.
struct Case {
    name: String,
    bytes: Vec<u8>,
    /// Whether another encoder might choose other bytes that say the same.
    compressed: bool,
    check: Check,
}

fn case<T: PartialEq + Debug + 'static>(
    name: impl Into<String>,
    value: T,
    encode: impl Fn(&T) -> Vec<u8>,
    decode: impl Fn(&[u8]) -> T + 'static,
) -> Case {
    let name = name.into();
    let bytes = encode(&value);
    let said = name.clone();
    let check = Box::new(move |bytes: &[u8]| assert_eq!(decode(bytes), value, "{said}"));
    Case {
        name,
        bytes,
        compressed: false,
        check,
    }
}

/// Whether a frame's body is compressed.
fn is_compressed(frame: &[u8]) -> bool {
    frame[2] & 1 == 1
}

fn cases() -> Vec<Case> {
    [
        ups::ups(),
        downs::downs(),
        downs::fragments(),
        resync::resync(),
        elements::keys(),
        elements::states(),
        elements::values(),
        elements::stored(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

fn hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n";
    bytes.chunks(32).map(line).collect()
}

fn golden(case: &Case) -> Vec<u8> {
    if std::env::var_os("HEADLAND_GOLDEN_WRITE").is_some_and(|write| write == "1") {
        std::fs::write(directory().join(format!("{}.hex", case.name)), hex(&case.bytes)).unwrap();
    }
    released(&case.name)
}

/// The bytes of a golden file.
fn released(name: &str) -> Vec<u8> {
    let path = directory().join(format!("{name}.hex"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn todays_bytes_are_those_of_the_golden_files() {
    for case in cases().iter().filter(|case| !case.compressed) {
        assert_eq!(hex(&golden(case)), hex(&case.bytes), "{}", case.name);
    }
}

#[test]
fn golden_files_are_read_as_todays_structs() {
    for case in cases() {
        (case.check)(&golden(&case));
        (case.check)(&case.bytes);
    }
}

#[test]
fn some_golden_files_are_compressed_and_most_are_not() {
    let compressed = |case: &&Case| case.compressed;
    let cases = cases();
    let count = cases.iter().filter(compressed).count();
    assert!((1..cases.len() / 4).contains(&count), "{count} of {}", cases.len());
    for case in cases.iter().filter(compressed) {
        assert!(is_compressed(&golden(case)), "{}", case.name);
    }
}

#[test]
fn every_golden_file_has_its_case() {
    let cases = cases();
    let named: BTreeSet<String> = cases.iter().map(|case| format!("{}.hex", case.name)).collect();
    assert_eq!(named.len(), cases.len(), "two cases have one name");
    let found = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let found: BTreeSet<String> = found.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(found, named);
}
