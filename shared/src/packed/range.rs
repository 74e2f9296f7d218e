//! The range coder: an interval of 32 bits that each choice narrows by how likely it was.
//!
//! The scheme is the carryless one of Matt Mahoney's lpaq: bytes in which both ends of the interval agree are final.

use super::bit::Bit;
use crate::bytes::DecodeError;
use alloc::vec::Vec;

/// How many bytes a reader may take beyond the end: as many as the interval is wide. They are zero.
const BEYOND_MAX: u32 = 4;

/// Writes or reads choices. A writer gives back what it was given; a reader pays no heed to it.
pub(crate) trait Coder {
    /// Whether it reads.
    const READS: bool;

    /// One choice, under a model that learns from it.
    fn bit(&mut self, model: &mut Bit, value: bool) -> Result<bool, DecodeError>;

    /// One choice, under a coarse and a finer model.
    fn bit_of(&mut self, coarse: &mut Bit, finer: &mut Bit, value: bool) -> Result<bool, DecodeError>;

    /// The lowest `count` bits of a number of which nothing is known.
    fn plain(&mut self, count: u32, value: u64) -> Result<u64, DecodeError>;
}

/// Writes.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    out: Vec<u8>,
    low: u32,
    /// How far the upper end is below the highest number.
    short: u32,
}

impl Packer {
    /// How many bytes there are by now.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    #[inline]
    fn narrow(&mut self, one: bool, chance: u32) {
        let high = !self.short;
        let middle = split(self.low, high, chance);
        let (low, high) = if one { (self.low, middle) } else { (middle + 1, high) };
        (self.low, self.short) = (low, !high);
        while (self.low ^ !self.short) >> 24 == 0 {
            self.out.push((self.low >> 24) as u8);
            self.low <<= 8;
            self.short <<= 8;
        }
    }

    /// The bytes. Zeros at the end are left out: a reader takes what is missing for zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let high = !self.short;
        // The shortest number of bytes that lies in the interval when zeros follow.
        for kept in 0..=4_u32 {
            let mask = if kept == 0 { 0 } else { u32::MAX << (32 - 8 * kept) };
            let up = self.low.checked_add(!mask).map(|sum| sum & mask);
            let chosen = if self.low == 0 { Some(0) } else { up };
            if let Some(chosen) = chosen.filter(|chosen| (self.low..=high).contains(chosen)) {
                self.out.extend_from_slice(&chosen.to_be_bytes()[..kept as usize]);
                break;
            }
        }
        while self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }
}

fn split(low: u32, high: u32, chance: u32) -> u32 {
    low + ((u64::from(high - low) * u64::from(chance)) >> 16) as u32
}

impl Coder for Packer {
    const READS: bool = false;

    fn bit(&mut self, model: &mut Bit, value: bool) -> Result<bool, DecodeError> {
        self.narrow(value, model.chance());
        model.learn(value);
        Ok(value)
    }

    fn bit_of(&mut self, coarse: &mut Bit, finer: &mut Bit, value: bool) -> Result<bool, DecodeError> {
        self.narrow(value, coarse.chance_with(*finer));
        coarse.learn(value);
        finer.learn(value);
        Ok(value)
    }

    fn plain(&mut self, count: u32, value: u64) -> Result<u64, DecodeError> {
        for at in (0..count).rev() {
            self.narrow(value >> at & 1 == 1, 1 << 15);
        }
        Ok(value)
    }
}

/// Reads.
#[derive(Debug)]
pub(crate) struct Unpacker<'a> {
    rest: &'a [u8],
    beyond: u32,
    low: u32,
    high: u32,
    at: u32,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut unpacker = Self {
            rest: bytes,
            beyond: 0,
            low: 0,
            high: u32::MAX,
            at: 0,
        };
        for _ in 0..4 {
            unpacker.at = unpacker.at << 8 | unpacker.next();
        }
        unpacker
    }

    fn next(&mut self) -> u32 {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                u32::from(*first)
            }
            None => {
                self.beyond += 1;
                0
            }
        }
    }

    #[inline]
    fn narrow(&mut self, chance: u32) -> Result<bool, DecodeError> {
        let middle = split(self.low, self.high, chance);
        let one = self.at <= middle;
        if one {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            if self.beyond > BEYOND_MAX {
                return Err(DecodeError::Truncated);
            }
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
            self.at = self.at << 8 | self.next();
        }
        Ok(one)
    }

    /// Whether all bytes have been taken: nothing may follow.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}

impl Coder for Unpacker<'_> {
    const READS: bool = true;

    fn bit(&mut self, model: &mut Bit, _: bool) -> Result<bool, DecodeError> {
        let value = self.narrow(model.chance())?;
        model.learn(value);
        Ok(value)
    }

    fn bit_of(&mut self, coarse: &mut Bit, finer: &mut Bit, _: bool) -> Result<bool, DecodeError> {
        let value = self.narrow(coarse.chance_with(*finer))?;
        coarse.learn(value);
        finer.learn(value);
        Ok(value)
    }

    fn plain(&mut self, count: u32, _: u64) -> Result<u64, DecodeError> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u64::from(self.narrow(1 << 15)?);
        }
        Ok(value)
    }
}
