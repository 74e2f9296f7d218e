//! A device whose flash went back in time again and again, as a copied card does: it is fenced, and stays usable.

use crate::hubs::{Hubs, North};
use headland_shared::name::ReplicaName;

fn texts(hubs: &Hubs) -> Vec<String> {
    let models = hubs.shown().into_iter();
    let mut texts: Vec<_> = models
        .flat_map(|model| model.annotations)
        .map(|note| note.text)
        .collect();
    texts.sort();
    texts
}

#[test]
fn a_fenced_device_shows_its_new_notes_beside_those_that_it_forgot() {
    let mut hubs = Hubs::new();
    hubs.go_to(North);
    hubs.annotate("a", "first");
    hubs.annotate("a", "second");
    hubs.until_quiet();

    hubs.flash_goes_back(9);
    hubs.go_to(North);
    assert_eq!(hubs.agent.counts().lives, 1);
    // Its first name was taken from it, and now something speaks under it again.
    hubs.flash_goes_back(10);
    hubs.arrive_at(North);
    hubs.pass(5);
    assert!(hubs.agent.is_fenced());
    assert_eq!(texts(&hubs), ["first", "second"]);

    hubs.annotate("a", "third");
    assert_eq!(texts(&hubs), ["first", "second", "third"]);

    let name = ReplicaName::parse("device-a").unwrap();
    assert!(hubs.north.hub.unfence(&name).unwrap());
    hubs.pass(120);
    hubs.until_quiet();
    assert_eq!(texts(&hubs), ["first", "second", "third"]);
    let held = hubs.north.model("a").annotations;
    assert_eq!(held.len(), 3);
}
