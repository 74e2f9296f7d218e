//! Stubs: what an agent holds of a record that its filter leaves out.
//!
//! A stub is a record with a single element, which says what the digest of all its elements is. So an agent that holds
//! a part of its scopes has the digests of all of them, and what it acknowledges proves that it holds that part right.

use crate::bytes::Reader;
use crate::digest::Digest;
use crate::key::ElementKey;
use alloc::vec::Vec;

/// First byte of a stub's state: none of those in [`crate::element`], and read there as one of a newer version.
const TAG: u8 = 7;

/// The digest of a record that is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stub(pub Digest);

impl Stub {
    /// The element's encoded key.
    #[must_use]
    pub fn key() -> Vec<u8> {
        ElementKey::Stub.encoded()
    }

    /// The element's encoded state.
    #[must_use]
    pub fn state(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(17);
        out.push(TAG);
        out.extend_from_slice(&self.0.0.to_be_bytes());
        out
    }

    /// Reads the state.
    #[must_use]
    pub fn of_state(state: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(state);
        let tagged = reader.byte().ok()? == TAG;
        let (high, low) = (reader.u64_be().ok()?, reader.u64_be().ok()?);
        (tagged && reader.is_empty()).then_some(Self(Digest(u128::from(high) << 64 | u128::from(low))))
    }
}

/// Whether elements, as a delta brings them, are a stub's: one element, and nothing beside it.
#[must_use]
pub fn is_stub(elements: &[(Vec<u8>, Vec<u8>)]) -> bool {
    matches!(elements, [(key, state)] if ElementKey::is_stub(key) && Stub::of_state(state).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::{self, Blob, Change, Head, Tombstones};
    use crate::element::State;
    use crate::epoch::Seq;
    use alloc::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stub_comes_back_and_counts_what_its_record_does(digest: u128, noise in proptest::collection::vec(any::<u8>(), 0..20)) {
            let stub = Stub(Digest(digest));
            prop_assert_eq!(Stub::of_state(&stub.state()), Some(stub));
            let change = Change { key: Stub::key(), seq: Seq::START, state: stub.state() };
            let patched = blob::patch(b"key", None, &Head::default(), vec![change], Tombstones::Drop).unwrap();
            prop_assert_eq!(patched.after, Digest(digest));
            prop_assert!(Blob::parse(&patched.bytes).unwrap().is_stub().unwrap());
            let _ = Stub::of_state(&noise);
        }
    }

    #[test]
    fn an_older_version_keeps_a_stub_as_it_is() {
        let state = Stub(Digest(5)).state();
        assert_eq!(State::decode(&state).unwrap(), State::Unknown(state));
    }
}
