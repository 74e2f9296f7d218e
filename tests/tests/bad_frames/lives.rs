//! What is said of, or under, another life of a store.

use crate::pair::{Pair, device, model, note};
use headland_shared::actor::{ActorId, Dot, Incarnation};
use headland_shared::element::{Remark, State};
use headland_shared::frame::encode_down;
use headland_shared::key::ElementKey;
use headland_shared::message::{Down, Stored, Up};
use headland_shared::upload::{RecordRef, Written};

#[test]
fn what_the_hub_stored_of_another_life_settles_nothing() {
    let mut pair = Pair::new();
    let before = pair.picture();
    let stored = Stored {
        incarnation: Incarnation(1),
        through: 1,
        refused: vec![1, 2],
        more: Vec::new(),
    };
    pair.agent
        .frame(encode_down(&Down::Stored(stored)), pair.now())
        .unwrap();
    assert_eq!(pair.picture(), before);
    pair.still_works();
}

#[test]
fn a_note_of_an_earlier_life_is_not_from_the_future_either() {
    let mut pair = Pair::new();
    let incarnation = Incarnation(11);
    let actor = ActorId {
        incarnation,
        ..device()
    };
    let key = ElementKey::Annotation(Dot { actor, counter: 1 });
    let Written::Note(note) = note("years ahead", 4_000_000_000_000) else {
        unreachable!("it is a note")
    };
    let earlier = Written::Earlier(key, State::Remark(Remark::Written(note)));
    pair.device_says(&Up::Upload(pair.upload(0, vec![(RecordRef::Key(model("a")), earlier)])));
    let shown = pair.picture().models.1;
    assert!(
        shown.contains("years ahead") && !shown.contains("at_ms: 4000000000000"),
        "{shown}"
    );
}
