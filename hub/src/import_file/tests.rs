mod invalid_prices;
mod invalid_records;
mod valid;

use super::*;
use std::fs;
use tempfile::TempDir;

const FILE: &str = "catalog.json";

fn edge() -> Namespace {
    Namespace::new("edge").unwrap()
}

fn read_bytes(content: &[u8]) -> Result<Vec<ImportedRecord>, ImportFileError> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(FILE);
    fs::write(&path, content).unwrap();
    read_file(&path, &edge())
}

fn read(content: &str) -> Result<Vec<ImportedRecord>, ImportFileError> {
    read_bytes(content.as_bytes())
}

/// Asserts that reading fails at `place` with a message that holds all of `parts`.
#[track_caller]
fn assert_refused(content: &str, place: &str, parts: &[&str]) {
    assert_message(read(content).unwrap_err(), place, parts);
}

#[track_caller]
fn assert_message(error: ImportFileError, place: &str, parts: &[&str]) {
    let message = error.to_string();
    let place = format!("{FILE}{place}");
    for part in parts.iter().chain([&place.as_str()]) {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named_with_what_to_check() {
    let dir = TempDir::new().unwrap();
    let error = read_file(&dir.path().join(FILE), &edge()).unwrap_err();
    assert_message(error, ";", &["reading", "check that it is a file"]);
    assert!(matches!(
        read_file(dir.path(), &edge()),
        Err(ImportFileError::Read { .. })
    ));
}

#[test]
fn a_file_over_the_limit_is_refused_before_it_is_read() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(FILE);
    let file = File::create(&path).unwrap();
    file.set_len(FILE_BYTES_MAX + 1).unwrap();
    let error = read_file(&path, &edge()).unwrap_err();
    assert_message(error, ":", &["more than 256 MiB", "split it into smaller files"]);
}

#[test]
fn a_file_in_another_encoding_is_refused_at_the_first_wrong_line() {
    let error = read_bytes(b"{\"gpt-4\":\n{\"provider\":\n\"caf\xe9\"}}").unwrap_err();
    assert_message(error, ":3:", &["not utf-8", "save the file in UTF-8"]);
}

#[test]
fn a_file_without_records_is_refused() {
    let only_documentation = r#"{"sample_spec": {"mode": "one of chat, embedding"}}"#;
    for content in ["", "\n \r\n\n", "\u{feff}", "{}", only_documentation] {
        assert_refused(content, ":", &["holds no records", "check that it is the file"]);
    }
}

#[test]
fn a_file_of_neither_kind_is_refused_with_both_kinds_explained() {
    let both = ["one record a line", "`id`", "`attributes`", "by model id"];
    let contents = [
        ("id,attributes\nvit_tiny,{}\n", ":1:1:"),
        ("[{\"id\": \"vit_tiny\", \"attributes\": {}}]", ":1:"),
        (
            "{\"gpt-4\": {\"mode\": \"chat\"},\n\"gpt-5\": {\"mode\" \"chat\"}}\n",
            ":2:18:",
        ),
        ("{\"gpt-4\": {\"mode\": \"chat\"}}\n{\"gpt-5\": {}}\n", ":2:1:"),
        ("\n\n17", ":3:"),
    ];
    for (content, place) in contents {
        assert_refused(content, place, &both);
    }
}
