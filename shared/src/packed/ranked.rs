//! What followed on the same thing before, latest first: most of what comes is among it.

use super::bit::Bit;
use super::range::Coder;
use crate::bytes::DecodeError;
use alloc::vec;
use alloc::vec::Vec;

/// How many candidates one place remembers.
pub(crate) const CANDIDATES: usize = 3;
/// How many places there are: one page of memory for each 256 that are used.
const PLACES_BITS: u32 = 12;
/// Right so often in a row is as sure as it gets.
const SURE_MAX: u32 = 7;

/// Candidates plus one, latest first, zero for none; then how often in a row the first one was right.
type Place = [u32; CANDIDATES + 1];

/// Candidates by what went before.
#[derive(Debug)]
pub(crate) struct Ranked {
    places: Vec<Place>,
    hits: [[Bit; CANDIDATES]; SURE_MAX as usize + 1],
}

impl Default for Ranked {
    fn default() -> Self {
        Self {
            places: vec![[0; CANDIDATES + 1]; 1 << PLACES_BITS],
            hits: Default::default(),
        }
    }
}

/// A number that stands for several, as what went before.
pub(crate) fn mixed(parts: [u32; 3]) -> u32 {
    let mut mixed = 0x9e37_79b9_u32;
    for part in parts {
        mixed = (mixed ^ part).wrapping_mul(0x85eb_ca6b);
        mixed ^= mixed >> 15;
    }
    mixed
}

impl Ranked {
    /// Whether `value` is among what followed on `context` before, and which that is. What was `tried` elsewhere
    /// and was wrong is passed over, and is added to by what is wrong here.
    pub(crate) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        context: u32,
        value: u32,
        tried: &mut Tried,
    ) -> Result<Option<u32>, DecodeError> {
        let place = self.places[(context >> (32 - PLACES_BITS)) as usize];
        for (rank, candidate) in place[..CANDIDATES].iter().enumerate() {
            let Some(candidate) = candidate.checked_sub(1) else {
                break;
            };
            if tried.contains(candidate) {
                continue;
            }
            let hit = &mut self.hits[place[CANDIDATES] as usize][rank];
            if coder.bit(hit, candidate == value)? {
                return Ok(Some(candidate));
            }
            tried.add(candidate);
        }
        Ok(None)
    }

    /// Remembers what followed.
    pub(crate) fn learn(&mut self, context: u32, value: u32) {
        let place = &mut self.places[(context >> (32 - PLACES_BITS)) as usize];
        let stored = value + 1;
        if place[0] == stored {
            place[CANDIDATES] = (place[CANDIDATES] + 1).min(SURE_MAX);
            return;
        }
        place[CANDIDATES] /= 4;
        let at = place[..CANDIDATES].iter().position(|candidate| *candidate == stored);
        place[..=at.unwrap_or(CANDIDATES - 1)].rotate_right(1);
        place[0] = stored;
    }
}

/// Candidates that were wrong.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    candidates: [u32; CANDIDATES * 2],
    count: usize,
}

impl Tried {
    fn contains(&self, candidate: u32) -> bool {
        self.candidates[..self.count].contains(&candidate)
    }

    fn add(&mut self, candidate: u32) {
        if let Some(place) = self.candidates.get_mut(self.count) {
            *place = candidate;
            self.count += 1;
        }
    }
}
