//! Numbers, by their length in bits.

use super::bit::{Bit, Tree};
use super::range::Coder;
use crate::bytes::DecodeError;
use alloc::boxed::Box;

/// From this length on a number is long: its length has a model of its own, and all its bits are plain.
const LONG: usize = 15;
/// How many lengths there are in the first packed form: 63 stands for 63 and 64 bits.
const LENGTHS: usize = 64;
/// What is known before the first number: most have fewer than eight bits, and some are long. Chances of 65,536 that a
/// length has its highest bit, and then its next ones, as if seen so often.
const EIGHT: u32 = 65_536 * 2 / 5;
const SEEN: u32 = 2;

/// Models of a number's length and of the two bits after its first one.
#[derive(Debug, Clone, Default)]
struct Short {
    length: Tree<16>,
    next: [[Bit; 4]; LONG],
}

#[derive(Debug, Clone)]
struct Earlier {
    length: Tree<LENGTHS>,
    next: [[Bit; 4]; LENGTHS],
}

/// A number, by its length in bits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Number {
    short: Option<Box<Short>>,
    long: Option<Box<Tree<64>>>,
    earlier: Option<Box<Earlier>>,
}

impl Number {
    pub(crate) fn code<C: Coder>(&mut self, coder: &mut C, value: u64) -> Result<u64, DecodeError> {
        if !C::DENSE {
            return self.code_earlier(coder, value);
        }
        let short = self.short.get_or_insert_with(|| {
            let mut short = Box::<Short>::default();
            short.length.0[1] = Bit::with(EIGHT, SEEN);
            short
        });
        let length = (u64::BITS - value.leading_zeros()) as usize;
        let told = short.length.code(coder, length.min(LONG))?;
        match told {
            0 => return Ok(0),
            LONG => {
                let lengths = self.long.get_or_insert_default();
                let more = lengths.code(coder, length.wrapping_sub(LONG) & 63)?;
                let left = (LONG + more) as u32 - 1;
                if left >= u64::BITS {
                    return Err(DecodeError::NumberTooLong);
                }
                return Ok(coder.plain(left, value & !(u64::MAX << left))? | 1 << left);
            }
            _ => {}
        }
        bits_below(coder, told as u32 - 1, &mut short.next[told], value)
    }

    fn code_earlier<C: Coder>(&mut self, coder: &mut C, value: u64) -> Result<u64, DecodeError> {
        let earlier = self.earlier.get_or_insert_with(|| {
            let (length, next) = (Tree::default(), [[Bit::default(); 4]; LENGTHS]);
            Box::new(Earlier { length, next })
        });
        let length = (u64::BITS - value.leading_zeros()) as usize;
        let length = earlier.length.code(coder, length.min(LENGTHS - 1))?;
        match length {
            0 => Ok(0),
            63 => coder.plain(u64::BITS, value),
            _ => bits_below(coder, length as u32 - 1, &mut earlier.next[length], value),
        }
    }
}

/// The bits below the highest one: two under models, the others plain.
fn bits_below<C: Coder>(coder: &mut C, mut left: u32, next: &mut [Bit; 4], value: u64) -> Result<u64, DecodeError> {
    let mut read = 1_u64;
    while left > 0 && read < 4 {
        left -= 1;
        let one = coder.bit(&mut next[read as usize], value >> left & 1 == 1)?;
        read = read << 1 | u64::from(one);
    }
    let rest = coder.plain(left, value & !(u64::MAX << left))?;
    Ok(read << left | rest)
}
