use super::*;
use crate::epoch::{Head, Lineage, Mark, Position};
use crate::message::{Batch, Heartbeat};
use crate::name::Region;
use crate::session::beat::Beat;
use alloc::vec;
use alloc::vec::Vec;

mod feed;

const EPOCH: Epoch = Epoch {
    hub: 5,
    number: 1,
    nonce: 3,
};

fn welcome(nonce: u64, plan: Plan) -> Welcome {
    Welcome {
        nonce,
        epoch: EPOCH,
        boot: 1,
        hub_ms: 900,
        as_of_ms: 880,
        region: Region::new("north").unwrap(),
        registry: Position::default(),
        complete: true,
        heartbeat_ms: 10_000,
        live_bytes_max: 65_536,
        plan,
        started: Seq(9),
        resume: Mark::after(Seq(0)),
        stored: None,
        more: vec![],
    }
}

fn head(seq: u64) -> Head {
    Head {
        seq: Seq(seq),
        lineage: Lineage(seq as u32),
    }
}

fn part(nonce: u64, from: u64, to: u64, end: bool) -> Part {
    Part {
        nonce,
        from: Mark::after(Seq(from)),
        to: Mark::after(Seq(to)),
        end: end.then(|| head(to)),
        delta: vec![],
    }
}

fn batch(scope: u32, prev: u64, to: u64) -> Batch {
    Batch {
        epoch: EPOCH.tag(),
        scope,
        prev: Seq(prev),
        to: head(to),
        touched: vec![],
        after: vec![],
        delta: Some(vec![]),
    }
}

fn heartbeat(heads: Vec<(u32, Seq)>) -> Heartbeat {
    Heartbeat {
        epoch: EPOCH.tag(),
        boot: 1,
        hub_ms: 2_000,
        as_of_ms: 2_000,
        heads,
        more: vec![],
    }
}

fn drain(session: &mut AgentSession) -> Vec<Effect> {
    core::iter::from_fn(|| session.poll()).collect()
}

fn nonce(effects: &[Effect]) -> u64 {
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Hello { nonce } => Some(*nonce),
            _ => None,
        })
        .expect("a hello was sent")
}

/// A session that has caught up to seq 9 and follows scope 1.
fn live() -> AgentSession {
    live_with(Timing::default().hurried())
}

fn live_with(timing: Timing) -> AgentSession {
    let mut session = AgentSession::new(timing, 1);
    session.link_up(LinkedTo::Another, 0);
    let nonce = nonce(&drain(&mut session));
    session.welcome(welcome(nonce, Plan::Delta), 20);
    session.part(part(nonce, 0, 9, true), 21);
    drain(&mut session);
    session.introduce(1, true);
    session.placed(Some(EPOCH), Seq(9), BTreeMap::new());
    session.finished(22);
    session.handle_timeout(22);
    drain(&mut session);
    session
}

#[test]
fn a_hello_that_is_not_answered_is_repeated_with_growing_waits() {
    let mut session = AgentSession::new(Timing::default(), 1);
    session.link_up(LinkedTo::Another, 0);
    let mut nonces = vec![nonce(&drain(&mut session))];
    let mut last = 0;
    for _ in 0..5 {
        let at = session.deadline().unwrap();
        assert!(at > last);
        session.handle_timeout(at);
        nonces.push(nonce(&drain(&mut session)));
        last = at;
    }
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 6);
    assert!(last > 30_000);
}

#[test]
fn an_answer_with_an_old_nonce_is_ignored() {
    let mut session = AgentSession::new(Timing::default(), 1);
    session.link_up(LinkedTo::Another, 0);
    let nonce = nonce(&drain(&mut session));
    session.welcome(welcome(nonce ^ 1, Plan::Delta), 5);
    assert_eq!(session.phase(), Phase::Greeting);
    assert!(drain(&mut session).is_empty());
}

/// Asks, and asks again after the first wait; both nonces.
fn asked_twice(session: &mut AgentSession) -> [u64; 2] {
    session.link_up(LinkedTo::Another, 0);
    let first = nonce(&drain(session));
    session.handle_timeout(session.deadline().unwrap());
    [first, nonce(&drain(session))]
}

#[test]
fn a_late_answer_to_the_same_question_counts_and_only_one_does() {
    for answered in [0, 1] {
        let mut session = AgentSession::new(Timing::default(), 1);
        let nonces = asked_twice(&mut session);
        session.welcome(welcome(nonces[answered], Plan::Delta), 6_000);
        assert!(matches!(drain(&mut session).as_slice(), [Effect::Begin(begun)] if begun.nonce == nonces[answered]));
        assert!(!session.awaits(nonces[1 - answered]));
        session.welcome(welcome(nonces[1 - answered], Plan::Snapshot), 6_001);
        session.part(part(nonces[1 - answered], 0, 9, true), 6_002);
        assert!(drain(&mut session).is_empty(), "another answer's part was taken");
        session.part(part(nonces[answered], 0, 9, true), 6_003);
        assert!(matches!(drain(&mut session).as_slice(), [Effect::Finish(_)]));
    }
}

#[test]
fn a_late_answer_is_as_old_as_its_own_question() {
    let mut session = AgentSession::new(Timing::default(), 1);
    let [first, _] = asked_twice(&mut session);
    session.welcome(welcome(first, Plan::Delta), 6_000);
    session.part(part(first, 0, 9, true), 6_001);
    session.placed(Some(EPOCH), Seq(9), BTreeMap::new());
    session.finished(6_002);
    // The first hello went at 0, against 900 on the hub's clock; the answer says what was so at 880.
    assert_eq!(session.as_of(), Some(0));
}

#[test]
fn an_answer_to_an_earlier_question_does_not_count_once_the_place_has_moved() {
    let mut session = AgentSession::new(Timing::default(), 1);
    let [first, second] = asked_twice(&mut session);
    session.placed(Some(EPOCH), Seq(4), BTreeMap::new());
    assert!(!session.awaits(first));
    assert!(session.awaits(second));
    session.handle_timeout(session.deadline().unwrap());
    let third = nonce(&drain(&mut session));
    assert!(!session.awaits(first) && !session.awaits(second) && session.awaits(third));
    session.link_down();
    session.link_up(LinkedTo::Another, 90_000);
    assert!(!session.awaits(third), "another session is another question");
}

#[test]
fn an_answer_that_took_long_makes_the_next_wait_long() {
    let mut session = AgentSession::new(Timing::default(), 1);
    let [first, _] = asked_twice(&mut session);
    session.welcome(welcome(first, Plan::Behind { retry_ms: 1_000 }), 18_000);
    session.handle_timeout(session.deadline().unwrap());
    let sent = 18_000;
    nonce(&drain(&mut session));
    let wait = session.greeting.as_ref().unwrap().retry_at - sent;
    assert!((18_000..=37_500).contains(&wait), "{wait}");
}

#[test]
fn a_welcome_that_says_that_nothing_has_changed_is_the_whole_catch_up() {
    let mut session = AgentSession::new(Timing::default(), 1);
    session.link_up(LinkedTo::Another, 0);
    let nonce = nonce(&drain(&mut session));
    let up_to_date = UpToDate { end: head(9) }.to_more();
    let welcome = Welcome {
        more: vec![up_to_date],
        ..welcome(nonce, Plan::Delta)
    };
    session.welcome(welcome, 5);
    let effects = drain(&mut session);
    let [Effect::Begin(_), Effect::Finish(part)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!((part.end, part.to), (Some(head(9)), Mark::after(Seq(9))));
    struct Nobody;
    impl crate::delta::Known for Nobody {
        fn attribute(&self, _: u32) -> Option<crate::name::AttributeName> {
            None
        }
    }
    let delta = crate::delta::read(&part.delta, &Nobody).unwrap();
    assert!(delta.records.is_empty() && delta.scopes.is_empty() && delta.attributes.is_empty());
}

#[test]
fn parts_are_staged_in_order_and_only_the_last_one_finishes() {
    let mut session = AgentSession::new(Timing::default(), 1);
    session.link_up(LinkedTo::Another, 0);
    let nonce = nonce(&drain(&mut session));
    session.welcome(welcome(nonce, Plan::Snapshot), 5);
    assert!(matches!(drain(&mut session).as_slice(), [Effect::Begin(_)]));
    session.part(part(nonce, 4, 6, false), 6);
    assert!(
        drain(&mut session).is_empty(),
        "a part that does not follow is not staged"
    );
    session.part(part(nonce, 0, 4, false), 6);
    session.part(part(nonce, 0, 4, false), 6);
    session.part(part(nonce, 4, 6, true), 7);
    let effects = drain(&mut session);
    assert!(
        matches!(effects.as_slice(), [Effect::Stage(_), Effect::Finish(_)]),
        "{effects:?}"
    );
}

#[test]
fn a_stalled_catch_up_is_asked_for_again_and_then_greeted_anew() {
    let mut session = AgentSession::new(Timing::default(), 1);
    session.link_up(LinkedTo::Another, 0);
    let first = nonce(&drain(&mut session));
    session.welcome(welcome(first, Plan::Snapshot), 5);
    drain(&mut session);
    for round in 1..=3 {
        session.handle_timeout(session.deadline().unwrap());
        let effects = drain(&mut session);
        assert!(
            matches!(effects[..], [Effect::GoOn(GoOn { nonce, again: true, .. })] if nonce == first.wrapping_add(round))
        );
    }
    // What was sent before may have been cut before a change that those sent now leave out.
    session.part(part(first, 0, 9, true), 6);
    assert!(drain(&mut session).is_empty());
    session.handle_timeout(session.deadline().unwrap());
    assert_ne!(nonce(&drain(&mut session)), first);
}

#[test]
fn a_lower_epoch_of_the_same_hub_is_not_believed() {
    let mut session = AgentSession::new(Timing::default(), 1);
    session.placed(Some(Epoch { number: 2, ..EPOCH }), Seq(9), BTreeMap::new());
    session.link_up(LinkedTo::Another, 0);
    let nonce = nonce(&drain(&mut session));
    session.welcome(welcome(nonce, Plan::Snapshot), 5);
    assert!(drain(&mut session).is_empty());
    assert_eq!(session.phase(), Phase::Greeting);
}

#[test]
fn writes_go_up_once_until_they_are_stored() {
    let mut session = live();
    session.writes_pending(true);
    assert_eq!(drain(&mut session), vec![Effect::Upload]);
    session.uploading(40);
    session.writes_pending(true);
    assert!(drain(&mut session).is_empty());
    session.handle_timeout(40 + Timing::default().stall_ms);
    assert_eq!(drain(&mut session), vec![Effect::Upload]);
}

#[test]
fn a_hub_that_is_behind_is_asked_again_later() {
    let mut session = AgentSession::new(Timing::default(), 1);
    session.link_up(LinkedTo::Another, 0);
    let nonce_before = nonce(&drain(&mut session));
    session.welcome(welcome(nonce_before, Plan::Behind { retry_ms: 1_000 }), 5);
    assert!(drain(&mut session).is_empty());
    let at = session.deadline().unwrap();
    assert!((1_005..=1_505).contains(&at));
    session.handle_timeout(at);
    assert_ne!(nonce(&drain(&mut session)), nonce_before);
}

#[test]
fn a_live_session_greets_when_somebody_wants_the_present_and_never_ahead_of_a_hello_put_off() {
    let mut session = live();
    session.greet_if_live(40);
    session.handle_timeout(40);
    let asked = nonce(&drain(&mut session));
    session.greet_if_live(41);
    session.handle_timeout(41);
    assert!(drain(&mut session).is_empty());
    session.welcome(welcome(asked, Plan::Behind { retry_ms: 1_000 }), 50);
    session.greet_if_live(51);
    session.handle_timeout(51);
    assert!(drain(&mut session).is_empty());
}

/// A session whose hub has just said that it wants to be asked again in 40 s.
fn put_off() -> AgentSession {
    let mut session = AgentSession::new(Timing::default().hurried(), 1);
    session.link_up(LinkedTo::Another, 0);
    let nonce = nonce(&drain(&mut session));
    session.welcome(welcome(nonce, Plan::Behind { retry_ms: 40_000 }), 20);
    drain(&mut session);
    session
}

#[test]
fn a_hub_that_said_when_to_ask_again_is_not_asked_earlier_after_a_reconnect() {
    let mut session = put_off();
    for up in [1_000, 9_000] {
        session.link_down();
        session.link_up(LinkedTo::TheSame, up);
        assert_eq!(drain(&mut session), []);
        let at = session.deadline().unwrap();
        assert!((40_020..=60_020).contains(&at), "{at}");
    }
    let at = session.deadline().unwrap();
    session.handle_timeout(at);
    nonce(&drain(&mut session));
}

#[test]
fn another_hub_is_asked_at_once_and_so_is_the_same_one_once_its_time_has_come() {
    let mut session = put_off();
    session.link_down();
    session.link_up(LinkedTo::Another, 1_000);
    nonce(&drain(&mut session));
    let mut session = put_off();
    session.link_down();
    session.link_up(LinkedTo::TheSame, 90_000);
    nonce(&drain(&mut session));
}

#[test]
fn writes_are_gathered_and_go_up_together() {
    let timing = Timing {
        upload_ms: 30_000,
        ..Timing::default().hurried()
    };
    let mut session = live_with(timing);
    session.written(1_000);
    session.written(9_000);
    assert_eq!(drain(&mut session), []);
    session.handle_timeout(30_999);
    assert!(!drain(&mut session).contains(&Effect::Upload));
    session.handle_timeout(31_000);
    assert!(drain(&mut session).contains(&Effect::Upload));
}

#[test]
fn without_heartbeats_silence_is_no_sign_and_the_agent_greets_as_often_as_it_proves() {
    let timing = Timing {
        beat: None,
        prove_ms: 3_600_000,
        ..Timing::default().hurried()
    };
    let mut session = live_with(timing);
    session.handle_timeout(3_600_000);
    assert_eq!(drain(&mut session), []);
    session.handle_timeout(3_600_022);
    nonce(&drain(&mut session));
}

#[test]
fn silence_is_measured_by_the_heartbeat_that_is_listened_to() {
    let timing = Timing {
        beat: Some(Beat::TenMinutes),
        prove_ms: 86_400_000,
        ..Timing::default().hurried()
    };
    let mut session = live_with(timing);
    session.handle_timeout(1_800_020);
    assert_eq!(drain(&mut session), []);
    // First it decides to greet, then it does: by default that is spread over some time.
    session.handle_timeout(1_800_022);
    session.handle_timeout(1_800_022);
    nonce(&drain(&mut session));
}
