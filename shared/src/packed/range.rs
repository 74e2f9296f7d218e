//! The range coder: an interval of 32 bits, of which each choice takes the part that it deserves.
//!
//! The scheme is the byte-wise one of G. N. N. Martin ("Range encoding", 1979), with carries as in LZMA: what a writer
//! has written is in its hands to the end, so a carry simply runs back through it.

use super::bit::Bit;
use crate::bytes::DecodeError;
use alloc::vec::Vec;

/// How many bytes a reader may take beyond the end: as many as the interval is wide. They are zero.
pub(super) const BEYOND_MAX: u32 = 4;
/// The interval is widened by a byte when it is narrower than this.
const NARROW: u32 = 1 << 24;
/// Numbers of which nothing is known go in pieces of so many bits: the interval has room for that.
const PIECE_BITS: u32 = 16;
/// The frequencies of a fixed table add up to this many bits.
pub(crate) const TABLE_BITS: u32 = 12;

/// Writes or reads choices. A writer gives back what it was given; a reader pays no heed to it.
pub(crate) trait Coder {
    /// Whether it reads.
    const READS: bool;
    /// Whether it is of today's form; what is not is read as the first packed form was.
    const DENSE: bool;

    /// One choice, under a model that learns from it.
    fn bit(&mut self, model: &mut Bit, value: bool) -> Result<bool, DecodeError>;

    /// One choice, under a coarse and a finer model.
    fn bit_of(&mut self, coarse: &mut Bit, finer: &mut Bit, value: bool) -> Result<bool, DecodeError>;

    /// The lowest `count` bits of a number of which nothing is known.
    fn plain(&mut self, count: u32, value: u64) -> Result<u64, DecodeError>;

    /// One of `count` things that are all as likely; `count` is at most 65,536.
    fn uniform(&mut self, count: u32, value: u32) -> Result<u32, DecodeError>;

    /// One thing of a fixed table: the sums of the frequencies before each, and at last of all.
    fn symbol(&mut self, sums: &[u16], value: usize) -> Result<usize, DecodeError>;

    /// For a reader: whether all bytes have been taken.
    fn is_at_end(&self) -> bool;
}

/// Writes.
#[derive(Debug)]
pub(crate) struct Packer {
    out: Vec<u8>,
    low: u32,
    range: u32,
}

impl Default for Packer {
    fn default() -> Self {
        Self {
            out: Vec::new(),
            low: 0,
            range: u32::MAX,
        }
    }
}

impl Packer {
    /// How many bytes there are by now.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Takes the part of the interval that begins `from` its lower end.
    #[inline]
    fn take(&mut self, from: u32, range: u32) {
        let (low, carries) = self.low.overflowing_add(from);
        if carries {
            self.carry();
        }
        (self.low, self.range) = (low, range);
        while self.range < NARROW {
            self.out.push((self.low >> 24) as u8);
            self.low <<= 8;
            self.range <<= 8;
        }
    }

    fn carry(&mut self) {
        for byte in self.out.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }

    #[inline]
    fn narrow(&mut self, one: bool, chance: u32) {
        let part = part_of(self.range, chance);
        if one {
            self.take(0, part);
        } else {
            self.take(part, self.range - part);
        }
    }

    /// The bytes. Zeros at the end are left out: a reader takes what is missing for zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        // The shortest number of bytes that lies in the interval when zeros follow.
        for kept in 0..=4_u32 {
            let below = if kept == 4 { 0 } else { u32::MAX >> (8 * kept) };
            let up = (u64::from(self.low) + u64::from(below)) & !u64::from(below);
            if up < u64::from(self.low) + u64::from(self.range) {
                if up > u64::from(u32::MAX) {
                    self.carry();
                }
                self.out.extend_from_slice(&(up as u32).to_be_bytes()[..kept as usize]);
                break;
            }
        }
        while self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }
}

#[inline]
fn part_of(range: u32, chance: u32) -> u32 {
    ((u64::from(range) * u64::from(chance)) >> 16) as u32
}

impl Coder for Packer {
    const READS: bool = false;
    const DENSE: bool = true;

    #[inline]
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
        let mut left = count;
        while left > 0 {
            let bits = left.min(PIECE_BITS);
            left -= bits;
            let part = self.range >> bits;
            self.take(part * (value >> left & ((1 << bits) - 1)) as u32, part);
        }
        Ok(value)
    }

    fn uniform(&mut self, count: u32, value: u32) -> Result<u32, DecodeError> {
        let part = self.range / count;
        self.take(part * value, part);
        Ok(value)
    }

    fn symbol(&mut self, sums: &[u16], value: usize) -> Result<usize, DecodeError> {
        let part = self.range >> TABLE_BITS;
        let (from, to) = (u32::from(sums[value]), u32::from(sums[value + 1]));
        self.take(part * from, part * (to - from));
        Ok(value)
    }

    fn is_at_end(&self) -> bool {
        true
    }
}

/// Reads.
#[derive(Debug)]
pub(crate) struct Unpacker<'a> {
    rest: &'a [u8],
    beyond: u32,
    range: u32,
    /// Where in the interval the bytes lie.
    at: u32,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut unpacker = Self {
            rest: bytes,
            beyond: 0,
            range: u32::MAX,
            at: 0,
        };
        for _ in 0..4 {
            unpacker.at = unpacker.at << 8 | unpacker.next();
        }
        unpacker
    }

    #[inline]
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
    fn take(&mut self, from: u32, range: u32) -> Result<(), DecodeError> {
        self.at = self.at.wrapping_sub(from);
        self.range = range;
        while self.range < NARROW {
            if self.beyond > BEYOND_MAX {
                return Err(DecodeError::Truncated);
            }
            self.at = self.at << 8 | self.next();
            self.range <<= 8;
        }
        Ok(())
    }

    #[inline]
    fn narrow(&mut self, chance: u32) -> Result<bool, DecodeError> {
        let part = part_of(self.range, chance);
        let one = self.at < part;
        let (from, range) = if one { (0, part) } else { (part, self.range - part) };
        self.take(from, range)?;
        Ok(one)
    }
}

impl Coder for Unpacker<'_> {
    const READS: bool = true;
    const DENSE: bool = true;

    #[inline]
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
        let (mut value, mut left) = (0, count);
        while left > 0 {
            let bits = left.min(PIECE_BITS);
            left -= bits;
            let part = self.range >> bits;
            let piece = (self.at / part).min((1 << bits) - 1);
            self.take(part * piece, part)?;
            value = value << bits | u64::from(piece);
        }
        Ok(value)
    }

    fn uniform(&mut self, count: u32, _: u32) -> Result<u32, DecodeError> {
        let part = self.range / count;
        let value = (self.at / part).min(count - 1);
        self.take(part * value, part)?;
        Ok(value)
    }

    fn symbol(&mut self, sums: &[u16], _: usize) -> Result<usize, DecodeError> {
        let part = self.range >> TABLE_BITS;
        let at = (self.at / part).min((1 << TABLE_BITS) - 1);
        // The first sum is nothing, so one thing at least begins here or before.
        let value = sums.iter().take_while(|sum| u32::from(**sum) <= at).count() - 1;
        let (from, to) = (u32::from(sums[value]), u32::from(sums[value + 1]));
        self.take(part * from, part * (to - from))?;
        Ok(value)
    }

    /// Nothing may follow what was read.
    fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}
