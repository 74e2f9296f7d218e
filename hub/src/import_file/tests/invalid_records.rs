use super::*;

/// A good record on the first line, so that the file is one of records, then `line` on the third.
#[track_caller]
fn assert_line_refused(line: &str, parts: &[&str]) {
    let content = format!("{{\"id\": \"good\", \"attributes\": {{}}}}\n\n{line}\n");
    assert_refused(&content, ":3:", parts);
}

/// The same for a record with `fields` besides its id and attributes.
#[track_caller]
fn assert_fields_refused(fields: &str, parts: &[&str]) {
    let line = format!("{{\"id\": \"vit_tiny\", \"attributes\": {{}}, {fields}}}");
    assert_line_refused(&line, parts);
}

#[test]
fn a_line_that_is_not_json_is_refused_with_its_column() {
    let remedy = "write one complete object on each line";
    assert_line_refused(r#"{"id": "vit_tiny" "attributes": {}}"#, &[":3:19:", remedy]);
    assert_line_refused(r#"{"id": "vit_tiny", "attributes": {"#, &["not json (EOF", remedy]);
}

#[test]
fn a_line_that_is_no_object_is_refused() {
    assert_line_refused("[1, 2]", &["the record is not an object", "write one", "`id`"]);
}

#[test]
fn an_unknown_field_is_refused_with_the_known_ones_listed() {
    assert_fields_refused(
        r#""alias": {}"#,
        &["unknown field \"alias\"", "remove it, or rename it", "`aliases`"],
    );
    assert_fields_refused(
        r#""versions": [{"version": "1", "manifest": {}, "approval": {}}]"#,
        &["unknown field \"approval\"", "rename it", "`approvals`"],
    );
}

#[test]
fn a_wrong_text_is_not_repeated_at_any_length() {
    let field = format!("\"{}\": 1", "x".repeat(5_000));
    let content = format!("{{\"id\": \"good\", \"attributes\": {{}}, {field}}}");
    let message = read(&content).unwrap_err().to_string();
    assert!(message.len() < 500, "{message}");
}

#[test]
fn a_missing_field_is_refused_with_what_it_should_hold() {
    assert_line_refused(r#"{"attributes": {}}"#, &["has no `id`", "add it as text"]);
    assert_line_refused(r#"{"id": "a", "attributes": null}"#, &["has no `attributes`", "add it"]);
    assert_fields_refused(r#""versions": [{"manifest": {}}]"#, &["has no `version`", "add it"]);
    assert_fields_refused(r#""versions": [{"version": "1"}]"#, &["has no `manifest`", "add it"]);
}

#[test]
fn a_field_of_another_kind_is_refused_with_what_it_should_hold() {
    assert_line_refused(r#"{"id": 7, "attributes": {}}"#, &["`id`", "write it as text"]);
    assert_line_refused(
        r#"{"id": "a", "attributes": []}"#,
        &["`attributes`", "write it as an object"],
    );
    assert_fields_refused(r#""versions": {}"#, &["`versions`", "write it as a list"]);
    assert_fields_refused(r#""versions": ["1.2"]"#, &["an entry of `versions` is not an object"]);
    assert_fields_refused(r#""current": 1.2"#, &["`current`", "write it as text"]);
    assert_fields_refused(r#""aliases": ["a"]"#, &["`aliases`", "write it as an object by alias"]);
    assert_fields_refused(
        r#""aliases": {"champion": [{"version": "1", "label": {"ring": "canary"}}]}"#,
        &["`aliases`", "write it as an object by alias"],
    );
    assert_fields_refused(r#""namespace": true"#, &["`namespace`", "write it as text"]);
    assert_fields_refused(
        r#""versions": [{"version": "1", "manifest": "weights.bin"}]"#,
        &["`manifest`", "write it as an object"],
    );
    assert_fields_refused(
        r#""versions": [{"version": "1", "manifest": {}, "approvals": {"field-use": true}}]"#,
        &["`approvals`", "write it as an object of text"],
    );
}

#[test]
fn a_name_that_may_not_be_used_is_refused() {
    let line = r#"{"id": " vit_tiny", "attributes": {}}"#;
    assert_line_refused(line, &["model name", "begins or ends with a space", "correct it"]);
    let line = r#"{"id": "vit_tiny", "attributes": {"a\u0000b": 1}}"#;
    assert_line_refused(line, &["attribute name", "control character", "correct it"]);
    assert_fields_refused(r#""namespace": """#, &["namespace", "is empty", "correct it"]);
}

#[test]
fn a_value_that_cannot_be_held_is_refused() {
    let long = "x".repeat(70_000);
    let line = format!("{{\"id\": \"a\", \"attributes\": {{\"card\": \"{long}\"}}}}");
    assert_line_refused(&line, &["attribute card", "70004 bytes", "65536", "shorten it"]);
    let deep = "[".repeat(17) + &"]".repeat(17);
    assert_fields_refused(
        &format!("\"versions\": [{{\"version\": \"1\", \"manifest\": {{\"a\": {deep}}}}}]"),
        &["the manifest of version 1", "more than 16 deep", "flatten it"],
    );
    let approvals = format!("{{\"field-use\": \"{long}\"}}");
    assert_fields_refused(
        &format!("\"versions\": [{{\"version\": \"1\", \"manifest\": {{}}, \"approvals\": {approvals}}}]"),
        &["approval field-use of version 1", "shorten it"],
    );
}

#[test]
fn a_version_listed_twice_is_refused() {
    assert_fields_refused(
        r#""versions": [{"version": "1", "manifest": {}}, {"version": "1", "manifest": {}}]"#,
        &["version 1 is listed twice", "keep one"],
    );
}

#[test]
fn a_version_that_is_not_listed_cannot_be_current_or_have_an_alias() {
    let remedy = "add the version to `versions`";
    let versions = r#""versions": [{"version": "1.2", "manifest": {}}]"#;
    assert_fields_refused(
        &format!(r#"{versions}, "current": "1.3""#),
        &["`current` names version 1.3", remedy],
    );
    assert_fields_refused(
        &format!(r#"{versions}, "aliases": {{"champion": "1.3"}}"#),
        &["alias champion names version 1.3", remedy],
    );
    let rules = r#"[{"version": "1.2", "labels": {"ring": "canary"}}, {"version": "1.4"}]"#;
    assert_fields_refused(
        &format!(r#"{versions}, "aliases": {{"champion": {rules}}}"#),
        &["alias champion names version 1.4", remedy],
    );
}

#[test]
fn a_model_on_two_lines_is_refused_with_both_lines() {
    let parts = ["edge/good", "already on line 1", "keep one of the two lines"];
    assert_line_refused(r#"{"id": "good", "attributes": {"a": 1}}"#, &parts);
    assert_line_refused(r#"{"id": "good", "attributes": {}, "namespace": "edge"}"#, &parts);
}
