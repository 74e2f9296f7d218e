use super::*;

fn table(lines: &str) -> Result<Mapping, MappingError> {
    Mapping::parse(&format!("[[table]]\nname = \"models\"\n{lines}"))
}

#[test]
fn the_profile_of_mlflow_names_the_five_tables_and_their_keys() {
    let mapping = Mapping::mlflow();
    let keys: Vec<(&str, Vec<&str>)> = mapping
        .tables()
        .iter()
        .map(|table| {
            (
                table.name.as_str(),
                table.columns[..table.keys].iter().map(String::as_str).collect(),
            )
        })
        .collect();
    assert_eq!(keys[0], ("registered_models", vec!["workspace", "name"]));
    assert_eq!(keys[1], ("registered_model_tags", vec!["workspace", "name", "key"]));
    assert_eq!(
        keys[2],
        ("registered_model_aliases", vec!["workspace", "name", "alias"])
    );
    assert_eq!(keys[3], ("model_versions", vec!["workspace", "name", "version"]));
    assert_eq!(
        keys[4],
        ("model_version_tags", vec!["workspace", "name", "version", "key"])
    );
    assert_eq!(mapping.number_of("public", "model_versions"), Some(3));
    assert_eq!(mapping.number_of("other", "model_versions"), None);
}

#[test]
fn what_does_not_make_sense_is_refused_with_its_reason() {
    let wrong = |lines: &str| table(lines).unwrap_err().to_string();
    for (lines, wanted) in [
        ("row = \"model\"\nmodel = \"name\"", "either namespace"),
        (
            "row = \"model\"\nmodel = \"name\"\nnamespace = \"a\"\nnamespace_is = \"b\"",
            "either namespace",
        ),
        (
            "row = \"model\"\nmodel = \"name\"\nnamespace = \"name\"",
            "two parts of the key",
        ),
        (
            "row = \"alias\"\nmodel = \"n\"\nnamespace_is = \"d\"\nalias = \"a\"\nversion = \"v\"",
            "no model",
        ),
        ("row = \"tree\"\nmodel = \"n\"", "tree"),
    ] {
        let text = wrong(lines);
        assert!(text.contains(wanted), "{text}");
    }
    assert!(Mapping::parse("").is_err());
}

#[test]
fn another_mapping_has_another_fingerprint() {
    let one = table("row = \"model\"\nmodel = \"name\"\nnamespace_is = \"farm\"").unwrap();
    assert_ne!(one.fingerprint(), Mapping::mlflow().fingerprint());
    assert_eq!(Mapping::mlflow().fingerprint(), Mapping::mlflow().fingerprint());
}
