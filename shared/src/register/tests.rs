//! The laws, on registers that real writers could have made: each writer covers what it saw.

use super::*;
use crate::actor::Incarnation;
use crate::bytes::Reader;
use crate::name::ReplicaName;
use alloc::format;
use alloc::vec::Vec;
use proptest::prelude::*;

pub(crate) fn actor(number: u8) -> ActorId {
    ActorId {
        name: ReplicaName::parse(&format!("device-{number}")).unwrap(),
        incarnation: Incarnation(u64::from(number)),
    }
}

/// One step of a history: who writes next, what, having seen which of the others.
#[derive(Debug, Clone)]
struct Step {
    writer: u8,
    rank: u8,
    at: u64,
    value: Option<i64>,
    sticky: bool,
    sees: u8,
    life: u32,
}

fn step() -> impl Strategy<Value = Step> {
    (
        0..4_u8,
        0..3_u8,
        0..50_u64,
        proptest::option::weighted(0.8, 0..5_i64),
        any::<bool>(),
        any::<u8>(),
        1..3_u32,
    )
        .prop_map(|(writer, rank, at, value, sticky, sees, life)| Step {
            writer,
            rank,
            at,
            value,
            sticky,
            sees,
            life,
        })
}

/// Four replicas that write and now and then see each other; returns each one's register.
fn replicas(steps: &[Step]) -> Vec<Register> {
    let mut replicas = alloc::vec![Register::default(); 4];
    for (number, step) in steps.iter().enumerate() {
        for other in 0..4_u8 {
            if step.sees & (1 << other) != 0 {
                let seen = replicas[usize::from(other)].clone();
                replicas[usize::from(step.writer)].merge(seen);
            }
        }
        let here = &mut replicas[usize::from(step.writer)];
        let (writer, life) = if step.writer == 0 {
            (Writer::Central, Life::numbered(step.life, 7))
        } else {
            let rank = [Rank::Automation, Rank::Operator, Rank::Person][usize::from(step.rank)];
            (Writer::Edge(rank, actor(step.writer)), Life::NONE)
        };
        let covers = if step.writer == 0 { BTreeMap::new() } else { here.seen() };
        let write = Write {
            position: Position {
                life,
                number: number as u64 + 1,
            },
            sticky: step.sticky && step.writer == 0,
            at: Stamp::at_ms(step.at),
            value: step.value.map(Value::whole),
            covers,
        };
        here.put(writer, write);
    }
    replicas
}

pub(crate) fn any_registers() -> impl Strategy<Value = Vec<Register>> {
    proptest::collection::vec(step(), 1..16).prop_map(|steps| replicas(&steps))
}

proptest! {
    #[test]
    fn merge_is_commutative_associative_and_idempotent(all in any_registers()) {
        let merged = |a: &Register, b: &Register| { let mut a = a.clone(); a.merge(b.clone()); a };
        for a in &all {
            prop_assert_eq!(&merged(a, a), a);
            for b in &all {
                prop_assert_eq!(merged(a, b), merged(b, a));
                for c in &all {
                    prop_assert_eq!(merged(&merged(a, b), c), merged(a, &merged(b, c)));
                }
            }
        }
    }

    #[test]
    fn a_delta_merged_equals_the_states_merged(all in any_registers()) {
        let (full, other) = (&all[1], &all[2]);
        let mut by_state = other.clone();
        by_state.merge(full.clone());
        let mut by_delta = other.clone();
        for (writer, write) in full.writes() {
            by_delta.put(writer.clone(), write.clone());
        }
        prop_assert_eq!(by_state, by_delta);
    }

    #[test]
    fn a_register_comes_back(all in any_registers()) {
        for register in all {
            let mut bytes = Vec::new();
            register.encode(&mut bytes);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(Register::decode(&mut reader).unwrap(), register);
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn what_was_covered_never_stands_up_again(all in any_registers()) {
        let mut everything = Register::default();
        for register in &all {
            let covered_before: Vec<_> = everything.slots.iter()
                .filter(|(writer, _)| !everything.standing().any(|(w, _)| w == *writer))
                .map(|(writer, write)| (writer.clone(), write.clone()))
                .collect();
            everything.merge(register.clone());
            for (writer, write) in covered_before {
                let same = everything.write_of(&writer) == Some(&write);
                prop_assert!(!same || !everything.standing().any(|(w, _)| *w == writer));
            }
        }
    }
}

#[test]
fn of_one_write_with_two_stamps_the_smaller_counts_in_every_order() {
    let write = |at| Write {
        position: Position {
            life: Life::NONE,
            number: 3,
        },
        sticky: false,
        at: Stamp::at_ms(at),
        value: Some(Value::whole(1)),
        covers: BTreeMap::new(),
    };
    let writer = Writer::Edge(Rank::Automation, actor(1));
    let mut forth = Register::of(writer.clone(), write(5));
    forth.put(writer.clone(), write(3));
    let mut back = Register::of(writer.clone(), write(3));
    back.put(writer, write(5));
    assert_eq!(forth, back);
    assert_eq!(forth.writes().next().unwrap().1.at, Stamp::at_ms(3));
}

#[test]
fn a_revocation_stays_within_its_life_and_a_new_life_replaces_it() {
    let write = |life, number, text: &str, sticky| Write {
        sticky,
        ..Write::central(
            Position {
                life: Life::numbered(life, 1),
                number,
            },
            Stamp::at_ms(number),
            Some(Value::text(text)),
        )
    };
    let shown = |register: &Register| register.write_of(&Writer::Central).unwrap().value.clone().unwrap();
    let mut register = Register::of(Writer::Central, write(1, 5, "revoked", true));
    register.put(Writer::Central, write(1, 9, "approved", false));
    assert_eq!(shown(&register), Value::text("revoked"));
    register.put(Writer::Central, write(2, 1, "approved", false));
    assert_eq!(shown(&register), Value::text("approved"));
}
