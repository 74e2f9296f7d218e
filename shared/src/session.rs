//! Sessions: who says what when, as state machines without sockets, clocks or stores.
//!
//! * [`agent`]: what an agent does about what it hears: the live feed, catch-ups, uploads, acknowledgements.
//! * [`held`]: live batches that wait for their siblings.
//! * [`age`]: how old an answer is, on the agent's own clock.
//! * [`beat`]: which heartbeats there are.
//! * [`budget`]: how many bytes a day may carry.
//! * [`lanes`]: when the hub closes a batch.
//! * [`transfer`]: how far ahead of an agent the hub sends.
//! * [`wakes`]: when a device that sleeps between contacts wakes.
//!
//! Contract: after each call on a session, drain its `poll` to nothing and do what it says, in order. Times are
//! milliseconds of a clock that never goes back and counts through sleep.

pub mod age;
pub mod agent;
pub mod beat;
pub mod budget;
pub mod held;
pub mod lanes;
pub mod transfer;
pub mod wakes;

/// Milliseconds of a monotonic clock that counts through sleep. Its zero means nothing.
pub type Ms = u64;

/// The present, as a replica is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock.
    pub mono: Ms,
    /// Milliseconds since 1970, as far as the device knows. Orders nothing by itself.
    pub wall_ms: u64,
}

/// A small generator for jitter and nonces (Steele et al., "Fast Splittable Pseudorandom Number Generators", 2014).
/// Nothing secret hangs on it.
#[derive(Debug, Clone)]
pub struct Jitter(u64);

impl Jitter {
    /// Begins at a seed from outside.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `max`.
    pub fn up_to(&mut self, max: u64) -> u64 {
        self.next_u64() % (max + 1)
    }
}
