//! Urgent facts: what must be known at once, published alone ahead of the batch that brings it.
//!
//! They speak by stable names, never by an epoch's numbers, so that whoever holds the record can use them: in the
//! middle of a long catch-up, or without following the live feed. They change how early a thing is known, never what
//! is known: the batch or the catch-up still brings everything.

use crate::bytes::DecodeError;
use crate::element::State;
use crate::epoch::{EpochTag, Seq};
use crate::key::ElementKey;
use crate::message::More;
use crate::name::{ModelName, Namespace};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The longest frame of urgent facts, in bytes: it gets through anything, and holds nothing up. A fact that does not
/// fit is left to the batch.
pub const URGENT_BYTES_MAX: usize = 1_024;
/// The most facts of one frame: each takes some bytes of it, whatever it was compressed to.
pub const FACTS_MAX: usize = 256;
/// What a frame holds beside its facts at most: the frame's own bytes, epoch, seq, namespace and counts.
const BESIDE_BYTES_MAX: usize = Namespace::BYTES_MAX + 40;
/// What a fact holds beside its parts at most: their lengths, none of which needs more than two bytes here.
const LENGTHS_BYTES_MAX: usize = 6;

/// Hub to everybody: what is urgent of one commit, in one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Urgent {
    /// Whose history.
    pub epoch: EpochTag,
    /// The commit.
    pub seq: Seq,
    /// Whose models these facts are about.
    pub namespace: Namespace,
    /// The facts.
    pub facts: Vec<Fact>,
    /// Fields of newer versions.
    pub more: More,
}

/// One element's state after the commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The model.
    pub model: ModelName,
    /// The encoded [`ElementKey`].
    pub element: Vec<u8>,
    /// The encoded [`State`].
    pub state: Vec<u8>,
}

impl Fact {
    fn bytes(&self) -> usize {
        self.model.as_str().len() + self.element.len() + self.state.len() + LENGTHS_BYTES_MAX
    }

    /// Whether a frame has room for it.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.bytes() <= URGENT_BYTES_MAX - BESIDE_BYTES_MAX
    }
}

impl Urgent {
    /// Puts the facts of one commit and namespace into as few messages as hold them. Facts that fit none are left out.
    #[must_use]
    pub fn pack(epoch: EpochTag, seq: Seq, namespace: &Namespace, facts: Vec<Fact>) -> Vec<Self> {
        let mut packed: Vec<Self> = Vec::new();
        let mut room = 0;
        for fact in facts.into_iter().filter(Fact::fits) {
            let bytes = fact.bytes();
            match packed.last_mut().filter(|_| bytes <= room) {
                Some(last) => last.facts.push(fact),
                None => {
                    room = URGENT_BYTES_MAX - BESIDE_BYTES_MAX;
                    packed.push(Self {
                        epoch,
                        seq,
                        namespace: namespace.clone(),
                        facts: alloc::vec![fact],
                        more: More::new(),
                    });
                }
            }
            room -= bytes;
        }
        packed
    }

    /// Whether everything in it can be read and is within its limits. Elements and states of newer versions are.
    pub fn check(&self) -> Result<(), DecodeError> {
        if self.facts.len() > FACTS_MAX {
            return Err(DecodeError::TooLong);
        }
        for fact in &self.facts {
            if fact.state.len() > URGENT_BYTES_MAX {
                return Err(DecodeError::TooLong);
            }
            ElementKey::decode(&fact.element)?;
            State::decode(&fact.state)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameError, decode_down, encode_down};
    use crate::message::Down;
    use alloc::format;
    use alloc::vec;
    use proptest::prelude::*;

    fn fact(name: &str, noise: &[u8]) -> Fact {
        // A state of a newer version holds any bytes, also such as do not shrink.
        let state = [&[200], noise].concat();
        Fact {
            model: ModelName::new(name).unwrap(),
            element: ElementKey::Current.encoded(),
            state,
        }
    }

    fn urgent(facts: Vec<Fact>) -> Urgent {
        Urgent {
            epoch: EpochTag(u32::MAX),
            seq: Seq(u64::MAX),
            namespace: Namespace::new("n".repeat(Namespace::BYTES_MAX)).unwrap(),
            facts,
            more: More::new(),
        }
    }

    proptest! {
        #[test]
        fn no_frame_is_longer_than_its_limit_and_every_fact_that_fits_is_in_one(
            states in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..1_100), 0..20),
        ) {
            let like = urgent(vec![]);
            let facts: Vec<Fact> = states.iter().enumerate().map(|(n, state)| fact(&format!("m{n}"), state)).collect();
            let wanted: Vec<Fact> = facts.iter().filter(|fact| fact.fits()).cloned().collect();
            let packed = Urgent::pack(like.epoch, like.seq, &like.namespace, facts);
            let mut held = Vec::new();
            for message in packed {
                let frame = encode_down(&Down::Urgent(message.clone()));
                prop_assert!(frame.len() <= URGENT_BYTES_MAX, "{}", frame.len());
                prop_assert_eq!(decode_down(&frame), Ok(Down::Urgent(message.clone())));
                held.extend(message.facts);
            }
            prop_assert_eq!(held, wanted);
        }

        #[test]
        fn noise_is_refused_or_read(
            element in proptest::collection::vec(any::<u8>(), 0..40), state in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let noise = Fact { model: ModelName::new("m").unwrap(), element, state };
            let message = Down::Urgent(urgent(vec![noise]));
            if let Ok(read) = decode_down(&encode_down(&message)) {
                prop_assert_eq!(read, message);
            }
        }
    }

    #[test]
    fn a_frame_of_too_much_or_of_what_cannot_be_read_is_refused() {
        let long = fact("m", &[7; URGENT_BYTES_MAX]);
        let many = vec![fact("m", &[]); FACTS_MAX + 1];
        let mut unread = fact("m", &[]);
        unread.state.clear();
        for facts in [vec![long], many, vec![unread]] {
            let frame = encode_down(&Down::Urgent(urgent(facts)));
            assert_eq!(decode_down(&frame), Err(FrameError::Body));
        }
    }
}
