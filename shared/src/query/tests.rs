//! Tests of the query language.

use super::*;
use crate::value::tests::any_value;
use crate::value::{Number, Value};
use crate::view::{AnnotationView, Model, VersionView};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;
use proptest::prelude::*;

fn model() -> Model {
    let text = |text: &str| Value::text(text);
    let map = |fields: &[(&str, Value)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).into(), value.clone()));
        fields.collect::<BTreeMap<String, Value>>()
    };
    let version = VersionView {
        manifest: Some(Value::Map(map(&[("size", Value::whole(9))]))),
        approvals: map(&[("field-use", text("approved"))]),
    };
    Model {
        namespace: "farm".into(),
        name: "timm/resnet50".into(),
        attributes: map(&[
            ("task", text("chat")),
            ("status", text("active")),
            ("input_cost_per_token", Value::Number(Number::Real(5e-7))),
            ("tags", Value::List(vec![text("wheat"), text("Rust")])),
            ("limits", Value::Map(map(&[("rpm", Value::whole(60))]))),
            ("price.list", Value::whole(3)),
            ("vision", Value::Bool(true)),
            ("retired", Value::Null),
            ("deprecation_date", text("2026-03-01")),
            ("description", text("Finds Yellow rust")),
        ]),
        conflicts: BTreeMap::new(),
        counts: BTreeMap::from([("usage".into(), 7)]),
        versions: BTreeMap::from([("1.6".into(), version)]),
        current: Some(text("1.6")),
        aliases: map(&[("champion", text("1.6"))]),
        annotations: vec![AnnotationView {
            id: "a.1.1".into(),
            author: "a".into(),
            at_ms: 1,
            at: None,
            subject: None,
            text: "dry".into(),
        }],
    }
}

fn holds(filter: &str) -> bool {
    Filter::parse(filter)
        .unwrap_or_else(|error| panic!("{filter}: {error}"))
        .matches(&model())
}

#[test]
fn comparisons_hold_as_they_read() {
    for filter in [
        "",
        "  ",
        "task = \"chat\" AND input_cost_per_token < 0.000001 AND tags:\"wheat\" AND NOT status = \"deprecated\"",
        "task=chat input_cost_per_token>=5e-7 -status='deprecated'",
        "name = \"timm/*\" namespace = farm",
        "name = *50",
        "name != vit*",
        "limits.rpm > 59.5",
        "limits:rpm limits:*",
        "price.list = 3 attributes.task = chat",
        "usage >= 7",
        "vision = true retired = null",
        "deprecation_date < 2026-12-01",
        "versions:1.6 versions.\"1.6\".approvals.field-use = approved versions.\"1.6\".manifest.size = 9",
        "current = 1.6 aliases:champion aliases.champion = \"1.6\"",
        "annotations:dry",
        "description:yellow YELLOW resnet",
        "NOT missing = 1",
        "NOT missing != 1",
        "(task = chat) AND (NOT (status = deprecated))",
    ] {
        assert!(holds(filter), "{filter}");
    }
    for filter in [
        "missing = 1",
        "missing != 1",
        "missing:*",
        "task = Chat",
        "task = \"ch\"",
        "tags:rust",
        "usage > 7",
        "vision = \"true\"",
        "input_cost_per_token = \"5e-7\"",
        "status < 3",
        "wheatley",
        "conflicts:*",
        "name = \"timm/\\*\"",
    ] {
        assert!(!holds(filter), "{filter}");
    }
}

#[test]
fn or_binds_tighter_than_and_and_words_side_by_side_are_anded() {
    assert_eq!(
        Filter::parse("a = 1 AND b = 2 OR c = 3").unwrap(),
        Filter::parse("a = 1 AND (b = 2 OR c = 3)").unwrap()
    );
    assert_eq!(
        Filter::parse("a = 1 b = 2").unwrap(),
        Filter::parse("a = 1 AND b = 2").unwrap()
    );
    assert_eq!(Filter::parse("-a = 1").unwrap(), Filter::parse("NOT a = 1").unwrap());
    assert!(holds("task = chat OR task = x AND usage = 7"));
    assert!(!holds("task = chat OR task = x AND usage = 8"));
}

#[test]
fn mistakes_name_their_byte_and_what_should_stand_there() {
    let deep = format!("{}a=1", "(".repeat(FILTER_DEPTH_MAX + 1));
    let many = vec!["a=1"; FILTER_TERMS_MAX + 1].join(" ");
    let long = "ü".repeat(QUERY_BYTES_MAX);
    for (filter, at, expected) in [
        ("task = ", 7, "a value"),
        ("task = \"chat", 12, "a closing \""),
        ("(task = chat", 12, "a closing parenthesis"),
        ("task = chat)", 11, "the end"),
        ("task == chat", 6, "a value"),
        ("AND task = chat", 0, "a comparison"),
        ("task = chat AND", 15, "a comparison"),
        ("task = chat OR OR x", 15, "a comparison"),
        ("a. = 1", 2, "a name after the dot"),
        ("size(x) = 1", 4, "no functions"),
        ("ü = ,", 5, "a value"),
        (deep.as_str(), FILTER_DEPTH_MAX, "at most 32 parentheses"),
        (many.as_str(), many.len() - 3, "at most 128 comparisons"),
        (long.as_str(), QUERY_BYTES_MAX, "4096 bytes"),
    ] {
        let error = Filter::parse(filter).unwrap_err();
        assert_eq!(error.at, at, "{filter}: {error}");
        assert!(error.expected.contains(expected), "{filter}: {error}");
    }
    assert_eq!(
        Filter::parse("task = ").unwrap_err().to_string(),
        "at byte 7: expected a value: a text in quotes, a number, true, false or null, found the end"
    );
}

#[test]
fn the_mode_stands_for_a_task_that_is_missing() {
    let mut model = model();
    model.attributes.remove("task");
    model.attributes.insert("mode".into(), Value::text("embedding"));
    assert!(Filter::parse("task = embedding").unwrap().matches(&model));
}

#[test]
fn what_a_filter_requires_is_known() {
    let requires = |filter: &str| Filter::parse(filter).unwrap().requires("task").map(String::from);
    assert_eq!(requires("usage > 1 AND task = \"chat\""), Some("chat".into()));
    assert_eq!(requires("(task = chat AND usage > 1) x = 1"), Some("chat".into()));
    for filter in [
        "task = ch*",
        "task = chat OR a = 1",
        "NOT task = chat",
        "task != chat",
        "a.task = chat",
    ] {
        assert_eq!(requires(filter), None, "{filter}");
    }
}

#[test]
fn an_order_goes_by_its_fields_and_puts_what_has_none_last() {
    let with = |usage: Option<i64>, name: &str| {
        let mut model = model();
        model.name = name.into();
        model.counts = usage.map(|usage| ("usage".into(), usage)).into_iter().collect();
        model
    };
    let models = [
        with(None, "a"),
        with(Some(1), "b"),
        with(Some(5), "c"),
        with(Some(5), "d"),
    ];
    for (order, names) in [
        ("usage desc, name desc", "dcba"),
        ("usage asc", "bcda"),
        ("usage, name desc", "bdca"),
    ] {
        let order = Order::parse(order).unwrap();
        let mut sorted: Vec<&Model> = models.iter().collect();
        sorted.sort_by(|a, b| order.compare(&order.key_of(a), &order.key_of(b)));
        let found: String = sorted.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(found, names);
    }
    assert_eq!(Order::parse("a sideways").unwrap_err().at, 2);
    assert_eq!(Order::parse("a,").unwrap_err().at, 2);
}

#[test]
fn a_mask_keeps_what_it_names() {
    let mut masked = model();
    Mask::parse("task, limits.rpm, usage, versions.\"1.6\", aliases")
        .unwrap()
        .apply(&mut masked);
    let names: Vec<_> = masked.attributes.keys().map(String::as_str).collect();
    assert_eq!(names, ["limits", "task"]);
    assert_eq!(masked.counts.len(), 1);
    assert_eq!((masked.versions.len(), masked.aliases.len()), (1, 1));
    assert_eq!((masked.current, masked.annotations.len()), (None, 0));
    let mut whole = model();
    Mask::parse("attributes,counts,versions,current,aliases,annotations,conflicts")
        .unwrap()
        .apply(&mut whole);
    assert_eq!(whole, model());
    assert!(Mask::parse("").is_err());
}

#[test]
fn words_must_all_be_there() {
    let finds = |text: &str| Words::parse(text).unwrap().match_model(&model());
    assert!(finds("RESNET wheat yellow"));
    assert!(finds(""));
    assert!(!finds("resnet barley"));
    assert!(!finds("approved"));
    assert!(Words::parse(&"a ".repeat(WORDS_MAX + 1)).is_err());
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,6}", ".{0,6}", Just("AND".into()), Just("a*b\\\"".into())]
}

fn any_comparison() -> impl Strategy<Value = Filter> {
    let literal = prop_oneof![
        proptest::collection::vec(".{0,4}", 1..4).prop_map(|pieces| Literal::Text(Pattern(pieces))),
        any::<i64>().prop_map(|whole| Literal::Number(NumberText::read(&whole.to_string()).unwrap())),
        any::<f64>().prop_filter_map("finite", |real| NumberText::read(&format!("{real:?}"))
            .map(Literal::Number)),
        any::<bool>().prop_map(Literal::Bool),
        Just(Literal::Null),
    ];
    let comparator = (0..Comparator::ALL.len()).prop_map(|index| Comparator::ALL[index].0);
    (proptest::collection::vec(any_name(), 1..4), comparator, literal).prop_map(|(path, comparator, literal)| {
        Filter::Compare(Comparison {
            path: Path(path),
            comparator,
            literal,
        })
    })
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![any_comparison(), any_name().prop_map(Filter::Mention)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

/// Filters over fields that models of [`any_model`] have or lack.
fn any_filter_of_fields() -> impl Strategy<Value = Filter> {
    let names = ["a", "b", "c", "name"];
    let comparison =
        (0..names.len(), 0..Comparator::ALL.len(), "[a-c0-9*]{0,2}").prop_map(move |(name, sign, word)| {
            let text = format!("{} {} {word:?}", names[name], Comparator::ALL[sign].1);
            Filter::parse(&text).unwrap()
        });
    comparison.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn any_model() -> impl Strategy<Value = Model> {
    proptest::collection::btree_map(
        "[a-c]",
        prop_oneof![any_value(), "[a-c0-9]{0,2}".prop_map(Value::Text)],
        0..4,
    )
    .prop_map(|attributes| Model { attributes, ..model() })
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

proptest! {
    #[test]
    fn a_filter_that_was_printed_reads_back_as_it_was(filter in any_filter()) {
        let text = filter.to_string();
        prop_assume!(text.len() <= QUERY_BYTES_MAX);
        prop_assert_eq!(Filter::parse(&text).map_err(|error| format!("{text}: {error}")), Ok(filter));
    }

    #[test]
    fn noise_never_panics_and_errors_lie_within_the_text(noise in "[ a-b=<>!:.,()\"'*\\\\ü0-9ANDORT-]{0,60}|.{0,60}") {
        for result in [Filter::parse(&noise).map(|_| ()), Order::parse(&noise).map(|_| ()), Mask::parse(&noise).map(|_| ())] {
            if let Err(error) = result {
                prop_assert!(noise.is_char_boundary(error.at));
            }
        }
        if let Ok(filter) = Filter::parse(&noise) {
            let _ = filter.matches(&model());
        }
    }

    #[test]
    fn the_laws_of_de_morgan_and_of_contradiction_hold(
        a in any_filter_of_fields(), b in any_filter_of_fields(), model in any_model(),
    ) {
        let and = Filter::And(vec![a.clone(), b.clone()]);
        let or = Filter::Or(vec![a.clone(), b.clone()]);
        let both_not = Filter::And(vec![not(a.clone()), not(b.clone())]);
        let either_not = Filter::Or(vec![not(a.clone()), not(b)]);
        prop_assert_eq!(not(and).matches(&model), either_not.matches(&model));
        prop_assert_eq!(not(or).matches(&model), both_not.matches(&model));
        prop_assert_eq!(not(not(a.clone())).matches(&model), a.matches(&model));
        prop_assert!(a.matches(&model) != not(a).matches(&model));
    }

    #[test]
    fn what_a_filter_requires_is_so_where_it_holds(filter in any_filter_of_fields(), model in any_model()) {
        if let Some(required) = filter.requires("a").filter(|_| filter.matches(&model)) {
            let plain = Comparison {
                path: Path(vec!["a".into()]),
                comparator: Comparator::Equal,
                literal: Literal::Text(Pattern::plain(required)),
            };
            prop_assert!(Filter::Compare(plain).matches(&model));
        }
    }

    #[test]
    fn an_order_is_total_and_its_keys_come_back(models in proptest::collection::vec(any_model(), 3)) {
        let order = Order::parse("a desc, b").unwrap();
        let keys: Vec<SortKey> = models.iter().map(|model| order.key_of(model)).collect();
        for key in &keys {
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            prop_assert_eq!(&SortKey::decode(&mut crate::bytes::Reader::new(&bytes)).unwrap(), key);
            prop_assert_eq!(order.compare(key, key), Ordering::Equal);
        }
        let (a, b, c) = (&keys[0], &keys[1], &keys[2]);
        prop_assert_eq!(order.compare(a, b), order.compare(b, a).reverse());
        if order.compare(a, b).is_le() && order.compare(b, c).is_le() {
            prop_assert!(order.compare(a, c).is_le());
        }
    }

    #[test]
    fn a_wildcard_stands_for_anything(head in "[ab]{0,4}", mid in "[ab]{0,4}", tail in "[ab]{0,4}") {
        let pattern = Pattern(vec![head.clone(), tail.clone()]);
        let text = format!("{head}{mid}{tail}");
        prop_assert!(pattern.matches(&text));
        let other = format!("x{text}");
        prop_assert_eq!(pattern.matches(&other), head.is_empty());
    }
}
