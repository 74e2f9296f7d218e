use super::*;
use headland_shared::resolve::AliasTarget;
use headland_shared::value::Number;

const RECORDS: &str = r#"{"id": "timm/mobilenetv3_small_100.lamb_in1k", "attributes": {"architecture": "mobilenetv3_small_100", "min_input_size": [3, 224, 224], "task": "image-classification", "url": null}, "versions": [{"version": "1.2", "manifest": {"weights": "sha256:00", "size": 10234567}, "approvals": {"field-use": "approved"}}, {"version": "1.3", "manifest": {}}], "current": "1.2", "aliases": {"champion": "1.2", "challenger": "1.3"}, "namespace": "vision"}

{"attributes": {"family": "beit"}, "id": "timm/beit_base_patch16_224.in22k_ft_in22k", "current": null}
"#;

const PRICES: &str = r#"{
    "sample_spec": {
        "max_input_tokens": "max input tokens, if the provider specifies it",
        "mode": "one of: chat, embedding, completion"
    },
    "1024-x-1024/50-steps/bedrock/amazon.nova-canvas-v1:0": {
        "litellm_provider": "bedrock",
        "max_input_tokens": 2600,
        "mode": "image_generation",
        "output_cost_per_image": 0.06
    },
    "gpt-4o-mini": {
        "deprecation_date": null,
        "input_cost_per_token": 1.5e-07,
        "supported_endpoints": ["/v1/chat/completions", "/v1/batch"],
        "supports_vision": true
    }
}
"#;

fn text<'a>(record: &'a ImportedRecord, attribute: &str) -> Option<&'a str> {
    let name = AttributeName::new(attribute).unwrap();
    record.attributes.get(&name).and_then(Value::as_text)
}

fn version(text: &str) -> VersionName {
    VersionName::new(text).unwrap()
}

#[test]
fn a_record_a_line_is_read_with_its_versions_and_aliases() {
    let records = read(RECORDS).unwrap();
    let [mobilenet, beit] = records.as_slice() else {
        panic!("two records");
    };
    assert_eq!(mobilenet.key.to_string(), "vision/timm/mobilenetv3_small_100.lamb_in1k");
    assert_eq!(text(mobilenet, "task"), Some("image-classification"));
    assert_eq!(mobilenet.current, Some(version("1.2")));
    let champion = AliasName::new("champion").unwrap();
    assert_eq!(mobilenet.aliases[&champion], AliasTarget::Version(version("1.2")));
    assert_eq!(mobilenet.aliases.len(), 2);
    let [older, newer] = mobilenet.versions.as_slice() else {
        panic!("two versions");
    };
    let field_use = ApprovalName::new("field-use").unwrap();
    assert_eq!(older.approvals[&field_use], "approved");
    let Value::Map(manifest) = &older.manifest else {
        panic!("a map");
    };
    assert_eq!(manifest["size"], Value::whole(10_234_567));
    assert_eq!(newer.version, version("1.3"));
    assert!(newer.approvals.is_empty());
    assert_eq!(text(beit, "family"), Some("beit"));
    assert!(beit.versions.is_empty() && beit.current.is_none() && beit.aliases.is_empty());
}

#[test]
fn a_record_without_a_namespace_gets_the_default_one() {
    let records = read(RECORDS).unwrap();
    assert_eq!(records[1].key.namespace, edge());
}

#[test]
fn an_attribute_that_is_null_is_absent() {
    let records = read(RECORDS).unwrap();
    assert_eq!(records[0].attributes.len(), 3);
    let prices = read(PRICES).unwrap();
    assert_eq!(prices[1].attributes.len(), 3);
}

#[test]
fn a_price_file_is_read_without_its_documentation() {
    let records = read(PRICES).unwrap();
    let [canvas, mini] = records.as_slice() else {
        panic!("two models");
    };
    let id = "edge/1024-x-1024/50-steps/bedrock/amazon.nova-canvas-v1:0";
    assert_eq!(canvas.key.to_string(), id);
    assert_eq!(text(canvas, "mode"), Some("image_generation"));
    let cost = AttributeName::new("input_cost_per_token").unwrap();
    let price = Value::Number(Number::Real(1.5e-7));
    assert_eq!(mini.attributes[&cost], price);
    assert!(mini.versions.is_empty() && mini.current.is_none() && mini.aliases.is_empty());
}

#[test]
fn a_model_that_a_price_file_has_twice_is_as_its_last_entry_says() {
    let prices = r#"{"zai.glm-5": {"mode": "chat", "rpm": 1}, "zai.glm-5": {"mode": "responses"}}"#;
    let records = read(prices).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(text(&records[0], "mode"), Some("responses"));
    assert_eq!(records[0].attributes.len(), 1);
}

#[test]
fn one_id_in_two_namespaces_is_two_records() {
    let records = "{\"id\": \"a\", \"attributes\": {}}\n\
                   {\"id\": \"a\", \"attributes\": {}, \"namespace\": \"vision\"}";
    assert_eq!(read(records).unwrap().len(), 2);
}

#[test]
fn line_ends_and_a_byte_order_mark_of_windows_are_taken() {
    let records = format!("\u{feff}\r\n{}", RECORDS.replace('\n', "\r\n"));
    assert_eq!(read(&records).unwrap(), read(RECORDS).unwrap());
    let prices = format!("\u{feff}{}", PRICES.replace('\n', "\r\n"));
    assert_eq!(read(&prices).unwrap(), read(PRICES).unwrap());
}

#[test]
fn a_price_file_may_be_one_line() {
    let whole: serde_json::Value = serde_json::from_str(PRICES).unwrap();
    assert_eq!(read(&whole.to_string()).unwrap(), read(PRICES).unwrap());
}

#[test]
fn an_alias_may_name_another_version_for_each_kind_of_device() {
    let rules = r#"[{"version": "1.3", "labels": {"ring": ["canary"]}}, {"version": "1.2"}]"#;
    let records = read(&RECORDS.replace(r#""challenger": "1.3""#, &format!(r#""challenger": {rules}"#))).unwrap();
    let target = &records[0].aliases[&AliasName::new("challenger").unwrap()];
    let json: serde_json::Value = serde_json::from_str(rules).unwrap();
    assert_eq!(target.to_value(), value_of(json).unwrap());
    let versions: Vec<_> = target.versions().cloned().collect();
    assert_eq!(versions, [version("1.3"), version("1.2")]);
}
