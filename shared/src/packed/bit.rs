//! Models of choices and of numbers, which learn as they go.

use super::number::Number;
use super::range::Coder;
use crate::bytes::DecodeError;

/// A model learns quickly at first, and from this many choices on at one pace.
const CHOICES_MAX: u32 = 62;
/// What the finer of two models weighs, of 16, by how many choices it has seen.
const FINER_WEIGHT: [u32; 16] = [0, 5, 8, 10, 11, 11, 12, 12, 13, 13, 13, 14, 14, 14, 14, 15];
/// What a model learns from its next choice, by how many it has seen: one part in so many, of 65,536.
const PACE: [u32; CHOICES_MAX as usize + 1] = {
    let mut pace = [0; CHOICES_MAX as usize + 1];
    let mut seen = 0;
    while seen < pace.len() {
        pace[seen] = 65_536 * 10 / (10 * seen as u32 + 16);
        seen += 1;
    }
    pace
};

/// One choice: how likely it is, in 22 bits, and how often it was made, in ten. Zero is a choice of which nothing is
/// known, so that memory full of zeros is full of these.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bit(pub(crate) u32);

const EVEN: u32 = 1 << 31;

impl Bit {
    /// A choice of which something is known: as if a one had come by this chance, of 65,536, `seen` times.
    pub(crate) fn with(chance: u32, seen: u32) -> Self {
        Self((chance << 16 ^ EVEN) | seen)
    }

    /// The chance of a one, of 65,536; never nothing and never all.
    #[inline]
    pub(crate) fn chance(self) -> u32 {
        ((self.0 ^ EVEN) >> 16).clamp(24, 65_536 - 24)
    }

    /// The chance of a one where `self` knows little and `finer` may know better: that counts for more the more it has
    /// seen.
    #[inline]
    pub(crate) fn chance_with(self, finer: Self) -> u32 {
        let weight = FINER_WEIGHT[(finer.0 & 0x3ff).min(15) as usize];
        (self.chance() * (16 - weight) + finer.chance() * weight) >> 4
    }

    #[inline]
    pub(crate) fn learn(&mut self, one: bool) {
        let seen = self.0 & 0x3ff;
        let chance = (self.0 ^ EVEN) >> 10;
        let pace = i64::from(PACE[seen as usize]);
        let goal = if one { 0x3f_ffff } else { 0 };
        let moved = (i64::from(chance) + (((goal - i64::from(chance)) * pace) >> 16)) as u32;
        self.0 = (moved << 10 ^ EVEN) | (seen + 1).min(CHOICES_MAX);
    }
}

/// A choice of one in 2^N.
#[derive(Debug, Clone)]
pub(crate) struct Tree<const CHOICES: usize>(pub(super) [Bit; CHOICES]);

impl<const CHOICES: usize> Default for Tree<CHOICES> {
    fn default() -> Self {
        Self([Bit::default(); CHOICES])
    }
}

impl<const CHOICES: usize> Tree<CHOICES> {
    /// Learns a choice that has not been made, so that it costs less when it is.
    pub(crate) fn expect(&mut self, value: usize) {
        let mut node = 1;
        for at in (0..CHOICES.trailing_zeros()).rev() {
            let one = value >> at & 1 == 1;
            self.0[node].learn(one);
            node = node << 1 | usize::from(one);
        }
    }

    pub(crate) fn code<C: Coder>(&mut self, coder: &mut C, value: usize) -> Result<usize, DecodeError> {
        let bits = CHOICES.trailing_zeros();
        let mut node = 1;
        for at in (0..bits).rev() {
            let one = coder.bit(&mut self.0[node], value >> at & 1 == 1)?;
            node = node << 1 | usize::from(one);
        }
        Ok(node & (CHOICES - 1))
    }
}

/// A number of either sign, small ones first.
pub(crate) fn signed<C: Coder>(number: &mut Number, coder: &mut C, value: i64) -> Result<i64, DecodeError> {
    let raw = number.code(coder, ((value << 1) ^ (value >> 63)) as u64)?;
    Ok(((raw >> 1) as i64) ^ -((raw & 1) as i64))
}
