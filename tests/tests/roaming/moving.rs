//! An agent that moves between two hubs.

use crate::hubs::{Hubs, North, South, attribute, model, now_at, three};
use headland_agent::replica::Age;
use headland_hub::replica::CommitError;
use headland_shared::schema::{Declaration, Kind, Priority, Residency, Rule, Tier, Writers};
use headland_shared::session::agent::Phase;

/// Declares a count that stays where it was made, at both hubs.
fn declare_regional(hubs: &mut Hubs) {
    let declaration = Declaration {
        kind: Kind::Number,
        rule: Rule::Counter,
        tier: Tier::Eventual,
        priority: Priority::P2,
        residency: Residency::Region,
        writers: Writers::Devices,
    };
    for side in [North, South] {
        let served = hubs.side(side);
        let declared = served.hub.commit(now_at(0), |commit| {
            commit.declare(&attribute("visits"), declaration)?;
            Ok::<_, CommitError>(())
        });
        declared.unwrap();
    }
    hubs.north.import(&three(2), 0);
    hubs.south_follows();
}

fn count_at(hubs: &mut Hubs, side: crate::hubs::Side, attribute: &str) -> i64 {
    let model = hubs.side(side).model("a");
    model.counts.get(attribute).copied().unwrap_or(0)
}

#[test]
fn what_an_agent_counted_is_counted_once_at_each_hub() {
    let mut hubs = Hubs::new();
    hubs.go_to(North);
    hubs.count("a", "usage", 3);
    hubs.annotate("a", "works on wheat");
    hubs.until_quiet();
    hubs.go_to(South);
    hubs.count("a", "usage", 4);
    hubs.until_quiet();
    assert_eq!(count_at(&mut hubs, North, "usage"), 3);
    assert_eq!(count_at(&mut hubs, South, "usage"), 7);
    for side in [North, South, North] {
        hubs.go_to(side);
    }
    assert_eq!(count_at(&mut hubs, North, "usage"), 7);
    assert_eq!(count_at(&mut hubs, South, "usage"), 7);
    assert_eq!(hubs.shown_count("a", "usage"), 7);
    assert_eq!(hubs.south.models(), hubs.north.models());
    assert_eq!(hubs.south.digests(), hubs.north.digests());
    let actor = hubs.agent.actor().clone();
    for side in [North, South] {
        assert_eq!(hubs.side(side).hub.store().read().unwrap().seen(&actor).unwrap(), 3);
        assert_eq!(hubs.side(side).model("a").annotations.len(), 1);
    }
}

#[test]
fn what_was_taken_back_at_one_hub_is_taken_back_at_the_other() {
    let mut hubs = Hubs::new();
    hubs.go_to(North);
    let now = hubs.now();
    let note = hubs.agent.annotate(&model("a"), None, "wrong".to_owned(), now).unwrap();
    hubs.agent.flush(now).unwrap();
    hubs.until_quiet();
    hubs.go_to(South);
    assert_eq!(hubs.south.model("a").annotations.len(), 1);
    let now = hubs.now();
    hubs.agent.remove_note(&model("a"), &note, now).unwrap();
    hubs.agent.flush(now).unwrap();
    hubs.until_quiet();
    hubs.go_to(North);
    assert!(hubs.south.model("a").annotations.is_empty());
    assert!(hubs.north.model("a").annotations.is_empty());
}

#[test]
fn what_must_stay_in_its_region_goes_to_no_other_and_again_to_its_own() {
    let mut hubs = Hubs::new();
    declare_regional(&mut hubs);
    hubs.go_to(North);
    hubs.count("a", "visits", 2);
    hubs.until_quiet();
    // Made while north cannot be reached.
    hubs.agent.link_down(hubs.now()).unwrap();
    hubs.count("a", "visits", 3);
    hubs.annotate("a", "goes everywhere");
    hubs.go_to(South);
    assert_eq!(count_at(&mut hubs, South, "visits"), 0);
    assert_eq!(hubs.south.model("a").annotations.len(), 1);
    let actor = hubs.agent.actor().clone();
    let seen = hubs.south.hub.store().read().unwrap().seen(&actor).unwrap();
    assert_eq!(seen, hubs.agent.store().read().unwrap().last_dot().unwrap());
    hubs.count("a", "visits", 10);
    hubs.until_quiet();
    assert_eq!(count_at(&mut hubs, South, "visits"), 10);
    assert_eq!(count_at(&mut hubs, North, "visits"), 2);
    hubs.go_to(North);
    assert_eq!(count_at(&mut hubs, North, "visits"), 5);
    assert_eq!(hubs.north.model("a").annotations.len(), 1);
    assert_eq!(hubs.shown_count("a", "visits"), 15);
    hubs.go_to(South);
    assert_eq!(count_at(&mut hubs, South, "visits"), 10);
}

#[test]
fn an_agent_does_not_go_back_behind_what_it_has_seen_live() {
    let mut hubs = Hubs::new();
    hubs.go_to(North);
    hubs.north.import(&three(9), hubs.ms);
    hubs.until_quiet();
    stays_until_south_has_followed(&mut hubs);
}

#[test]
fn an_agent_that_saw_a_withdrawal_does_not_see_the_model_again() {
    let mut hubs = Hubs::new();
    hubs.go_to(North);
    hubs.north.import(&three(1)[..2], hubs.ms);
    hubs.until_quiet();
    // A withdrawal is told by nothing that the agent keeps, but by the next heartbeat.
    hubs.pass(6);
    assert_eq!(hubs.shown_names(), ["a", "bb"]);
    stays_until_south_has_followed(&mut hubs);
}

#[test]
fn an_agent_that_saw_a_later_life_of_the_registry_waits_at_a_hub_that_follows_the_earlier_one() {
    let mut hubs = Hubs::new();
    // North learns what it had from south, as after a loss, and goes on by itself: that is a later life.
    hubs.north = crate::hubs::served("north", 90);
    hubs.north.follow(&hubs.south, 0);
    hubs.north.import(&three(3), 0);
    hubs.go_to(North);
    assert_eq!(hubs.north.says().registry.life.number(), 2);
    stays_until_south_has_followed(&mut hubs);
}

fn stays_until_south_has_followed(hubs: &mut Hubs) {
    let shown = hubs.shown();
    hubs.arrive_at(South);
    hubs.pass(60);
    assert_eq!(hubs.agent.phase(), Phase::Greeting);
    assert_eq!(hubs.shown(), shown);
    let behind_ms = hubs.agent.behind_for(hubs.now().mono).unwrap();
    assert!((50_000..=60_000).contains(&behind_ms), "{behind_ms}");
    let age = hubs.agent.age(hubs.now()).unwrap();
    assert!(matches!(age, Age::Known { ms, .. } if ms >= 60_000), "{age:?}");
    hubs.south_follows();
    hubs.until_quiet();
    assert_eq!(hubs.shown(), shown);
    assert_eq!(hubs.agent.behind_for(hubs.now().mono), None);
}
