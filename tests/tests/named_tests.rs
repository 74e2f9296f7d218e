//! The tests that the documents name exist.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Documents, their sections whose table names tests in its last column, and how many at least: fewer would mean that
/// the table is read wrongly.
const NAMING: [(&str, &str, usize); 2] = [
    (
        "docs/sync.md",
        "## What goes wrong elsewhere, and the test that shows it does not here",
        15,
    ),
    ("docs/postgres.md", "## Traps", 12),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What stands between backticks in the last column of a section's table.
fn named(document: &str, section: &str) -> BTreeSet<String> {
    let (_, section) = document.split_once(section).expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|'));
    let last = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    last.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(ToOwned::to_owned))
        .collect()
}

/// The functions below a directory that stand behind an attribute that makes them tests.
fn tests_below(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tests_in(&fs::read_to_string(&path).unwrap(), found);
        }
    }
}

fn tests_in(source: &str, found: &mut BTreeSet<String>) {
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        let function = line.trim_start_matches("async ").strip_prefix("fn ");
        match function.and_then(|function| function.split('(').next()) {
            Some(name) if is_test => {
                found.insert(name.to_owned());
                is_test = false;
            }
            Some(_) => is_test = false,
            None => is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test"),
        }
    }
}

#[test]
fn every_test_that_the_documents_name_is_there() {
    let mut found = BTreeSet::new();
    for directory in ["agent", "hub", "shared", "tests"] {
        tests_below(&repository().join(directory), &mut found);
    }
    for (path, section, named_min) in NAMING {
        let document = fs::read_to_string(repository().join(path)).unwrap();
        let named = named(&document, section);
        assert!(named.len() >= named_min, "{path}: {named:?}");
        let missing: Vec<&String> = named.difference(&found).collect();
        assert!(missing.is_empty(), "{path} names tests that are not there: {missing:?}");
    }
}

#[test]
fn functions_that_are_no_tests_do_not_count() {
    let mut found = BTreeSet::new();
    let source = "fn helper() {}\n#[tokio::test]\n#[ignore = \"long\"]\nasync fn a_claim() {}\nfn another() {}\n#[test]\nfn b() {}";
    tests_in(source, &mut found);
    assert_eq!(found, BTreeSet::from(["a_claim".to_owned(), "b".to_owned()]));
}
