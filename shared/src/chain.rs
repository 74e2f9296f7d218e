//! A hash chain over an agent's own writes: what tells a store that went back in time from one that did not.
//!
//! Each write extends the chain by its dot, its element and its state. Two stores that go on from one copy give their
//! next dot to different writes, and differ in their chains from there on. The hub keeps the link at the last dot
//! that it has stored, and takes an upload only if it goes on from that very link.

use crate::digest::hash_128;
use serde::{Deserialize, Serialize};

/// The chain up to one dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Link(pub u64);

impl Link {
    /// The chain after one more write.
    #[must_use]
    pub fn extended(self, dot: u64, record: &[u8], element: &[u8], state: &[u8]) -> Self {
        let parts: [&[u8]; 5] = [&self.0.to_be_bytes(), &dot.to_be_bytes(), record, element, state];
        Self(hash_128(&parts) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_writes_make_another_chain_for_ever() {
        let base = Link::default().extended(1, b"r", b"e", b"one");
        let (a, b) = (base.extended(2, b"r", b"e", b"two"), base.extended(2, b"r", b"e", b"2"));
        assert_ne!(a, b);
        assert_ne!(a.extended(3, b"r", b"e", b"three"), b.extended(3, b"r", b"e", b"three"));
    }
}
