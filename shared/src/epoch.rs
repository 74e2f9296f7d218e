//! Where in whose history: lives, epochs, positions and lineage.

use crate::bytes::{DecodeError, Reader, put_varint};
use crate::digest::hash_128;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// One life of a registry: numbered and random. A registry that was restored begins a new life, whose values
/// replace the old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Life(pub u64);

impl Life {
    /// The life of writers that are not a registry.
    pub const NONE: Self = Self(0);

    /// Life `number` (from 1), told apart from others of that number by `random`.
    #[must_use]
    pub const fn numbered(number: u32, random: u32) -> Self {
        Self(((number as u64) << 32) | random as u64)
    }

    /// The how-manieth life this is.
    #[must_use]
    pub const fn number(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// Where a write stands in its writer's own order: a registry's revision, or a device's dot counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    /// The registry's life, or [`Life::NONE`].
    pub life: Life,
    /// The revision within that life, or the dot's counter.
    pub number: u64,
}

impl Position {
    /// As bytes: eight of the life, then the number as a varint.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut out = self.life.0.to_be_bytes().to_vec();
        put_varint(&mut out, self.number);
        out
    }

    /// Reads the encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        Ok(Self {
            life: Life(reader.u64_be()?),
            number: reader.varint()?,
        })
    }
}

/// One life of a hub's store. A wiped hub has another `hub`; a restored one a higher `number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Epoch {
    /// Random, made with the hub's store.
    pub hub: u64,
    /// Counts the lives of that store.
    pub number: u32,
    /// Random, tells two lives of one number apart.
    pub nonce: u32,
}

impl Epoch {
    /// Four bytes that stand for the epoch in frames; the hello's answer carries it whole.
    #[must_use]
    pub fn tag(&self) -> EpochTag {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.hub.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.number.to_be_bytes());
        bytes[12..].copy_from_slice(&self.nonce.to_be_bytes());
        EpochTag(hash_128(&[&bytes]) as u32)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.number, (self.hub >> 32) as u32 ^ self.nonce)
    }
}

/// A short name of an epoch, for frames within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EpochTag(pub u32);

/// A position in a hub's change order, within one epoch. The first change is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first change.
    pub const START: Self = Self(0);

    /// The seq after this one. The last one, which only a peer's nonsense names, stays.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How far a catch-up has come: within one seq by scope and record, since one commit may touch thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Mark {
    /// The seq of the last thing sent.
    pub seq: Seq,
    /// The alias of its scope.
    pub scope: u32,
    /// The handle of its record.
    pub handle: u32,
}

impl Mark {
    /// All of a seq has been sent.
    #[must_use]
    pub const fn after(seq: Seq) -> Self {
        Self {
            seq,
            scope: u32::MAX,
            handle: u32::MAX,
        }
    }
}

/// The hash chain over a hub's commits up to one seq. Two histories that share a seq but not their past differ here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Lineage(pub u32);

impl Lineage {
    /// The lineage after a commit at `seq` that drew `random`.
    ///
    /// The random part makes two stores that commit the same things after one backup differ.
    #[must_use]
    pub fn chained(self, seq: Seq, random: u64) -> Self {
        let hash = hash_128(&[&self.0.to_be_bytes(), &seq.0.to_be_bytes(), &random.to_be_bytes()]);
        Self(hash as u32)
    }
}

/// A seq and the lineage that led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Head {
    /// The position.
    pub seq: Seq,
    /// Its past.
    pub lineage: Lineage,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_position_comes_back_and_noise_never_panics(
            life in any::<u64>(), number in any::<u64>(), noise in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let position = Position { life: Life(life), number };
            prop_assert_eq!(Position::decode(&position.encoded()), Ok(position));
            let _ = Position::decode(&noise);
        }
    }
}
