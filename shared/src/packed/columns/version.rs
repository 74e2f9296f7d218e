//! Versions: three numbers with dots between them, most of them small.

use crate::bytes::DecodeError;
use crate::packed::words::put_digits;
use crate::packed::{Coder, Number, Tree};
use alloc::string::String;
use alloc::vec::Vec;

/// Longer numbers are of no version.
const DIGITS_END: usize = 10;
const NUMBER_END: u64 = 1_000_000_000;
/// From here on a number is told by itself.
const LARGE: u64 = 15;

/// The numbers of a text that is a version.
pub(super) fn of(text: &str) -> Option<[u64; 3]> {
    let mut numbers = text.split('.');
    let mut number = || {
        let digits = numbers.next()?.as_bytes();
        let plain = (1..DIGITS_END).contains(&digits.len()) && (digits[0] != b'0' || digits.len() == 1);
        let value = |sum: u64, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0'));
        plain.then(|| digits.iter().try_fold(0, value))?
    };
    let found = [number()?, number()?, number()?];
    numbers.next().is_none().then_some(found)
}

/// Writes a version, or reads one and gives it.
pub(super) fn code<C: Coder>(
    small: &mut [Tree<16>; 3],
    large: &mut Number,
    coder: &mut C,
    text: &str,
) -> Result<String, DecodeError> {
    let mut numbers = of(text).unwrap_or_default();
    for (number, small) in numbers.iter_mut().zip(small) {
        let told = small.code(coder, (*number).min(LARGE) as usize)? as u64;
        *number = if told < LARGE {
            told
        } else {
            large.code(coder, *number)?
        };
    }
    let mut text = Vec::with_capacity(8);
    for (at, number) in numbers.into_iter().enumerate() {
        if number >= NUMBER_END {
            return Err(DecodeError::Invalid("version"));
        }
        if at > 0 {
            text.push(b'.');
        }
        put_digits(&mut text, number);
    }
    String::from_utf8(text).map_err(|_| DecodeError::NotUtf8)
}
