//! What followed on the same thing before, latest first: most of what comes is among it.

use super::bit::Bit;
use super::range::Coder;
use crate::bytes::DecodeError;
use alloc::vec;
use alloc::vec::Vec;

/// How many candidates one place remembers.
pub(crate) const CANDIDATES: usize = 3;
/// How many places there are at first, and at most: a few bits must not make a reader hold much.
const PLACES_MIN: usize = 1 << 8;
const PLACES_MAX: usize = 1 << 15;
/// So many places in a row are looked at for a context.
const LOOKS: usize = 8;
/// How many places there were in the first packed form, of which each served several contexts.
const PLACES_EARLIER: usize = 1 << 12;
/// Right so often in a row is as sure as it gets.
const SURE_MAX: u32 = 7;

/// What followed on one context.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    context: u32,
    /// Candidates plus one, latest first, zero for none.
    candidates: [u32; CANDIDATES],
    /// How often in a row the first one was right.
    sure: u32,
}

impl Place {
    fn is_free(&self) -> bool {
        self.candidates[0] == 0
    }
}

/// Candidates by what went before.
#[derive(Debug, Default)]
pub(crate) struct Ranked {
    /// A power of two of them, or none.
    places: Vec<Place>,
    used: usize,
    hits: [[Bit; CANDIDATES]; SURE_MAX as usize + 1],
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
    /// Where a context is, or would be: a free place, or at last the one that it would come to first.
    fn find<C: Coder>(&self, context: u32) -> usize {
        let first = (context >> (32 - self.places.len().trailing_zeros())) as usize;
        if !C::DENSE || self.places[first].context == context || self.places[first].is_free() {
            return first;
        }
        let looked = (1..LOOKS).map(|step| (first + step) & (self.places.len() - 1));
        let mut fits = looked.filter(|at| {
            let place = &self.places[*at];
            place.context == context || place.is_free()
        });
        fits.next().unwrap_or(first)
    }

    /// The place of a context, made free for it if it had none.
    fn own<C: Coder>(&mut self, context: u32) -> &mut Place {
        if self.places.is_empty() {
            let count = if C::DENSE { PLACES_MIN } else { PLACES_EARLIER };
            self.places = vec![Place::default(); count];
        }
        if C::DENSE && self.used * 2 > self.places.len() && self.places.len() < PLACES_MAX {
            self.grow::<C>();
        }
        let at = self.find::<C>(context);
        let place = &mut self.places[at];
        if C::DENSE && (place.context != context || place.is_free()) {
            self.used += usize::from(place.is_free());
            *place = Place {
                context,
                ..Place::default()
            };
        }
        place
    }

    fn grow<C: Coder>(&mut self) {
        let grown = vec![Place::default(); self.places.len() * 2];
        for place in core::mem::replace(&mut self.places, grown) {
            if !place.is_free() {
                let at = self.find::<C>(place.context);
                self.places[at] = place;
            }
        }
    }

    /// Whether `value` is among what followed on `context` before, and which that is. What was `tried` elsewhere
    /// and was wrong is passed over, and is added to by what is wrong here.
    pub(crate) fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        context: u32,
        value: u32,
        tried: &mut Tried,
    ) -> Result<Option<u32>, DecodeError> {
        if self.places.is_empty() {
            return Ok(None);
        }
        let place = &self.places[self.find::<C>(context)];
        if C::DENSE && place.context != context {
            return Ok(None);
        }
        for (rank, candidate) in place.candidates.iter().enumerate() {
            let Some(candidate) = candidate.checked_sub(1) else {
                break;
            };
            if tried.contains(candidate) {
                continue;
            }
            let hit = &mut self.hits[place.sure as usize][rank];
            if coder.bit(hit, candidate == value)? {
                return Ok(Some(candidate));
            }
            tried.add(candidate);
        }
        Ok(None)
    }

    /// Remembers what followed.
    pub(crate) fn learn<C: Coder>(&mut self, context: u32, value: u32) {
        let place = self.own::<C>(context);
        let stored = value + 1;
        if place.candidates[0] == stored {
            place.sure = (place.sure + 1).min(SURE_MAX);
            return;
        }
        place.sure /= 4;
        let [first, second, third] = place.candidates;
        place.candidates = [stored, first, if second == stored { third } else { second }];
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
