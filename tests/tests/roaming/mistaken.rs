//! Leading hubs that are empty, went back, or say something that nobody can mean.

use crate::hubs::{Hubs, Served, Stated, restored, served, three};
use headland_hub::registry::Removals;
use headland_hub::registry::follow::{Behind, Changes, FollowError, Held};
use headland_shared::epoch::{Life, Position};

fn many(mark: i64, count: usize) -> Vec<(String, i64)> {
    (0..count).map(|number| (format!("model-{number:03}"), mark)).collect()
}

fn stated(models: &[(String, i64)]) -> Vec<Stated<'_>> {
    models
        .iter()
        .map(|(name, mark)| (name.as_str(), *mark, "approved"))
        .collect()
}

/// A follower that holds a hundred models of a leader in an early life, and a leader in a later life.
fn follower_and_successor() -> (Served, Served) {
    let (mut first, mut follower) = (served("north", 5), served("south", 50));
    first.import(&stated(&many(1, 100)), 0);
    follower.follow(&first, 0);
    (follower, served("north", 6))
}

#[test]
fn an_empty_registry_is_never_applied() {
    let (mut follower, empty) = follower_and_successor();
    for removals in [Removals::Braked, Removals::Allowed] {
        let applied = follower.apply(&empty.says(), removals, 0);
        assert!(
            matches!(applied, Err(FollowError::Behind(Behind::Empty))),
            "{applied:?}"
        );
    }
    assert_eq!(follower.names().len(), 100);
    let mut fresh = served("west", 70);
    assert!(matches!(
        fresh.apply(&empty.says(), Removals::Braked, 0),
        Err(FollowError::Behind(Behind::Empty))
    ));
}

#[test]
fn a_whole_answer_that_withdraws_much_is_held_until_it_is_allowed() {
    let (mut follower, mut successor) = follower_and_successor();
    successor.import(&stated(&many(2, 94)), 0);
    let before = (follower.digests(), follower.head());
    let Err(FollowError::Held(held)) = follower.apply(&successor.says_to(&follower), Removals::Braked, 0) else {
        panic!("it was not held");
    };
    assert_eq!((held.gone, held.held), (6, 100));
    assert_eq!((follower.digests(), follower.head()), before);
    assert!(Held::to_string(&held).contains("headland-hub release"), "{held}");
    let applied = follower
        .apply(&successor.says_to(&follower), Removals::Allowed, 0)
        .unwrap();
    assert_eq!(applied.gone, 6);
    assert_eq!(follower.digests(), successor.digests());
}

#[test]
fn a_higher_life_replaces_what_an_earlier_one_said() {
    let (mut follower, mut successor) = follower_and_successor();
    successor.import(&stated(&many(2, 97)), 0);
    follower.follow(&successor, 0);
    assert_eq!(follower.digests(), successor.digests());
    assert_eq!(follower.models(), successor.models());
}

#[test]
fn a_lower_life_and_a_lower_revision_are_behind() {
    let (mut follower, mut lower) = (served("south", 50), served("north", 4));
    let mut leader = served("north", 5);
    leader.import(&three(1), 0);
    let early = leader.says();
    leader.import(&three(2), 0);
    follower.follow(&leader, 0);
    lower.import(&three(3), 0);
    lower.import(&three(4), 0);
    lower.import(&three(5), 0);
    let digests = follower.digests();
    let applied = follower.apply(&lower.says(), Removals::Allowed, 0);
    assert!(
        matches!(applied, Err(FollowError::Behind(Behind::Life { .. }))),
        "{applied:?}"
    );
    let applied = follower.apply(&early, Removals::Allowed, 0);
    assert!(
        matches!(applied, Err(FollowError::Behind(Behind::Revision { .. }))),
        "{applied:?}"
    );
    assert_eq!(follower.digests(), digests);
}

#[test]
fn a_restored_leader_that_went_another_way_is_followed_there_and_lifts_no_revocation() {
    let (mut first, mut again) = (served("north", 5), restored("north", 5, 99));
    let mut follower = served("south", 50);
    for leader in [&mut first, &mut again] {
        leader.import(&three(1), 0);
    }
    first.import(&[("a", 2, "revoked"), ("bb", 9, "approved"), three(1)[2]], 0);
    follower.follow(&first, 0);
    again.import(&[("a", 2, "approved"), ("bb", 3, "approved"), three(1)[2]], 0);
    again.import(&[("a", 4, "approved"), ("bb", 3, "approved"), three(1)[2]], 0);
    let said = again.says_to(&follower);
    assert_eq!(said.after, None, "the position is of a history that is lost");
    follower.apply(&said, Removals::Braked, 0).unwrap();
    assert_eq!(follower.model("bb"), again.model("bb"));
    let [ours, theirs] = [follower.model("a"), again.model("a")];
    assert_eq!(ours.attributes, theirs.attributes);
    assert!(format!("{:?}", ours.versions).contains("revoked"), "{ours:?}");
}

#[test]
fn a_leader_restored_to_before_its_followers_life_learns_of_it_from_the_follower() {
    let (mut lost, mut leader) = (restored("north", 5, 5), restored("north", 5, 99));
    let mut follower = served("south", 50);
    for leader in [&mut lost, &mut leader] {
        leader.import(&three(1), 0);
    }
    // The life that was lost: an agent had seen more of it than the leader had after an earlier restore.
    let seen = lost.registry();
    let more = Position {
        number: seen.number + 1,
        ..seen
    };
    assert!(lost.hears_of(more));
    lost.import(&three(2), 0);
    follower.follow(&lost, 0);
    let refused = follower.apply(&leader.says_to(&follower), Removals::Allowed, 0);
    assert!(
        matches!(refused, Err(FollowError::Behind(Behind::Life { .. }))),
        "{refused:?}"
    );
    assert!(leader.hears_of(follower.registry()));
    assert!(!leader.hears_of(follower.registry()), "once is enough");
    follower
        .apply(&leader.says_to(&follower), Removals::Allowed, 0)
        .unwrap();
    assert_eq!(follower.registry(), leader.registry());
    assert_eq!(follower.digests(), leader.digests());
}

#[test]
fn a_life_that_nobody_can_have_seen_moves_no_registry_and_neither_does_one_that_has_said_nothing() {
    let (mut leader, mut empty) = (served("north", 5), served("west", 6));
    leader.import(&three(1), 0);
    let at = |number| Position {
        life: Life::numbered(number, 1),
        number: 4,
    };
    assert!(!leader.hears_of(at(u32::MAX)));
    assert!(!empty.hears_of(at(2)));
    let moves = (0..100).filter(|_| {
        let next = leader.registry().life.number() + 1;
        leader.hears_of(at(next))
    });
    assert!(moves.count() < 10, "two registries drive each other on");
}

#[test]
fn a_hub_that_goes_on_by_itself_begins_a_life_that_the_former_leader_can_follow() {
    let mut hubs = Hubs::new();
    hubs.south.import(&three(7), 0);
    let (before, after) = (hubs.north.says().registry, hubs.south.says().registry);
    assert_eq!((after.life.number(), after.number), (before.life.number() + 1, 1));
    let stale = hubs.north.says();
    let refused = hubs.south.apply(&stale, Removals::Allowed, 0);
    assert!(
        matches!(refused, Err(FollowError::Behind(Behind::Life { .. }))),
        "{refused:?}"
    );
    hubs.north.follow(&hubs.south, 0);
    assert_eq!(hubs.north.digests(), hubs.south.digests());
}

#[test]
fn noise_in_an_answer_changes_nothing() {
    let mut hubs = Hubs::new();
    hubs.north.import(&three(2), 0);
    let digests = hubs.south.digests();
    let good = hubs.north.says_to(&hubs.south);
    let spoilt: [fn(&mut Changes); 4] = [
        |changes| changes.records[1].key = vec![0xff],
        |changes| changes.records[2].elements[0].value = vec![0xff, 0xff],
        |changes| changes.records[2].elements[0].element = Vec::new(),
        |changes| changes.declarations.push((String::new(), Vec::new())),
    ];
    for spoil in spoilt {
        let mut changes = good.clone();
        spoil(&mut changes);
        let applied = hubs.south.apply(&changes, Removals::Allowed, 0);
        assert!(matches!(applied, Err(FollowError::Content(_))), "{applied:?}");
        assert_eq!(hubs.south.digests(), digests);
    }
    hubs.south.apply(&good, Removals::Braked, 0).unwrap();
}
