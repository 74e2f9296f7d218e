//! Live batches and heartbeats.

use super::*;
use crate::epoch::Life;
use crate::message::Live;

#[test]
fn a_live_batch_that_follows_is_applied_and_acknowledged() {
    let mut session = live();
    assert_eq!(session.phase(), Phase::Live);
    session.batch(batch(1, 8, 10), 30);
    assert!(matches!(drain(&mut session).as_slice(), [Effect::Apply(group)] if group.len() == 1));
    session.placed(Some(EPOCH), Seq(9), BTreeMap::from([(1, Seq(10))]));
    session.applied(31);
    session.handle_timeout(31);
    assert_eq!(drain(&mut session), vec![Effect::Acknowledge { wants_proof: true }]);
    assert!(session.is_settled());
}

#[test]
fn a_gap_in_the_feed_leads_to_one_hello() {
    let mut session = live();
    session.batch(batch(1, 10, 11), 30);
    session.batch(batch(1, 11, 12), 31);
    assert!(drain(&mut session).is_empty());
    session.handle_timeout(530);
    session.handle_timeout(530);
    assert_eq!(
        drain(&mut session)
            .iter()
            .filter(|effect| matches!(effect, Effect::Hello { .. }))
            .count(),
        1
    );
}

#[test]
fn a_heartbeat_tells_the_age_or_what_is_missing() {
    let mut session = live();
    session.heartbeat(&heartbeat(vec![(1, Seq(9)), (2, Seq(3))]), 1_200);
    // Hello sent at 0 against 900 on the hub's clock; 2,000 there is 1,100 here, less the drift.
    assert_eq!(session.as_of(), Some(1_100));
    assert!(drain(&mut session).is_empty());
    session.heartbeat(&heartbeat(vec![(1, Seq(10))]), 1_300);
    session.handle_timeout(session.deadline().unwrap());
    session.handle_timeout(session.deadline().unwrap());
    nonce(&drain(&mut session));
}

#[test]
fn silence_on_a_link_that_looks_up_leads_to_a_hello() {
    let mut session = live();
    let mut greeted = false;
    for _ in 0..4 {
        let at = session.deadline().unwrap();
        session.handle_timeout(at);
        greeted |= drain(&mut session)
            .iter()
            .any(|effect| matches!(effect, Effect::Hello { .. }));
    }
    assert!(greeted);
}

#[test]
fn a_batch_of_another_run_of_the_hub_brings_a_hello_and_nothing_else() {
    let mut session = live();
    let life = Life::numbered(1, 7);
    let of_run = |boot| Live::of(batch(1, 9, 10), life, boot);
    assert_eq!(session.live(of_run(1), life, 30), Some(batch(1, 9, 10)));
    // The hub was restored, and has heard from nobody yet that it was further once.
    assert_eq!(session.live(of_run(2), life, 40), None);
    session.batch(batch(1, 9, 10), 50);
    assert!(
        drain(&mut session).is_empty(),
        "the feed waits until it is clear what its seqs mean"
    );
    session.handle_timeout(100_000);
    assert!(matches!(drain(&mut session)[..], [Effect::Hello { .. }]));
}

#[test]
fn what_waits_of_one_run_of_the_hub_is_dropped_when_another_answers() {
    let mut session = live();
    session.batch(batch(1, 12, 13), 30);
    session.link_up(LinkedTo::TheSame, 40);
    session.batch(batch(1, 12, 13), 50);
    let nonce = nonce(&drain(&mut session));
    session.welcome(
        Welcome {
            boot: 2,
            ..welcome(nonce, Plan::Delta)
        },
        60,
    );
    assert!(session.held.is_empty());
}

#[test]
fn what_waits_of_one_epoch_is_dropped_when_another_begins() {
    let mut session = live();
    session.batch(batch(1, 10, 11), 30);
    assert!(!session.is_settled());
    session.placed(Some(Epoch { number: 2, ..EPOCH }), Seq(10), BTreeMap::new());
    session.finished(40);
    let effects = drain(&mut session);
    assert!(
        !effects.iter().any(|effect| matches!(effect, Effect::Apply(_))),
        "a batch of another history was applied: {effects:?}"
    );
}

#[test]
fn a_live_batch_waits_as_long_as_a_hello_is_unanswered() {
    let mut session = live();
    session.link_up(LinkedTo::Another, 100);
    let nonce = nonce(&drain(&mut session));
    session.batch(batch(1, 9, 10), 110);
    assert!(drain(&mut session).is_empty(), "the place moved under a question");
    session.welcome(welcome(nonce, Plan::Behind { retry_ms: 5_000 }), 120);
    assert!(matches!(drain(&mut session).as_slice(), [Effect::Apply(_)]));
}
