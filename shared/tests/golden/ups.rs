//! What an agent says.

use crate::rows::put_entry;
use crate::samples::{EPOCH, LIFE, actor, attribute, head, mark, note, record, region, write};
use crate::{Case, case, is_compressed, released};
use headland_shared::digest::Digest;
use headland_shared::element::{State, Tally};
use headland_shared::epoch::{Mark, Position, Seq};
use headland_shared::frame;
use headland_shared::key::ElementKey;
use headland_shared::message::more::{Describes, Field};
use headland_shared::message::{Applied, GoOn, Hello, Place, Staged, Up, Upload};
use headland_shared::name::{FactName, LabelName, LabelValue};
use headland_shared::register::Rank;
use headland_shared::resolve::{Description, Fact};
use headland_shared::upload::{self, Entry, RecordRef, UploadWriter, Written};
use headland_shared::value::Value;
use std::collections::BTreeMap;

pub(crate) fn up(name: &str, message: Up) -> Case {
    let case = case(format!("up-{name}"), message, frame::encode_up, |bytes| {
        frame::decode_up(bytes).unwrap()
    });
    Case {
        compressed: is_compressed(&case.bytes),
        ..case
    }
}

pub(crate) fn entries() -> Vec<(&'static str, Entry)> {
    let (by_key, by_handle) = (RecordRef::Key(record()), RecordRef::Handle(300));
    let value = Written::Value(
        ElementKey::Attribute(attribute("availability")),
        Rank::Operator,
        write(Some(Value::text("down")), BTreeMap::new()),
    );
    let count = Written::Count(attribute("usage"), region(), Tally { added: 500, removed: 2 });
    vec![
        (
            "note",
            Entry {
                dot: 8,
                record: by_key,
                written: Written::Note(note("dry")),
            },
        ),
        (
            "removal",
            Entry {
                dot: 9,
                record: by_handle.clone(),
                written: Written::Removal(8),
            },
        ),
        (
            "count",
            Entry {
                dot: 11,
                record: by_handle.clone(),
                written: count,
            },
        ),
        (
            "value",
            Entry {
                dot: 12,
                record: by_handle,
                written: value,
            },
        ),
    ]
}

pub(crate) fn upload(entries: &[Entry]) -> Upload {
    let (prev, mut body, mut to) = (7, Vec::new(), 7);
    for entry in entries {
        put_entry(&mut body, to, entry);
        to = entry.dot;
    }
    Upload {
        incarnation: actor().incarnation,
        epoch: EPOCH.tag(),
        prev,
        to,
        body,
    }
}

pub(crate) fn hello(place: Option<Place>, staged: Option<Staged>, upload: Option<Upload>) -> Up {
    Up::Hello(Hello {
        nonce: 0xdead_beef,
        actor: actor(),
        frame_bytes_max: 65_536,
        follow: vec!["vision/*".parse().unwrap()],
        place,
        staged,
        registry: Position { life: LIFE, number: 41 },
        upload,
        more: Vec::new(),
    })
}

/// What a device says of itself, in its first hello of a link.
fn describing() -> Up {
    let name = |text: &str| LabelName::new(text).unwrap();
    let labels = [("site", "north"), ("ring", "canary")];
    let labels = labels.map(|(label, value)| (name(label), LabelValue::new(value).unwrap()));
    let facts = r#"{"runtimes": ["onnxruntime", "tflite"], "memory_bytes": 536870912, "camera": true}"#;
    let facts: BTreeMap<FactName, Fact> = serde_json::from_str(facts).unwrap();
    let description = Description::new(labels.into(), facts).unwrap();
    match hello(None, None, None) {
        Up::Hello(hello) => Up::Hello(Hello {
            more: vec![Describes(description.encoded()).to_more()],
            ..hello
        }),
        other => other,
    }
}

pub(crate) fn ups() -> Vec<Case> {
    let (ahead, digest) = (vec![(2, Seq(410)), (5, Seq(420))], Digest(u128::MAX - 7));
    let place = Place {
        epoch: EPOCH,
        head: head(420),
        base: Seq(400),
        ahead: ahead.clone(),
    };
    let staged = Staged {
        epoch: EPOCH.tag(),
        snapshot: true,
        started: Seq(430),
        to: mark(405),
    };
    let all: Vec<Entry> = entries().into_iter().map(|(_, entry)| entry).collect();
    let long = Entry {
        dot: 8,
        record: RecordRef::Handle(1),
        written: Written::Note(note(&"wheat ".repeat(60))),
    };
    let mut cases = vec![
        up("hello-describing", describing()),
        up("hello-fresh", hello(None, None, None)),
        up("hello-full", hello(Some(place), Some(staged), Some(upload(&all[..2])))),
        up("upload-all", Up::Upload(upload(&all))),
        up("upload-compressed", Up::Upload(upload(&[long]))),
        up(
            "applied",
            Up::Applied(Applied {
                epoch: EPOCH.tag(),
                base: Seq(400),
                ahead,
                digest,
                more: Vec::new(),
            }),
        ),
        up(
            "go-on",
            Up::GoOn(GoOn {
                nonce: 77,
                staged_to: mark(405),
                again: false,
            }),
        ),
        up(
            "go-on-again",
            Up::GoOn(GoOn {
                nonce: 77,
                staged_to: Mark::after(Seq(404)),
                again: true,
            }),
        ),
    ];
    for (name, entry) in entries() {
        let body = upload(std::slice::from_ref(&entry));
        let (prev, entries) = (body.prev, vec![entry]);
        cases.push(case(
            format!("upload-body-{name}"),
            entries,
            |_| body.body.clone(),
            move |bytes| upload::read(prev, bytes).unwrap(),
        ));
        cases.push(up(&format!("upload-{name}"), Up::Upload(body)));
    }
    let mut packed = UploadWriter::new(7);
    all.iter().for_each(|entry| packed.put(entry));
    let packed = Upload {
        body: packed.finish(),
        ..upload(&all)
    };
    cases.push(up("upload-dense", Up::Upload(packed.clone())));
    let first_packed = released("upload-body-packed");
    let earlier = Upload {
        body: first_packed.clone(),
        ..packed.clone()
    };
    cases.push(up("upload-packed", Up::Upload(earlier)));
    let earlier = Entry {
        dot: 9,
        record: RecordRef::Handle(300),
        written: Written::Earlier(
            ElementKey::Count(attribute("usage"), actor(), region()),
            State::Tally(Tally { added: 500, removed: 2 }),
        ),
    };
    cases.push(case(
        "upload-body-earlier",
        vec![earlier.clone()],
        |_| released("upload-body-earlier"),
        |bytes| upload::read(7, bytes).unwrap(),
    ));
    cases.push(case(
        "upload-body-dense-earlier",
        vec![earlier],
        |entries| {
            let mut body = UploadWriter::new(7);
            entries.iter().for_each(|entry| body.put(entry));
            body.finish()
        },
        |bytes| upload::read(7, bytes).unwrap(),
    ));
    for (name, body) in [("packed", first_packed), ("dense", packed.body)] {
        cases.push(case(
            format!("upload-body-{name}"),
            all.clone(),
            |_| body.clone(),
            |bytes| upload::read(7, bytes).unwrap(),
        ));
    }
    cases
}
