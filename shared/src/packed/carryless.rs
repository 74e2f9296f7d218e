//! The range coder of the first packed form, which today's programs only read: an interval of 32 bits that each choice
//! narrows by how likely it was.
//!
//! The scheme is the carryless one of Matt Mahoney's lpaq: bytes in which both ends of the interval agree are final.

use super::bit::Bit;
use super::range::{BEYOND_MAX, Coder};
use crate::bytes::DecodeError;

/// Reads.
#[derive(Debug)]
pub(crate) struct Earlier<'a> {
    rest: &'a [u8],
    beyond: u32,
    low: u32,
    high: u32,
    at: u32,
}

impl<'a> Earlier<'a> {
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

    fn narrow(&mut self, chance: u32) -> Result<bool, DecodeError> {
        let middle = self.low + ((u64::from(self.high - self.low) * u64::from(chance)) >> 16) as u32;
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
}

impl Coder for Earlier<'_> {
    const READS: bool = true;
    const DENSE: bool = false;

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

    fn uniform(&mut self, _: u32, _: u32) -> Result<u32, DecodeError> {
        Err(DecodeError::Invalid("choice"))
    }

    fn symbol(&mut self, _: &[u16], _: usize) -> Result<usize, DecodeError> {
        Err(DecodeError::Invalid("choice"))
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }
}
