//! Who is believed, by table.

use super::*;
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::epoch::Position;

fn hello(incarnation: u64, token: Option<SessionToken>) -> Hello {
    Hello {
        nonce: 1,
        actor: ActorId {
            name: ReplicaName::parse("leaf-7").unwrap(),
            incarnation: Incarnation(incarnation),
        },
        frame_bytes_max: 4_096,
        follow: Vec::new(),
        place: None,
        staged: None,
        registry: Position::default(),
        upload: None,
        more: token.map(|token| token.to_more()).into_iter().collect(),
    }
}

struct Hub {
    guard: Guard,
    jitter: Jitter,
}

impl Hub {
    fn new() -> Self {
        Self {
            guard: Guard::default(),
            jitter: Jitter::seeded(7),
        }
    }

    fn hears(&mut self, incarnation: u64, token: Option<SessionToken>) -> Standing {
        let now = Now { mono: 0, wall_ms: 5 };
        judge(&mut self.guard, &hello(incarnation, token), now, &mut self.jitter)
    }

    fn greets(&mut self, incarnation: u64, token: Option<SessionToken>) -> SessionToken {
        match self.hears(incarnation, token) {
            Standing::Good(token) => token,
            other => panic!("{other:?}"),
        }
    }

    fn is_told(&mut self, token: SessionToken) {
        let applied = Applied {
            epoch: Default::default(),
            base: Default::default(),
            ahead: Vec::new(),
            digest: Default::default(),
            more: vec![token.to_more()],
        };
        confirm(&mut self.guard, &applied);
    }
}

#[test]
fn a_lost_welcome_is_said_again_with_the_same_token() {
    let mut hub = Hub::new();
    let first = hub.greets(1, None);
    assert_eq!(hub.greets(1, None), first);
    let second = hub.greets(1, Some(first));
    assert_ne!(second, first);
    assert_eq!(hub.greets(1, Some(first)), second);
}

#[test]
fn a_store_that_shows_an_older_token_than_it_confirmed_went_back() {
    let mut hub = Hub::new();
    let first = hub.greets(1, None);
    let second = hub.greets(1, Some(first));
    hub.is_told(second);
    assert_eq!(hub.hears(1, Some(first)), Standing::WentBack);
    assert_eq!(hub.hears(1, None), Standing::WentBack);
    hub.greets(1, Some(second));
}

#[test]
fn a_hub_that_forgot_believes_a_token_from_the_future() {
    let mut hub = Hub::new();
    let first = hub.greets(1, None);
    let forgotten = hub.guard.clone();
    let second = hub.greets(1, Some(first));
    hub.is_told(second);
    let third = hub.greets(1, Some(second));
    hub.guard = forgotten;
    hub.greets(1, Some(third));
}

#[test]
fn a_superseded_incarnation_that_answers_is_fenced_with_its_successor_and_a_late_frame_is_not() {
    let mut hub = Hub::new();
    let first = hub.greets(1, None);
    hub.greets(2, None);
    let Standing::Superseded(challenge) = hub.hears(1, Some(first)) else {
        panic!("it is superseded");
    };
    // The same frame once more proves no life.
    assert!(matches!(hub.hears(1, Some(first)), Standing::Superseded(_)));
    hub.greets(2, Some(hub.guard.present));
    let Standing::Superseded(again) = hub.hears(1, Some(challenge)) else {
        panic!("a challenge that was replaced is none");
    };
    assert_eq!(hub.hears(1, Some(again)), Standing::Fenced);
    assert_eq!(hub.hears(2, None), Standing::Fenced);
}
