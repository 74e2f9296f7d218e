use super::*;
use crate::replica::{Output, ReplicaConfig};
use crate::store::Store;
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::epoch::Position;
use headland_shared::frame::{decode_down, encode_up};
use headland_shared::message::{Down, Welcome};
use headland_shared::session::lanes::LaneTimes;
use redb::Database;
use redb::backends::InMemoryBackend;

fn now(mono: Ms) -> Now {
    let wall_ms = 1_760_000_000_000 + mono;
    Now { mono, wall_ms }
}

/// A hub whose registry is elsewhere, and was known at 900.
fn hub(looks: Looks) -> Replica {
    let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new())?);
    let store = Store::open(open, 1).unwrap();
    let config = ReplicaConfig {
        region: headland_shared::name::Region::new("main").unwrap(),
        lanes: LaneTimes::default(),
        heartbeat_ms: 15_000,
        live_bytes_max: 65_536,
        retention_ms: 1_000_000,
        boot: 5,
    };
    let mut hub = Replica::open(store, config, 7, now(1_000)).unwrap();
    hub.registry_known(900);
    hub.registry_looks(looks);
    hub
}

fn agent() -> ReplicaName {
    ReplicaName::parse("leaf-7").unwrap()
}

fn greet(hub: &mut Replica, nonce: u64, wants: bool, at: Ms) {
    let hello = Hello {
        nonce,
        actor: ActorId {
            name: agent(),
            incarnation: Incarnation(1),
        },
        frame_bytes_max: 65_536,
        follow: Vec::new(),
        place: None,
        staged: None,
        registry: Position::default(),
        upload: None,
        more: wants.then(|| WantsPresent.to_more()).into_iter().collect(),
    };
    hub.frame(agent(), encode_up(&Up::Hello(hello))).unwrap();
    hub.flush(now(at)).unwrap();
}

fn welcomes(hub: &mut Replica) -> Vec<Welcome> {
    std::iter::from_fn(|| hub.poll())
        .filter_map(|output| match output {
            Output::Send { frame, .. } => match decode_down(&frame).unwrap() {
                Down::Welcome(welcome) => Some(welcome),
                _ => None,
            },
            Output::Publish { .. } => None,
        })
        .collect()
}

#[test]
fn who_wants_the_present_is_answered_when_it_was_looked_at_since() {
    let mut hub = hub(Looks::WhenAsked);
    greet(&mut hub, 1, true, 1_000);
    assert!(welcomes(&mut hub).is_empty() && hub.take_look_wanted());
    assert!(!hub.take_look_wanted(), "one look is enough");
    // A look of the same millisecond may have been before.
    hub.registry_known(1_000);
    hub.answer_parked(now(1_010)).unwrap();
    assert!(welcomes(&mut hub).is_empty());
    hub.registry_known(1_001);
    hub.answer_parked(now(1_020)).unwrap();
    let welcome = &welcomes(&mut hub)[0];
    // By the clock of when the hello came: what is known since then is the present to the agent.
    assert_eq!((welcome.nonce, welcome.hub_ms, welcome.as_of_ms), (1, 1_000, 1_000));
}

#[test]
fn nobody_waits_for_ever_for_a_registry_that_cannot_be_looked_at() {
    let mut hub = hub(Looks::WhenAsked);
    greet(&mut hub, 1, true, 1_000);
    let deadline = 1_000 + PARKED_MS_MAX;
    assert!(hub.deadline() <= deadline);
    hub.answer_parked(now(deadline - 1)).unwrap();
    assert!(welcomes(&mut hub).is_empty());
    hub.answer_parked(now(deadline)).unwrap();
    let welcome = &welcomes(&mut hub)[0];
    assert_eq!((welcome.hub_ms, welcome.as_of_ms), (1_000, 900));
}

#[test]
fn whoever_waits_is_answered_when_the_registry_is_found_to_be_out_of_reach() {
    let mut hub = hub(Looks::WhenAsked);
    greet(&mut hub, 1, true, 1_000);
    hub.registry_looks(Looks::Never);
    hub.answer_parked(now(1_010)).unwrap();
    assert_eq!(welcomes(&mut hub)[0].as_of_ms, 900);
}

#[test]
fn who_does_not_want_it_or_cannot_have_it_is_answered_at_once() {
    for (looks, wants) in [(Looks::WhenAsked, false), (Looks::Never, true)] {
        let mut hub = hub(looks);
        greet(&mut hub, 1, wants, 1_000);
        assert_eq!(welcomes(&mut hub).len(), 1, "{looks:?} {wants}");
        assert!(!hub.take_look_wanted());
    }
}

#[test]
fn a_later_hello_takes_the_place_of_one_that_waits() {
    let mut hub = hub(Looks::WhenAsked);
    greet(&mut hub, 1, true, 1_000);
    greet(&mut hub, 2, true, 1_100);
    hub.registry_known(1_050);
    hub.answer_parked(now(1_110)).unwrap();
    assert!(welcomes(&mut hub).is_empty());
    greet(&mut hub, 3, false, 1_120);
    hub.registry_known(1_200);
    hub.answer_parked(now(1_210)).unwrap();
    let answered: Vec<u64> = welcomes(&mut hub).iter().map(|welcome| welcome.nonce).collect();
    assert_eq!((answered, hub.counts().overtaken), (vec![3], 2));
}
