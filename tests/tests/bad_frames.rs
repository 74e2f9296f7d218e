//! Bad frames: what the shipped replicas do about frames that are cut, repeated, forged, too long or nonsense.
//!
//! Each is refused or passed over, nothing changes, and the conversation goes on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "bad_frames/ends.rs"]
mod ends;
#[path = "bad_frames/lives.rs"]
mod lives;
#[path = "bad_frames/pair.rs"]
mod pair;

use headland_agent::replica::{Age, FrameRefused};
use headland_agent::store::OVERLAY_MAX;
use headland_hub::replica::INBOX_MAX;
use headland_shared::actor::Dot;
use headland_shared::delta::DeltaWriter;
use headland_shared::digest::Digest;
use headland_shared::element::{State, Tally};
use headland_shared::epoch::{EpochTag, Mark, Position, Seq};
use headland_shared::frame::{BODY_BYTES_MAX, WIRE_VERSION, decode_down, decode_up, encode_down, encode_up};
use headland_shared::key::ElementKey;
use headland_shared::message::{Applied, Down, GoOn, Heartbeat, Place, Refusal, Refused, Staged, Up};
use headland_shared::register::{Rank, Write};
use headland_shared::session::{Jitter, Now};
use headland_shared::stamp::Stamp;
use headland_shared::upload;
use headland_shared::upload::{Entry, RecordRef, UPLOAD_ENTRIES_MAX, UploadWriter, Written};
use headland_shared::urgent::{FACTS_MAX, Fact, Urgent};
use headland_shared::value::Value;
use pair::{Pair, Picture, attribute, device, model, name, note, region, sealed};
use std::collections::BTreeMap;

/// The tags of live batches, as `docs/wire.md` lists it.
const LIVE_TAGS: std::ops::RangeInclusive<u8> = 26..=28;

#[test]
fn frames_that_are_cut_short_are_refused() {
    let mut pair = Pair::new();
    let frames = [pair.up.first(), pair.up.last(), pair.down.first(), pair.down.last()];
    let frames: Vec<Vec<u8>> = frames.into_iter().flatten().cloned().collect();
    assert_eq!(frames.len(), 4);
    for frame in frames {
        for length in 0..frame.len() {
            pair.both_refuse(&frame[..length]);
        }
    }
    pair.still_works();
}

#[test]
fn repeated_frames_change_nothing() {
    let mut pair = Pair::new();
    pair.still_works();
    let (before, up, down) = (pair.picture(), pair.up.clone(), pair.down.clone());
    let kinds = up
        .iter()
        .filter(|frame| matches!(decode_up(frame), Ok(Up::Upload(_) | Up::Chained(_))))
        .count();
    assert!(
        kinds > 0
            && down.iter().any(|frame| matches!(decode_down(frame), Ok(Down::Live(_))))
            && down
                .iter()
                .any(|frame| matches!(decode_down(frame), Ok(Down::Urgent(_))))
    );
    for _ in 0..2 {
        for frame in down.iter().rev().chain(&down) {
            let _ = pair.agent.frame(frame.clone(), pair.now());
            // An old word on what the hub has stored is believed: a hub that was restored has less.
            assert_eq!(
                Picture {
                    stored: before.stored,
                    ..pair.picture()
                },
                before
            );
        }
        for frame in up.iter().rev().chain(&up) {
            pair.hub.frame(name("device-a"), frame.clone()).unwrap();
            pair.hub.flush(pair.now()).unwrap();
            pair.answers("nobody");
            assert_eq!(
                Picture {
                    stored: before.stored,
                    ..pair.picture()
                },
                before
            );
        }
    }
    pair.still_works();
}

#[test]
fn frames_of_a_newer_version_are_refused_and_named_as_such() {
    let mut pair = Pair::new();
    for mut frame in [pair.up[0].clone(), pair.down[0].clone()] {
        frame[0] = WIRE_VERSION + 1;
        pair.both_refuse(&frame);
        let error = pair.agent.frame(frame, pair.now()).unwrap_err();
        assert!(error.to_string().contains("update the older side"), "{error}");
    }
    pair.still_works();
}

#[test]
fn frames_above_the_limits_noise_and_nonsense_are_refused() {
    let mut pair = Pair::new();
    let mut jitter = Jitter::seeded(3);
    for tag in 0..40 {
        pair.both_refuse(&sealed(tag, BODY_BYTES_MAX as u64 + 1, b"short"));
        pair.both_refuse(&sealed(tag, u64::MAX, &[]));
        // A live batch has no length that could be another.
        if !LIVE_TAGS.contains(&tag) {
            pair.both_refuse(&sealed(tag, 4, b"other length"));
        }
        pair.both_refuse(&sealed(tag, 60, &[0xff; 60]));
        let noise: Vec<u8> = (0..jitter.up_to(300)).map(|_| jitter.next_u64() as u8).collect();
        pair.both_refuse(&noise);
    }
    // A piece of more pieces than any frame has.
    pair.both_refuse(&sealed(32, 10, &[1, 2, 3, 4, 0, 0xff, 0xff, 0xff, 0x7f, 9]));
    pair.still_works();
}

#[test]
fn what_is_meant_for_the_other_side_is_refused() {
    let mut pair = Pair::new();
    let (up, down) = (pair.up[0].clone(), pair.down[0].clone());
    assert!(pair.agent.frame(up, pair.now()).is_err());
    assert!(pair.hub.frame(name("device-a"), down).is_err());
    assert_eq!(
        (pair.agent.counts().frames_refused, pair.hub.counts().frames_refused),
        (1, 1)
    );
    pair.still_works();
}

#[test]
fn more_frames_than_the_hub_takes_at_once_are_refused_and_counted() {
    let mut pair = Pair::new();
    let before = pair.picture();
    let frame = encode_up(&Up::GoOn(GoOn {
        nonce: 1,
        staged_to: Mark::default(),
        again: true,
    }));
    for _ in 0..INBOX_MAX {
        pair.hub.frame(device().name, frame.clone()).unwrap();
    }
    assert!(pair.hub.frame(device().name, frame).is_err());
    assert_eq!(pair.hub.counts().frames_refused, 1);
    pair.hub.flush(pair.now()).unwrap();
    assert_eq!(pair.answers("device-b").len(), INBOX_MAX);
    assert_eq!(pair.picture(), before);
    pair.still_works();
}

#[test]
fn a_device_that_speaks_as_another_is_refused() {
    let mut pair = Pair::new();
    let before = pair.picture();
    let mut hello = pair.hello(None);
    hello.actor = pair.agent.actor().clone();
    hello.upload = Some(pair.upload(before.seen[0], vec![(RecordRef::Key(model("a")), note("forged", 1))]));
    let error = pair.hub.frame(device().name, encode_up(&Up::Hello(hello))).unwrap_err();
    assert!(error.to_string().contains("it speaks as device-a"), "{error}");
    assert_eq!(pair.hub.counts().frames_refused, 1);
    pair.hub.flush(pair.now()).unwrap();
    assert!(pair.answers("device-b").is_empty());
    assert_eq!(pair.picture(), before);
    pair.still_works();
}

#[test]
fn a_delta_that_cannot_be_applied_is_refused_whole_and_what_is_held_is_compared() {
    let life = |pair: &Pair| pair.hub.store().read().unwrap().numbers().unwrap().life;
    let said = State::Tally(Tally { added: 5, removed: 0 }).encoded();
    let counted = ElementKey::Count(attribute("usage"), device(), region()).encoded();
    let element = (counted.as_slice(), None, said.as_slice());
    // A scope, a record and an attribute that were never introduced; then what is no delta at all.
    for kind in 0..4 {
        let mut pair = Pair::new();
        let mut writer = DeltaWriter::new(life(&pair), &[], &[]);
        writer.record(0, 0, "", false, &[element]);
        match kind {
            0 => writer.left(99, 0),
            1 => writer.record(0, 999, "", false, &[element]),
            2 => writer.record(0, 0, "", false, &[(&counted, Some(999), &said)]),
            _ => {}
        }
        let mut delta = writer.finish();
        if kind == 3 {
            delta.extend_from_slice(&[0xff; 20]);
        }
        let (before, counts) = (pair.picture(), pair.agent.counts());
        let error = pair.agent.frame(pair.batch(delta), pair.now()).unwrap_err();
        assert!(matches!(error, FrameRefused::Apply(_)), "{error}");
        assert_eq!(pair.agent.counts().frames_refused, 1);
        assert_eq!(pair.picture(), before);
        pair.until_quiet();
        let after = pair.agent.counts();
        // Nothing differs, so nothing is sent again.
        assert_eq!((after.repairs, after.snapshots), (counts.repairs + 1, counts.snapshots));
        assert_eq!(pair.picture(), before);
        pair.still_works();
    }
}

/// Facts of which nobody knows what they mean, each of another element.
fn urgent(pair: &Pair, seq: u64, model: &str, facts: std::ops::Range<usize>) -> Urgent {
    let fact = |n: usize| Fact {
        model: model.parse().unwrap(),
        element: ElementKey::Unknown([&[200], n.to_be_bytes().as_slice()].concat()).encoded(),
        state: State::Tally(Tally { added: 1, removed: 0 }).encoded(),
    };
    Urgent {
        epoch: pair.hub.epoch().tag(),
        seq: Seq(seq),
        namespace: "farm".parse().unwrap(),
        facts: facts.map(fact).collect(),
        more: Vec::new(),
    }
}

#[test]
fn urgent_facts_of_nowhere_are_passed_over_and_what_cannot_be_read_is_refused() {
    let mut pair = Pair::new();
    let before = pair.picture();
    let head = before.head.seq.0;
    let mut foreign = urgent(&pair, head + 1, "a", 0..3);
    foreign.epoch = EpochTag(foreign.epoch.0 ^ 1);
    let unknown = urgent(&pair, head + 1, "nobody", 0..3);
    let passed = urgent(&pair, head, "a", 0..3);
    for message in [foreign, unknown, passed] {
        pair.agent
            .frame(encode_down(&Down::Urgent(message)), pair.now())
            .unwrap();
        assert_eq!(pair.agent.store().read().unwrap().ahead_count().unwrap(), 0);
    }
    let many = urgent(&pair, head + 1, "a", 0..FACTS_MAX + 1);
    let mut unread = urgent(&pair, head + 1, "a", 0..1);
    unread.facts[0].state = vec![4, 0xff];
    for message in [many, unread] {
        pair.both_refuse(&encode_down(&Down::Urgent(message)));
    }
    assert_eq!(pair.picture(), before);
    pair.still_works();
}

#[test]
fn more_urgent_facts_than_an_agent_holds_wait_for_the_feed() {
    let mut pair = Pair::new();
    let before = pair.picture();
    let held = |pair: &Pair| pair.agent.store().read().unwrap().ahead_count().unwrap();
    let frames = OVERLAY_MAX as usize / FACTS_MAX + 1;
    for n in 0..frames {
        let message = urgent(&pair, before.head.seq.0 + 1, "a", n * FACTS_MAX..(n + 1) * FACTS_MAX);
        pair.agent
            .frame(encode_down(&Down::Urgent(message)), pair.now())
            .unwrap();
    }
    assert_eq!(held(&pair), OVERLAY_MAX);
    assert_eq!(
        (pair.agent.counts().urgent, pair.agent.counts().urgent_left),
        (OVERLAY_MAX, FACTS_MAX as u64)
    );
    assert_eq!(pair.picture(), before);
    pair.still_works();
    assert_eq!(held(&pair), 0);
}

#[test]
fn writes_that_the_schema_does_not_let_devices_make_are_refused() {
    let mut pair = Pair::new();
    let write = |value| Write {
        position: Position {
            number: 1,
            ..Position::default()
        },
        sticky: true,
        at: Stamp::at_ms(1),
        value: Some(value),
        covers: BTreeMap::new(),
    };
    let value = |key| Written::Value(key, Rank::Person, write(Value::Bool(false)));
    let version = || "1.0".parse().unwrap();
    let others = Dot {
        actor: pair.agent.actor().clone(),
        counter: 77,
    };
    pair.hub_refuses_writes(vec![
        value(ElementKey::Attribute(attribute("status"))),
        value(ElementKey::Attribute(attribute("mark"))),
        value(ElementKey::Attribute(attribute("unheard-of"))),
        value(ElementKey::Attribute(attribute("usage"))),
        value(ElementKey::Member(attribute("tags"), "wheat".into())),
        value(ElementKey::Life),
        value(ElementKey::Version(version())),
        value(ElementKey::Approval(version(), "field-use".parse().unwrap())),
        value(ElementKey::Current),
        value(ElementKey::Alias("champion".parse().unwrap())),
        value(ElementKey::Unknown(vec![200, 1])),
        Written::Count(attribute("mark"), region(), Tally { added: 1, removed: 0 }),
    ]);
    // What only its own actor may say, said as a plain value.
    pair.hub_refuses_writes(vec![
        value(ElementKey::Annotation(others)),
        value(ElementKey::Count(
            attribute("usage"),
            pair.agent.actor().clone(),
            region(),
        )),
    ]);
    pair.still_works();
}

#[test]
fn a_device_cannot_take_back_the_note_of_another() {
    let mut pair = Pair::new();
    let before = pair.picture();
    assert!(before.models.1.contains("note 1"));
    // The first dot of the agent is its note; the device names the same counter, and can only mean its own.
    let upload = pair.upload(0, vec![(RecordRef::Key(model("a")), Written::Removal(1))]);
    pair.device_says(&Up::Upload(upload));
    pair.until_quiet();
    let after = pair.picture();
    assert_eq!((after.models, after.digests), (before.models, before.digests));
    pair.still_works();
}

#[test]
fn an_upload_with_a_gap_or_that_cannot_be_read_is_asked_for_again() {
    let mut pair = Pair::new();
    pair.device_says(&Up::Hello(pair.hello(None)));
    let by_key = |text: &str| (RecordRef::Key(model("a")), note(text, 1));
    pair.hub_sees_a_gap(pair.upload(1, vec![by_key("after a gap")]));
    pair.hub_sees_a_gap(pair.upload(u64::MAX - 1, vec![by_key("far")]));
    let mut nonsense = pair.upload(0, vec![by_key("whole"), by_key("and more")]);
    nonsense.body.extend_from_slice(&[7; 9]);
    pair.hub_sees_a_gap(nonsense.clone());
    nonsense.body = vec![0xff; 99];
    pair.hub_sees_a_gap(nonsense);
    let mut foreign = pair.upload(0, vec![(RecordRef::Handle(0), note("whose number?", 1))]);
    foreign.epoch = EpochTag(foreign.epoch.0 ^ 1);
    pair.hub_sees_a_gap(foreign);
    let many = (0..=UPLOAD_ENTRIES_MAX).map(|_| (RecordRef::Handle(0), Written::Removal(1)));
    let many = pair.upload(0, many.collect());
    assert!(upload::read(0, &many.body).is_err());
    pair.hub_sees_a_gap(many);
    let answers = pair.device_says(&Up::Upload(pair.upload(0, vec![by_key("at last")])));
    assert!(
        matches!(&answers[..], [Down::Stored(stored)] if stored.through == 1),
        "{answers:?}"
    );
    pair.still_works();
}

#[test]
fn a_dot_that_is_used_twice_and_a_note_without_a_text_stop_nobody() {
    let mut pair = Pair::new();
    let mut upload = pair.upload(0, vec![(RecordRef::Key(model("a")), note("first", 9))]);
    let mut body = UploadWriter::new(0);
    for written in [note("first", 9), note("", 1)] {
        body.put(&Entry {
            dot: 1,
            record: RecordRef::Key(model("a")),
            written,
        });
    }
    upload.body = body.finish();
    pair.device_says(&Up::Upload(upload));
    assert_eq!(pair.picture().seen[1], 1);
    pair.still_works();
}

#[test]
fn numbers_from_nowhere_change_nothing() {
    let mut pair = Pair::new();
    let before = pair.picture();
    let far = Mark {
        seq: Seq(u64::MAX),
        scope: u32::MAX,
        handle: u32::MAX,
    };
    let place = |base| Place {
        epoch: before.epoch,
        head: before.head,
        base,
        ahead: vec![(0, Seq(u64::MAX)), (99, base)],
    };
    let (digest, more) = (Digest(1), Vec::new());
    let staged = Staged {
        epoch: before.epoch.tag(),
        snapshot: false,
        started: before.head.seq,
        to: far,
    };
    let mut hello = pair.hello(Some(place(Seq(u64::MAX))));
    (hello.staged, hello.frame_bytes_max) = (Some(staged), 0);
    pair.device_says(&Up::Hello(hello));
    for mark in [
        far,
        Mark::after(Seq(u64::MAX)),
        Mark { scope: 0, ..far },
        Mark::default(),
    ] {
        pair.device_says(&Up::GoOn(GoOn {
            nonce: 1,
            staged_to: mark,
            again: true,
        }));
    }
    let ahead = vec![(0, Seq(u64::MAX)), (99, Seq(0))];
    let epoch = before.epoch.tag();
    pair.device_says(&Up::Applied(Applied {
        epoch,
        base: Seq(u64::MAX),
        ahead,
        digest,
        more: more.clone(),
    }));
    let hear = |boot| Heartbeat {
        epoch,
        boot,
        hub_ms: u64::MAX,
        as_of_ms: u64::MAX,
        heads: vec![(0, Seq::START)],
        more: more.clone(),
    };
    for boot in [1, 2] {
        pair.agent
            .frame(encode_down(&Down::Heartbeat(hear(boot))), pair.now())
            .unwrap();
    }
    let later = Now {
        mono: pair.now().mono + 9_000,
        ..pair.now()
    };
    assert!(
        matches!(pair.agent.age(later), Ok(Age::Known { ms: 9_000.., .. })),
        "nothing is younger than it is"
    );
    for refusal in [Refusal::UnknownTransfer, Refusal::UploadGap] {
        let refused = Refused {
            refusal,
            through: before.stored,
        };
        pair.agent
            .frame(encode_down(&Down::Refused(refused)), pair.now())
            .unwrap();
    }
    assert_eq!(pair.picture(), before);
    pair.still_works();
}

#[test]
fn numbers_of_an_agent_that_has_not_greeted_are_not_read() {
    let mut pair = Pair::new();
    let numbered = pair.upload(0, vec![(RecordRef::Handle(0), note("of a life that is lost", 1))]);
    let refused = Refused {
        refusal: Refusal::UnknownTransfer,
        through: 0,
    };
    assert_eq!(pair.device_says(&Up::Upload(numbered)), [Down::Refused(refused)]);
    pair.still_works();
}
