//! What is answered, and why the others are not.

use super::*;
use crate::name::{FactName, LabelName, LabelValue, ReplicaName};
use alloc::string::ToString;
use alloc::vec;
use proptest::prelude::*;

fn value(json: &str) -> Value {
    convert(serde_json::from_str(json).unwrap())
}

fn convert(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::whole(whole),
            None => Value::Number(crate::value::Number::from_f64(number.as_f64().unwrap()).unwrap()),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::List(items.into_iter().map(convert).collect()),
        Json::Object(fields) => Value::Map(fields.into_iter().map(|(name, field)| (name, convert(field))).collect()),
    }
}

fn question(json: &str) -> Question {
    serde_json::from_str(json).unwrap()
}

fn device() -> Device {
    let labels = [("site", "north"), ("access", "partners")];
    let labels = labels.map(|(name, value)| (LabelName::new(name).unwrap(), LabelValue::new(value).unwrap()));
    let facts =
        r#"{"runtimes": ["onnxruntime", "tflite"], "memory_bytes": 1000, "accelerators": "coral", "camera": true}"#;
    let facts: BTreeMap<FactName, Fact> = serde_json::from_str(facts).unwrap();
    Device {
        name: ReplicaName::parse("leaf-7").unwrap(),
        description: Description::new(labels.into(), facts).unwrap(),
    }
}

/// A model with versions 1.5 and 1.6, of which 1.6 is current and both are approved, and these attributes.
fn model(name: &str, attributes: &str) -> Model {
    let version = |text: &str| VersionView {
        manifest: Some(value(&alloc::format!(r#"{{"uri": "oci://{name}:{text}"}}"#))),
        approvals: BTreeMap::from([("field-use".to_string(), Value::text("approved"))]),
    };
    let Value::Map(attributes) = value(attributes) else {
        panic!("attributes are a map");
    };
    Model {
        namespace: "farm".to_string(),
        name: name.to_string(),
        attributes,
        conflicts: BTreeMap::new(),
        counts: BTreeMap::new(),
        versions: ["1.5", "1.6"].map(|text| (text.to_string(), version(text))).into(),
        current: Some(Value::text("1.6")),
        aliases: BTreeMap::new(),
        annotations: Vec::new(),
    }
}

fn ask<'m>(question: &Question, models: impl IntoIterator<Item = &'m Model>) -> Resolution {
    let device = device();
    let mut resolver = Resolver::new(question, &device);
    for model in models {
        resolver.consider(model);
    }
    resolver.finish()
}

fn answered(resolution: &Resolution) -> Option<(&str, Option<&str>)> {
    let chosen = resolution.answer.as_ref()?;
    Some((chosen.candidate.model.as_str(), chosen.candidate.version.as_deref()))
}

/// Why version 1.6 of a model with these attributes is refused.
fn reason(asked: &str, attributes: &str) -> Option<String> {
    let model = model("m", attributes);
    let resolution = ask(&question(asked), [&model]);
    let six = |refused: &&Refused<Refusal>| refused.candidate.version.as_deref() == Some("1.6");
    let refused = resolution.refused.iter().find(six)?;
    Some(refused.sentence.clone())
}

const ANY: &str = r#"{"task": "detection"}"#;

#[test]
fn each_attribute_lets_in_whom_it_should() {
    for (attributes, wanted) in [
        ("{}", None),
        (r#"{"access": "public"}"#, None),
        (r#"{"access": "partners"}"#, None),
        (r#"{"access": ["staff", "partners"]}"#, None),
        (r#"{"access": {"site": ["north", "south"]}}"#, None),
        (r#"{"access": [{"site": "south"}, {"device": "leaf-7"}]}"#, None),
        (
            r#"{"access": "staff"}"#,
            Some("access is for devices with access = staff"),
        ),
        (r#"{"access": []}"#, Some("access is for no device")),
        (
            r#"{"access": {"site": "north", "ring": ["a", "b"]}}"#,
            Some("access is for devices with ring = a or b and site = north"),
        ),
        (
            r#"{"access": {}}"#,
            Some("access says what this agent does not understand"),
        ),
        (
            r#"{"access": 7}"#,
            Some("access says what this agent does not understand"),
        ),
        (r#"{"status": "released"}"#, None),
        (r#"{"status": "Deprecated"}"#, Some("the model is Deprecated")),
        (r#"{"deprecated": true}"#, Some("the model is deprecated")),
        (r#"{"availability": "degraded"}"#, None),
        (r#"{"availability": "down"}"#, Some("the model is down")),
        (
            r#"{"requires": {"runtime": "tflite", "memory_bytes": 1000, "camera": true}}"#,
            None,
        ),
        (r#"{"requires": {"accelerator": ["npu", "coral"]}}"#, None),
        (
            r#"{"requires": {"memory_bytes": 1001}}"#,
            Some("requires memory_bytes 1001; the device has 1000"),
        ),
        (
            r#"{"requires": {"runtime": "torch"}}"#,
            Some("requires runtime torch; the device has onnxruntime, tflite"),
        ),
        (
            r#"{"requires": {"disk_bytes": 5}}"#,
            Some("requires disk_bytes 5; the device declares none"),
        ),
        (
            r#"{"requires": {"gps": true}}"#,
            Some("requires gps true; the device declares none"),
        ),
        (
            r#"{"requires": "much"}"#,
            Some("requires says what this agent does not understand"),
        ),
    ] {
        assert_eq!(reason(ANY, attributes).as_deref(), wanted, "{attributes}");
    }
}

#[test]
fn needs_are_held_against_attributes() {
    let asked = |need: &str| alloc::format!(r#"{{"task": "detection", "need": {need}}}"#);
    let attributes = r#"{"languages": ["de", "en"], "context_length": 8192, "formats": "onnx", "tools": true}"#;
    for (need, wanted) in [
        (
            r#"{"languages": "de", "context_length": 8192, "formats": "onnx", "tools": true}"#,
            None,
        ),
        (r#"{"languages": ["de", "en"]}"#, None),
        (
            r#"{"languages": {"any": ["fr", "en"]}, "context_length": {"min": 10, "max": 8192.5}}"#,
            None,
        ),
        (
            r#"{"languages": ["de", "fr"]}"#,
            Some("languages must be de and fr; it is de, en"),
        ),
        (
            r#"{"context_length": 8192.5}"#,
            Some("context_length must be at least 8192.5; it is 8192"),
        ),
        (
            r#"{"context_length": {"max": 10}}"#,
            Some("context_length must be at most 10; it is 8192"),
        ),
        (r#"{"tools": false}"#, Some("tools must be false; it is true")),
        (r#"{"vision": true}"#, Some("vision must be true; it is not known")),
        (r#"{"formats": 3}"#, Some("formats must be at least 3; it is onnx")),
    ] {
        assert_eq!(reason(&asked(need), attributes).as_deref(), wanted, "{need}");
    }
}

#[test]
fn an_approval_is_of_one_version_and_a_revoked_one_is_told_apart() {
    let approved = question(r#"{"task": "detection", "approval": "field-use"}"#);
    let mut held = model("m", "{}");
    assert_eq!(answered(&ask(&approved, [&held])), Some(("m", Some("1.6"))));
    let approvals = |held: &mut Model, outcome: Option<&str>| {
        let six = held.versions.get_mut("1.6").unwrap();
        six.approvals = outcome
            .map(|text| ("field-use".to_string(), Value::text(text)))
            .into_iter()
            .collect();
    };
    for (outcome, sentence) in [
        (None, "this version is not approved for field-use"),
        (Some("pending"), "approval field-use of this version is pending"),
        (Some("revoked"), "approval field-use of this version was revoked"),
    ] {
        approvals(&mut held, outcome);
        let resolution = ask(&approved, [&held]);
        assert_eq!(answered(&resolution), Some(("m", Some("1.5"))));
        assert_eq!(resolution.refused[0].sentence, sentence);
    }
    // Who asks for no approval does not get what was revoked either.
    assert_eq!(answered(&ask(&question(ANY), [&held])), Some(("m", Some("1.5"))));
    // A model without versions is approved for nothing.
    held.versions.clear();
    assert_eq!(answered(&ask(&approved, [&held])), None);
    assert_eq!(answered(&ask(&question(ANY), [&held])), Some(("m", None)));
}

#[test]
fn an_alias_names_one_version_or_one_for_each_kind_of_device() {
    let asked = question(r#"{"task": "detection", "alias": "champion"}"#);
    for (target, wanted, sentence) in [
        (
            r#""1.5""#,
            Some("1.5"),
            "alias champion names version 1.5 for this device",
        ),
        (
            r#"[{"version": "1.5", "labels": {"site": "north"}}, {"version": "1.6"}]"#,
            Some("1.5"),
            "alias champion names version 1.5 for this device",
        ),
        (
            r#"[{"version": "1.5", "labels": {"site": "south"}}, {"version": "1.6"}]"#,
            Some("1.6"),
            "alias champion names version 1.6 for this device",
        ),
        (
            r#"[{"version": "1.5", "labels": {"site": "south"}}]"#,
            None,
            "alias champion names no version for this device's labels",
        ),
        (r#""1.7""#, None, "alias champion names version 1.7 for this device"),
        (
            r#"[{"version": "1.5", "label": {"site": "south"}}]"#,
            None,
            "alias champion says what this agent does not understand",
        ),
    ] {
        let mut held = model("m", "{}");
        held.aliases.insert("champion".to_string(), value(target));
        let resolution = ask(&asked, [&held]);
        let found = answered(&resolution).map(|(_, version)| version.unwrap());
        assert_eq!(found, wanted, "{target}");
        assert_eq!(resolution.refused[0].sentence, sentence, "{target}");
    }
    assert_eq!(
        reason(r#"{"task": "detection", "alias": "champion"}"#, "{}").unwrap(),
        "the model has no alias champion"
    );
}

#[test]
fn a_targeted_alias_comes_back_as_it_was_written() {
    for text in [
        r#""1.5""#,
        r#"[{"version": "1.5", "labels": {"site": ["north"]}}, {"version": "1.6"}]"#,
    ] {
        assert_eq!(AliasTarget::of(&value(text)).unwrap().to_value(), value(text));
    }
}

#[test]
fn what_is_current_comes_first_then_what_is_preferred_then_the_name() {
    let (a, mut b) = (model("a", "{}"), model("b", r#"{"preference": 0.5}"#));
    let asked = question(r#"{"task": "detection", "approval": "field-use"}"#);
    let resolution = ask(&asked, [&a, &b]);
    assert_eq!(answered(&resolution), Some(("b", Some("1.6"))));
    let order: Vec<_> = resolution
        .refused
        .iter()
        .map(|refused| refused.sentence.as_str())
        .collect();
    assert_eq!(order, ["fits as well; b 1.6 comes first"; 3]);
    assert_eq!(resolution.refused[0].candidate.model, "a");
    assert_eq!(resolution.refused_by, BTreeMap::from([("outranked".to_string(), 3)]));
    b.attributes.clear();
    assert_eq!(answered(&ask(&asked, [&b, &a])), Some(("a", Some("1.6"))));
    // An older version of a model that is preferred stands behind the current one of another.
    b = model("b", r#"{"preference": 9}"#);
    b.versions.get_mut("1.6").unwrap().approvals.clear();
    assert_eq!(answered(&ask(&asked, [&b, &a])), Some(("a", Some("1.6"))));
    assert_eq!(answered(&ask(&asked, [&b])), Some(("b", Some("1.5"))));
}

#[test]
fn more_reasons_than_fit_are_counted() {
    let models: Vec<Model> = (0..REFUSED_MAX)
        .map(|n| model(&alloc::format!("m{n:04}"), "{}"))
        .collect();
    let resolution = ask(&question(ANY), models.iter().rev());
    assert_eq!(answered(&resolution), Some(("m0000", Some("1.6"))));
    assert_eq!(resolution.refused.len(), REFUSED_MAX);
    assert_eq!(resolution.refused_count(), 2 * REFUSED_MAX as u64 - 1);
}

#[test]
fn questions_and_descriptions_are_bounded() {
    let refuses = |json: &str, wanted: &str| {
        let error = serde_json::from_str::<Question>(json).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    };
    refuses(
        r#"{"task": "detection", "need": {"a": null}}"#,
        "a need is true or false, a number",
    );
    refuses(r#"{"task": "detection", "need": {"a": {}}}"#, "neither `min` nor `max`");
    refuses(r#"{"task": "detection", "need": {"a": []}}"#, "holds no text");
    refuses(r#"{"task": ""}"#, "task \"\" is empty");
    refuses(r#"{"task": "a", "approvals": "x"}"#, "unknown field `approvals`");
    let needs: BTreeMap<String, bool> = (0..=NEEDS_MAX).map(|n| (n.to_string(), true)).collect();
    let json = serde_json::json!({ "task": "a", "need": needs });
    refuses(&json.to_string(), "more than 32 attributes");
    let label = |n: usize| {
        (
            LabelName::new(n.to_string()).unwrap(),
            LabelValue::new("x".repeat(128)).unwrap(),
        )
    };
    let labels: BTreeMap<_, _> = (0..LABELS_MAX).map(label).collect();
    assert!(matches!(
        Description::new(labels, BTreeMap::new()),
        Err(DescriptionError::TooLong(_))
    ));
    let reserved = BTreeMap::from([(LabelName::new("device").unwrap(), LabelValue::new("x").unwrap())]);
    assert_eq!(
        Description::new(reserved, BTreeMap::new()),
        Err(DescriptionError::Reserved)
    );
}

#[test]
fn a_question_comes_back_as_it_was_asked() {
    let text = r#"{"task":"chat","need":{"a":{"any":["x","y"]},"b":{"min":3},"c":["z"],"d":true},"alias":"champion"}"#;
    assert_eq!(serde_json::to_string(&question(text)).unwrap(), text);
}

#[test]
fn what_a_later_version_adds_to_a_description_is_passed_over() {
    let description = device().description;
    let mut parts = vec![("labels", value(r#"{"site": "north"}"#)), ("later", Value::whole(1))];
    parts.push(("facts", value(r#"{"memory_bytes": 5, "strange": {"a": 1}}"#)));
    let mut bytes = Vec::new();
    Value::Map(parts.into_iter().map(|(name, part)| (name.to_string(), part)).collect()).encode(&mut bytes);
    let read = Description::decode(&bytes).unwrap();
    assert_eq!((read.label("site"), read.fact("strange")), (Some("north"), None));
    assert_eq!(Description::decode(&description.encoded()), Ok(description));
}

fn any_model() -> impl Strategy<Value = Model> {
    let outcome = prop_oneof![
        Just(None),
        Just(Some("approved")),
        Just(Some("revoked")),
        Just(Some("tried"))
    ];
    let versions = proptest::collection::btree_map("[12]\\.[0-9]", (outcome, 0..3_i64), 0..4);
    let attributes = prop_oneof![
        Just("{}"),
        Just(r#"{"access": "staff"}"#),
        Just(r#"{"access": "partners", "preference": 2}"#),
        Just(r#"{"status": "deprecated"}"#),
        Just(r#"{"availability": "down"}"#),
        Just(r#"{"requires": {"memory_bytes": 2000}}"#),
        Just(r#"{"preference": 1}"#),
    ];
    ("[a-f]", attributes, versions, "[12]\\.[0-9]").prop_map(|(name, attributes, versions, current)| {
        let mut model = model(&name, attributes);
        model.current = Some(Value::text(current.as_str()));
        model.aliases.insert("champion".to_string(), Value::text(current));
        let view = |(outcome, size): (Option<&str>, i64)| VersionView {
            manifest: Some(Value::Map(BTreeMap::from([("size".to_string(), Value::whole(size))]))),
            approvals: outcome
                .map(|text| ("field-use".to_string(), Value::text(text)))
                .into_iter()
                .collect(),
        };
        model.versions = versions
            .into_iter()
            .map(|(version, held)| (version, view(held)))
            .collect();
        model
    })
}

fn any_question() -> impl Strategy<Value = Question> {
    let alias = proptest::option::of(Just("champion".parse().unwrap()));
    let approval = proptest::option::of(Just("field-use".parse().unwrap()));
    let need = proptest::option::of(0..3_i64);
    (alias, approval, need).prop_map(|(alias, approval, least)| Question {
        alias,
        approval,
        need: least
            .map(|least| {
                (
                    "size".parse().unwrap(),
                    serde_json::from_str(&least.to_string()).unwrap(),
                )
            })
            .into_iter()
            .collect(),
        ..question(ANY)
    })
}

/// Models of different names.
fn any_models() -> impl Strategy<Value = Vec<Model>> {
    proptest::collection::vec(any_model(), 0..6).prop_map(|models| {
        let by_name: BTreeMap<String, Model> = models.into_iter().map(|model| (model.name.clone(), model)).collect();
        by_name.into_values().collect()
    })
}

fn fitting(resolution: &Resolution) -> u64 {
    let outranked = resolution.refused_by.get(Refusal::OUTRANKED).copied().unwrap_or(0);
    outranked + u64::from(resolution.answer.is_some())
}

proptest! {
    #[test]
    fn the_answer_is_never_one_that_was_refused(models in any_models(), asked in any_question()) {
        let resolution = ask(&asked, &models);
        let candidates: usize = models.iter().map(|model| model.versions.len().max(1)).sum();
        prop_assert_eq!(resolution.refused_count() + u64::from(resolution.answer.is_some()), candidates as u64);
        if let Some(chosen) = &resolution.answer {
            prop_assert!(resolution.refused.iter().all(|refused| refused.candidate != chosen.candidate));
            // Asked about its model alone, it is the answer still.
            let own = models.iter().filter(|model| model.name == chosen.candidate.model);
            prop_assert_eq!(&ask(&asked, own).answer, &resolution.answer);
        }
    }

    #[test]
    fn a_revoked_approval_never_makes_more_fit(
        models in any_models(), asked in any_question(), at in any::<prop::sample::Index>(), name in "field-use|other",
    ) {
        let before = fitting(&ask(&asked, &models));
        let mut models = models;
        if !models.is_empty() {
            let chosen = at.index(models.len());
            for version in models[chosen].versions.values_mut() {
                version.approvals.insert(name.clone(), Value::text("revoked"));
            }
        }
        prop_assert!(fitting(&ask(&asked, &models)) <= before);
    }

    #[test]
    fn the_order_of_models_never_matters(
        models in any_models().prop_flat_map(|models| (Just(models.clone()), Just(models).prop_shuffle())),
        asked in any_question(),
    ) {
        prop_assert_eq!(ask(&asked, &models.0), ask(&asked, &models.1));
    }

    #[test]
    fn noise_is_no_description_and_no_panic(noise in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Description::decode(&noise);
    }
}
