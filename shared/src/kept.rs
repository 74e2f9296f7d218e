//! What an agent keeps in a repair: the first part of a catch-up that sends only what differs.
//!
//! ```text
//! zeros    8 bytes   where a delta has the registry's life, which is never zero
//! salt     8 bytes   with which positions were computed
//! digest   16 bytes  the sum of the states of all records that are kept
//! differ   count, then positions in order, each as the difference from the one before
//! handles  count, then for each record that is kept, in the order of keys, its handle as the signed difference from
//!          the one before plus one
//! ```
//!
//! Both sides hold the records that are kept, so that their order numbers them: the hub's numbers cost next to
//! nothing where they were given in the order of keys.

use crate::bytes::{DecodeError, Reader, put_signed, put_varint};
use crate::delta::Handle;
use crate::digest::Digest;
use crate::epoch::Life;
use crate::frame::BODY_BYTES_MAX;
use crate::sketch::Salt;
use alloc::vec::Vec;

/// The longest encoding, in bytes: it is one part, and travels in one body.
pub const KEPT_BYTES_MAX: usize = BODY_BYTES_MAX - 1_024;

/// What is kept and how it is numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// With which positions were computed.
    pub salt: Salt,
    /// The sum of the states of all records that are kept.
    pub digest: Digest,
    /// The positions of all records that differ, in order: these are not kept.
    pub differ: Vec<u32>,
    /// The handles of those that are kept, in the order of their keys.
    pub handles: Vec<Handle>,
}

impl Kept {
    /// Whether the part that begins so is of this kind and not a delta.
    #[must_use]
    pub fn is_kept(bytes: &[u8]) -> bool {
        bytes.starts_with(&Life::NONE.0.to_be_bytes())
    }

    /// The bytes; nothing when they would be too long for a part.
    #[must_use]
    pub fn encoded(&self) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(64 + self.differ.len() * 4 + self.handles.len());
        out.extend_from_slice(&Life::NONE.0.to_be_bytes());
        out.extend_from_slice(&self.salt.0.to_be_bytes());
        out.extend_from_slice(&self.digest.0.to_be_bytes());
        put_varint(&mut out, self.differ.len() as u64);
        let mut before = 0;
        for id in &self.differ {
            put_varint(&mut out, u64::from(id - before));
            before = *id;
        }
        put_varint(&mut out, self.handles.len() as u64);
        let mut next = 0;
        for handle in &self.handles {
            put_signed(&mut out, i64::from(*handle) - next);
            next = i64::from(*handle) + 1;
        }
        (out.len() <= KEPT_BYTES_MAX).then_some(out)
    }

    /// Reads the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u64_be()? != Life::NONE.0 {
            return Err(DecodeError::Invalid("repair"));
        }
        let salt = Salt(reader.u64_be()?);
        let digest = Digest(u128::from(reader.u64_be()?) << 64 | u128::from(reader.u64_be()?));
        let mut differ = Vec::new();
        let mut id: u32 = 0;
        for _ in 0..reader.count(KEPT_BYTES_MAX)? {
            id = id.checked_add(reader.varint_u32()?).ok_or(DecodeError::NumberTooLong)?;
            differ.push(id);
        }
        let mut handles = Vec::new();
        let mut next: i64 = 0;
        for _ in 0..reader.count(KEPT_BYTES_MAX)? {
            let handle = next.checked_add(reader.signed()?).ok_or(DecodeError::NumberTooLong)?;
            handles.push(Handle::try_from(handle).map_err(|_| DecodeError::Invalid("handle"))?);
            next = handle + 1;
        }
        if !reader.is_empty() {
            return Err(DecodeError::Invalid("repair"));
        }
        Ok(Self {
            salt,
            digest,
            differ,
            handles,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_kept_comes_back(
            salt: u64, digest: u128, differ in proptest::collection::btree_set(any::<u32>(), 0..40),
            handles in proptest::collection::vec(any::<u32>(), 0..40),
        ) {
            let kept = Kept { salt: Salt(salt), digest: Digest(digest), differ: differ.into_iter().collect(), handles };
            let bytes = kept.encoded().unwrap();
            prop_assert!(Kept::is_kept(&bytes));
            prop_assert_eq!(Kept::decode(&bytes).unwrap(), kept);
        }

        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = alloc::vec![0; 8];
            bytes.extend_from_slice(&noise);
            let _ = Kept::decode(&bytes);
            let _ = Kept::decode(&noise);
        }
    }

    #[test]
    fn numbers_in_the_order_of_keys_cost_a_byte_each_before_compression() {
        let kept = Kept {
            salt: Salt(1),
            digest: Digest(2),
            differ: Vec::new(),
            handles: (0..10_000).collect(),
        };
        assert!(kept.encoded().unwrap().len() < 10_040);
    }
}
