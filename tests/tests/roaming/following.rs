//! What one registry says is the same at two hubs.

use crate::hubs::{Hubs, North, served, three};
use headland_hub::registry::follow::FollowError;
use headland_hub::registry::{Removals, revert};
use headland_shared::epoch::Seq;

#[test]
fn what_the_registry_said_has_the_same_digests_and_positions_at_both_hubs() {
    let mut hubs = Hubs::new();
    let history: [&[_]; 5] = [
        &three(2),
        &[("a", 2, "revoked"), ("bb", 3, "approved")],
        &[("a", 4, "approved"), ("c", 4, "approved"), ("new", 4, "tried")],
        &[("a", 4, "approved"), ("bb", 5, "approved")],
        &three(6),
    ];
    for models in history {
        hubs.ms += 60_000;
        hubs.north.import(models, hubs.ms);
        hubs.south_follows();
        assert_eq!(hubs.south.digests(), hubs.north.digests());
        assert_eq!(hubs.south.models(), hubs.north.models());
    }
    let (mut north, mut south) = (hubs.north.says(), hubs.south.says());
    assert_eq!((north.registry, north.stamp), (south.registry, south.stamp));
    assert_eq!(north.declarations, south.declarations);
    north.records.sort_by(|a, b| a.key.cmp(&b.key));
    south.records.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(north.records, south.records);
    assert_eq!(north.records.len(), 4, "withdrawn models are told of as well");
}

#[test]
fn a_hub_that_comes_late_holds_the_same_as_one_that_followed_each_commit() {
    let mut hubs = Hubs::new();
    for mark in 2..6 {
        hubs.north.import(&three(mark)[..2], 0);
        hubs.north.import(&three(mark), 0);
        hubs.south_follows();
    }
    let mut late = served("west", 70);
    late.follow(&hubs.north, 0);
    assert_eq!(late.digests(), hubs.south.digests());
    assert_eq!((late.head(), late.names()), (1, hubs.south.names()));
}

#[test]
fn many_commits_are_one_here_and_each_thing_travels_once() {
    let mut hubs = Hubs::new();
    let before = hubs.south.head();
    for mark in 2..20 {
        hubs.north
            .import(&[("a", mark, "approved"), three(1)[1], three(1)[2]], 0);
    }
    let said = hubs.north.says_to(&hubs.south);
    assert_eq!(said.records.len(), 1);
    // The mark, and a tag for each mark that came and went.
    assert_eq!(said.records[0].elements.len(), 1 + 19);
    assert_eq!(hubs.south_follows().changed, 1);
    assert_eq!(hubs.south.head(), before + 1);
}

#[test]
fn an_answer_that_comes_twice_or_late_changes_nothing() {
    let mut hubs = Hubs::new();
    hubs.north.import(&three(2), 0);
    let second = hubs.north.says_to(&hubs.south);
    assert!(hubs.south.apply(&second, Removals::Braked, 0).unwrap().seq.is_some());
    hubs.north.import(&three(3), 0);
    let third = hubs.north.says_to(&hubs.south);
    let (digests, head) = (hubs.south.digests(), hubs.south.head());
    let again = hubs.south.apply(&second, Removals::Braked, 0);
    assert!(matches!(again, Err(FollowError::Gap)), "{again:?}");
    assert_eq!((hubs.south.digests(), hubs.south.head()), (digests, head));
    assert!(hubs.south.apply(&third, Removals::Braked, 0).unwrap().seq.is_some());
    let whole = hubs.north.says();
    for _ in 0..2 {
        assert_eq!(hubs.south.apply(&whole, Removals::Braked, 0).unwrap().seq, None);
    }
    assert_eq!(hubs.south.head(), head + 1);
}

#[test]
fn a_withdrawal_is_followed_long_after_the_agents_floor_has_passed_it() {
    let mut hubs = Hubs::new();
    hubs.north.import(&three(1)[..2], 0);
    // With no agent that may still return, all that left is forgotten.
    hubs.pass(120);
    let views = hubs.north.hub.store().read().unwrap();
    assert!(views.scopes().unwrap().values().any(|row| row.floor > Seq::START));
    drop(views);
    assert_eq!(hubs.south_follows().gone, 1);
    assert_eq!(hubs.south.names(), ["a", "bb"]);
}

#[test]
fn what_the_registry_says_of_a_withdrawn_model_is_followed() {
    let mut hubs = Hubs::new();
    let changed = hubs.north.import(&[("a", 1, "tried"), three(1)[1], three(1)[2]], 0);
    hubs.south_follows();
    hubs.north.import(&three(1)[1..], 0);
    hubs.south_follows();
    let now = hubs.now();
    let report = revert(&mut hubs.north.hub, Seq(changed.seq.unwrap()), now).unwrap();
    assert_eq!(report.changed, 1);
    assert_eq!(hubs.north.says_to(&hubs.south).records.len(), 1);
    hubs.south_follows();
    hubs.north.import(&three(1), 0);
    hubs.south_follows();
    assert_eq!(hubs.south.digests(), hubs.north.digests());
}

#[test]
fn what_devices_wrote_stays_at_their_hub_and_survives_what_the_registry_says() {
    let mut hubs = Hubs::new();
    hubs.go_to(crate::hubs::South);
    hubs.annotate("a", "works on wheat");
    hubs.count("a", "usage", 4);
    hubs.until_quiet();
    hubs.north.import(&three(1)[1..], 0);
    hubs.south_follows();
    assert_eq!(hubs.south.names(), ["bb", "c"]);
    hubs.north.import(&three(2), 0);
    hubs.south_follows();
    let there = hubs.south.model("a");
    assert_eq!((there.annotations.len(), there.counts["usage"]), (1, 4));
    assert!(hubs.north.model("a").annotations.is_empty());
    let said = format!("{:?}", hubs.south.says());
    let wheat = format!("{:?}", b"wheat".as_slice());
    assert!(!said.contains(wheat.trim_matches(['[', ']'])), "{said}");
}

#[test]
fn a_hub_that_follows_a_follower_holds_what_the_first_one_says() {
    let mut hubs = Hubs::new();
    let mut third = served("west", 90);
    for mark in 2..5 {
        hubs.north.import(&three(mark)[..2], 0);
        hubs.south_follows();
        third.apply(&hubs.south.says_to(&third), Removals::Allowed, 0).unwrap();
        assert_eq!(third.digests(), hubs.north.digests());
    }
}

#[test]
fn agents_are_told_how_long_the_leading_hub_was_not_heard() {
    let mut hubs = Hubs::new();
    hubs.south.hub.registry_known(1_000);
    hubs.go_to(crate::hubs::South);
    hubs.pass(100);
    let age = |hubs: &Hubs| match hubs.agent.age(hubs.now()).unwrap() {
        headland_agent::replica::Age::Known { ms, .. } => ms,
        age => panic!("{age:?}"),
    };
    assert!(age(&hubs) >= hubs.ms, "{} of {}", age(&hubs), hubs.ms);
    let known = hubs.now().mono;
    hubs.south.hub.registry_known(known);
    hubs.pass(10);
    assert!((10_000..30_000).contains(&age(&hubs)), "{}", age(&hubs));
    hubs.go_to(North);
    assert!(age(&hubs) < 10_000, "{}", age(&hubs));
}
