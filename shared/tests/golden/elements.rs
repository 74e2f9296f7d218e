//! What is stored: keys, states, values, records and declarations.

use crate::samples::{
    EPOCH, actor, attribute, central, crowded, declaration, elements, note, record, region, registered,
};
use crate::{Case, case};
use headland_shared::actor::Dot;
use headland_shared::blob::{self, Blob, Change, Tombstones};
use headland_shared::bytes::Reader;
use headland_shared::digest::Digest;
use headland_shared::element::{Remark, State, Tally};
use headland_shared::epoch::{EpochTag, Seq};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::schema::Declaration;
use headland_shared::stub::Stub;
use headland_shared::value::{Number, Value};
use std::collections::BTreeMap;

pub(crate) fn keys() -> Vec<Case> {
    let version = || "1.6".parse().unwrap();
    let dot = Dot {
        actor: actor(),
        counter: 300,
    };
    let keys = [
        ("life", ElementKey::Life),
        ("attribute", ElementKey::Attribute(attribute("size"))),
        ("member", ElementKey::Member(attribute("tags"), "wheat".into())),
        ("count", ElementKey::Count(attribute("usage"), actor(), region())),
        ("version", ElementKey::Version(version())),
        (
            "approval",
            ElementKey::Approval(version(), "field-use".parse().unwrap()),
        ),
        ("current", ElementKey::Current),
        ("alias", ElementKey::Alias("champion".parse().unwrap())),
        ("annotation", ElementKey::Annotation(dot)),
        ("stub", ElementKey::Stub),
        ("unknown", ElementKey::Unknown(vec![200, 1, 2])),
    ];
    let element = |(name, key): (&str, ElementKey)| {
        case(format!("key-{name}"), key, ElementKey::encoded, |bytes| {
            ElementKey::decode(bytes).unwrap()
        })
    };
    let mut cases: Vec<Case> = keys.into_iter().map(element).collect();
    cases.push(case("key-record", record(), RecordKey::encoded, |bytes| {
        RecordKey::decode(bytes).unwrap()
    }));
    cases
}

pub(crate) fn states() -> Vec<Case> {
    let mut newer = note("dry");
    newer.extra = vec![1, 2, 3];
    let states = [
        ("central", registered(central(false, Some(Value::text("up"))))),
        (
            "central-sticky",
            registered(central(true, Some(Value::text("revoked")))),
        ),
        ("central-absent", registered(central(false, None))),
        ("register", crowded()),
        ("tally", State::Tally(Tally { added: 500, removed: 2 })),
        ("note", State::Remark(Remark::Written(note("dry")))),
        ("note-of-newer-version", State::Remark(Remark::Written(newer))),
        ("removed", State::Remark(Remark::Removed)),
        ("stub", State::Unknown(Stub(Digest(0x0102_0304_0506)).state())),
        ("unknown", State::Unknown(vec![200, 1, 2])),
    ];
    let state = |(name, state): (&str, State)| {
        case(format!("state-{name}"), state, State::encoded, |bytes| {
            State::decode(bytes).unwrap()
        })
    };
    states.into_iter().map(state).collect()
}

pub(crate) fn values() -> Vec<Case> {
    let real = |real| Value::Number(Number::from_f64(real).unwrap());
    let values = [
        ("null", Value::Null),
        ("false", Value::Bool(false)),
        ("true", Value::Bool(true)),
        ("small", Value::whole(63)),
        ("whole", Value::whole(-9_000_000_000)),
        ("decimal", real(3.125e-6)),
        ("real", real(std::f64::consts::PI)),
        ("text", Value::text("chat")),
        ("long-text", Value::text("wheat ".repeat(12) + "ü")),
        ("time", Value::text("2026-11-23T19:08:28Z")),
        ("date", Value::text("2026-11-23")),
        ("hex", Value::text("00112233445566778899aabb")),
        ("sha256", Value::text("sha256:".to_owned() + &"ab".repeat(32))),
        (
            "list",
            Value::List(vec![Value::Null, Value::whole(1), Value::List(vec![])]),
        ),
        (
            "map",
            Value::Map(BTreeMap::from([
                ("a".into(), Value::Bool(true)),
                ("b".into(), Value::text("")),
            ])),
        ),
    ];
    let encode = |value: &Value| encoded(|out| value.encode(out));
    let value = |(name, value): (&str, Value)| {
        case(format!("value-{name}"), value, encode, |bytes| {
            read(bytes, |reader| Value::decode(reader).unwrap())
        })
    };
    values.into_iter().map(value).collect()
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

fn read<T>(bytes: &[u8], decode: impl FnOnce(&mut Reader<'_>) -> T) -> T {
    let mut reader = Reader::new(bytes);
    let value = decode(&mut reader);
    assert!(reader.is_empty());
    value
}

/// A stored record as head and elements.
type Held = (blob::Head, Vec<(Vec<u8>, Seq, Vec<u8>)>);

pub(crate) fn stored() -> Vec<Case> {
    let head = blob::Head {
        task: Some("detection".parse().unwrap()),
        entered: Seq(300),
        changed: Seq(421),
    };
    let mut elements: Vec<_> = elements()
        .into_iter()
        .zip(400..)
        .map(|((k, s), seq)| (k, Seq(seq), s))
        .collect();
    elements.sort();
    let encode = |(head, elements): &Held| {
        let change = |(key, seq, state): &(Vec<u8>, Seq, Vec<u8>)| Change {
            key: key.clone(),
            seq: *seq,
            state: state.clone(),
        };
        let changes = elements.iter().map(change).collect();
        blob::patch(b"key", None, head, changes, Tombstones::Keep)
            .unwrap()
            .bytes
    };
    let decode = |bytes: &[u8]| {
        let blob = Blob::parse(bytes).unwrap();
        let entries = blob.entries().map(|entry| entry.unwrap());
        (
            blob.head.clone(),
            entries
                .map(|entry| (entry.key.to_vec(), entry.seq, entry.state.to_vec()))
                .collect(),
        )
    };
    let tag = |bytes: &[u8]| EpochTag(u32::from_be_bytes(bytes.try_into().unwrap()));
    vec![
        case("blob", (head, elements), encode, decode),
        case("blob-gone", (blob::Head::default(), Vec::new()), encode, decode),
        case(
            "declaration",
            declaration(),
            |declaration| encoded(|out| declaration.encode(out)),
            |bytes| read(bytes, |reader| Declaration::decode(reader).unwrap()),
        ),
        case("epoch-tag", EPOCH.tag(), |tag| tag.0.to_be_bytes().to_vec(), tag),
    ]
}
