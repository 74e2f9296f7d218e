//! Hashes and digests: what proves that two replicas hold the same.
//!
//! A scope's digest is the sum of the hashes of all its elements, modulo 2^128: independent of order, and updated
//! with each change in constant time (Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", 1997).
//! It finds accidents, not adversaries.

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
    /// The digest of one element: whose it is, what it is called and its state.
    #[must_use]
    pub fn of_element(record_key: &[u8], element_key: &[u8], state: &[u8]) -> Self {
        Self(hash_128(&[record_key, element_key, state]))
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

    #[test]
    fn hashes_are_the_same_for_ever() {
        assert_eq!(
            hash_128(&[b"a", b"bc"]),
            233_622_306_655_286_585_104_132_160_456_923_115_665
        );
        assert_ne!(hash_128(&[b"a", b"bc"]), hash_128(&[b"ab", b"c"]));
    }
}
