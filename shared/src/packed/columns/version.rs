//! Versions: three numbers with dots between them, most of them small.

use crate::bytes::DecodeError;
use crate::packed::{Coder, Number, Tree};
use alloc::string::String;

/// From here on a number is told by itself.
const LARGE: u64 = 15;

/// The numbers of a text that is a version.
pub(super) fn of(text: &str) -> Option<[u64; 3]> {
    let mut numbers = text.split('.');
    let mut number = || {
        let digits = numbers.next()?.as_bytes();
        let plain = (1..10).contains(&digits.len()) && (digits[0] != b'0' || digits.len() == 1);
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
        *number = if told < LARGE { told } else { large.code(coder, *number)? };
    }
    let [major, minor, patch] = numbers;
    let text = alloc::format!("{major}.{minor}.{patch}");
    of(&text).map(|_| text).ok_or(DecodeError::Invalid("version"))
}
