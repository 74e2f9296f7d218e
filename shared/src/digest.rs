//! Hashes and digests: what proves that two replicas hold the same.
//!
//! A scope's digest is the sum of the hashes of all its elements, modulo 2^128: independent of order, and updated
//! with each change in constant time (Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", 1997).
//! It finds accidents, not adversaries.

use crate::element::{State, central_of};
use crate::key::ElementKey;
use crate::register::Writer;
use crate::stub::Stub;
use core::hash::Hasher;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

/// Fixed for ever: digests are compared between replicas of any version.
const KEY: (u64, u64) = (0x6865_6164_6c61_6e64, 0x6469_6765_7374_2d31);

/// A 128 bit hash of some parts, each of which is told apart from its neighbours by its length.
#[must_use]
pub fn hash_128(parts: &[&[u8]]) -> u128 {
    let mut hasher = SipHasher13::new_with_keys(KEY.0, KEY.1);
    for part in parts {
        hasher.write(&(part.len() as u32).to_le_bytes());
        hasher.write(part);
    }
    hasher.finish128().as_u128()
}

/// An order-independent sum of element hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Digest(pub u128);

impl Digest {
    /// Which definition of an element's digest this is: sums by another one are counted anew.
    pub const DEFINITION: u8 = 2;

    /// The digest of one element: whose it is, what it is called and its encoded state; nothing of a state that says
    /// nothing.
    ///
    /// Two hubs may learn one value of a registry from different positions: one as it was written, the other in a
    /// snapshot of later. So where the registry's write stands does not count, nor when it was made if nobody else has
    /// written: nothing that is shown depends on either.
    ///
    /// A stub counts what its record does.
    #[must_use]
    pub fn of_element(record_key: &[u8], element_key: &[u8], state: &[u8]) -> Self {
        if ElementKey::is_stub(element_key) {
            return Stub::of_state(state).map_or_else(Self::default, |stub| stub.0);
        }
        if let Some(central) = central_of(state) {
            return match central.value {
                [] => Self::default(),
                value => Self(hash_128(&[record_key, element_key, &state[..1], value])),
            };
        }
        match State::decode(state) {
            Ok(said) if said.is_void() => Self::default(),
            Ok(State::Register(register)) if register.write_of(&Writer::Central).is_some() => {
                let state = State::Register(register.wherever()).encoded();
                match central_of(&state) {
                    Some(_) => Self::of_element(record_key, element_key, &state),
                    None => Self(hash_128(&[record_key, element_key, &state])),
                }
            }
            _ => Self(hash_128(&[record_key, element_key, state])),
        }
    }

    /// Adds what `other` covers.
    pub fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// Takes away what `other` covers.
    pub fn remove(&mut self, other: Self) {
        self.0 = self.0.wrapping_sub(other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::{Life, Position};
    use crate::register::tests::any_registers;
    use crate::register::{Register, Write};
    use crate::stamp::Stamp;
    use crate::value::Value;
    use proptest::prelude::*;

    fn of(register: &Register) -> Digest {
        Digest::of_element(b"m", b"e", &State::Register(register.clone()).encoded())
    }

    fn said(number: u64, at_ms: u64, value: Option<bool>) -> Write {
        let position = Position {
            life: Life(number / 2),
            number,
        };
        Write::central(position, Stamp::at_ms(at_ms), value.map(Value::Bool))
    }

    proptest! {
        #[test]
        fn where_the_registry_said_it_does_not_count_and_what_anybody_said_does(
            registers in any_registers(), number in 1..50_u64, at in 0..50_u64,
        ) {
            let mut edges = Register::default();
            for (writer, write) in registers[0].writes().filter(|(writer, _)| **writer != Writer::Central) {
                edges.put(writer.clone(), write.clone());
            }
            let with = |write: Write| {
                let mut register = edges.clone();
                register.put(Writer::Central, write);
                register
            };
            let one = of(&with(said(number, at, Some(true))));
            prop_assert_eq!(of(&with(said(number + 7, at, Some(true)))), one);
            prop_assert_ne!(of(&with(said(number, at, Some(false)))), one);
            prop_assert_ne!(of(&with(Write { sticky: true, ..said(number, at, Some(true)) })), one);
            // With others, what is shown may depend on when it was said.
            let later = of(&with(said(number, at + 1, Some(true))));
            prop_assert_eq!(later == one, edges.is_empty());
            let nothing = of(&with(said(number, at, None)));
            prop_assert_eq!(nothing == Digest::default(), edges.is_empty());
        }
    }

    #[test]
    fn one_write_by_the_registry_counts_the_same_in_either_form_of_its_stamp() {
        let plain = said(4, 9, Some(true));
        let ticked = Write {
            at: Stamp(plain.at.0 + 3),
            ..plain.clone()
        };
        let of = |write| of(&Register::of(Writer::Central, write));
        assert_eq!(of(plain), of(ticked));
    }

    #[test]
    fn hashes_are_the_same_for_ever() {
        assert_eq!(
            hash_128(&[b"a", b"bc"]),
            233_622_306_655_286_585_104_132_160_456_923_115_665
        );
        assert_ne!(hash_128(&[b"a", b"bc"]), hash_128(&[b"ab", b"c"]));
    }
}
