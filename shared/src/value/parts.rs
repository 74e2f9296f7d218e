//! An encoded value by its parts, read and written in place: for those who write values in fewer bytes still.

use super::codec::{skip, tag};
use super::compact::{check_date, check_time};
use crate::bytes::{DecodeError, Reader, put_bytes, put_signed, put_varint};
use alloc::vec::Vec;

/// Decimals within these powers of ten are finite and told by their parts; stranger ones stay as they are.
const EXPONENTS: core::ops::RangeInclusive<i64> = -330..=280;
/// The longest mantissa that a decimal has.
const MANTISSA_MAX: i64 = 1 << 41;

/// The parts of one encoded value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts<'a> {
    /// A text without a shorter form.
    Text(&'a str),
    /// A whole number.
    Whole(i64),
    /// A mantissa that does not end in zero, and a power of ten.
    Decimal(i64, i64),
    /// Seconds since 1970.
    Time(u64),
    /// Days since 1970.
    Date(u64),
    /// A digest.
    Sha256(&'a [u8]),
    /// Hexadecimal digits.
    Hex(&'a [u8]),
    /// Any other value, encoded.
    Plain(&'a [u8]),
}

impl<'a> Parts<'a> {
    /// Reads the parts of one value that fills `bytes`. Nothing but [`Self::put`] gives the same bytes again.
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let first = reader.byte()?;
        let text = |bytes: &'a [u8]| core::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8);
        let parts = match first {
            tag::SMALL_WHOLE..tag::SMALL_TEXT => Self::Whole(i64::from(first - tag::SMALL_WHOLE)),
            tag::WHOLE => Self::Whole(reader.signed()?),
            tag::DECIMAL => Self::Decimal(reader.signed()?, reader.signed()?),
            tag::TIME => Self::Time(reader.varint()?),
            tag::DATE => Self::Date(reader.varint()?),
            tag::SHA256 => Self::Sha256(reader.take(32)?),
            tag::HEX => Self::Hex(reader.bytes(super::VALUE_BYTES_MAX)?),
            tag::SMALL_TEXT..tag::SMALL_END => Self::Text(text(reader.take(usize::from(first - tag::SMALL_TEXT))?)?),
            tag::TEXT => Self::Text(text(reader.bytes(super::VALUE_BYTES_MAX)?)?),
            _ => {
                skip(&mut Reader::new(bytes))?;
                reader.take(reader.rest().len())?;
                Self::Plain(bytes)
            }
        };
        let regular = match parts {
            Self::Decimal(mantissa, exponent) => is_regular(mantissa, exponent),
            Self::Text(text) => (text.len() < 64) == (first != tag::TEXT),
            Self::Whole(whole) => (0..64).contains(&whole) == (first != tag::WHOLE),
            _ => true,
        };
        if !reader.is_empty() {
            return Err(DecodeError::Invalid("value"));
        }
        Ok(if regular { parts } else { Self::Plain(bytes) })
    }

    /// Appends the value. Parts that no value has are refused.
    pub(crate) fn put(self, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        match self {
            Self::Text(text) => put_text(text, out),
            Self::Whole(small @ 0..=63) => out.push(tag::SMALL_WHOLE + small as u8),
            Self::Whole(whole) => {
                out.push(tag::WHOLE);
                put_signed(out, whole);
            }
            Self::Decimal(mantissa, exponent) => {
                if !is_regular(mantissa, exponent) {
                    return Err(DecodeError::Invalid("decimal"));
                }
                out.push(tag::DECIMAL);
                put_signed(out, mantissa);
                put_signed(out, exponent);
            }
            Self::Time(seconds) => {
                check_time(seconds)?;
                out.push(tag::TIME);
                put_varint(out, seconds);
            }
            Self::Date(days) => {
                check_date(days)?;
                out.push(tag::DATE);
                put_varint(out, days);
            }
            Self::Sha256(bytes) => {
                out.push(tag::SHA256);
                out.extend_from_slice(bytes);
            }
            Self::Hex(bytes) => {
                out.push(tag::HEX);
                put_bytes(out, bytes);
            }
            Self::Plain(bytes) => {
                let mut reader = Reader::new(bytes);
                skip(&mut reader)?;
                if !reader.is_empty() {
                    return Err(DecodeError::Invalid("value"));
                }
                out.extend_from_slice(bytes);
            }
        }
        Ok(())
    }
}

fn is_regular(mantissa: i64, exponent: i64) -> bool {
    mantissa % 10 != 0 && mantissa.abs() < MANTISSA_MAX && EXPONENTS.contains(&exponent)
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    if text.len() < 64 {
        out.push(tag::SMALL_TEXT + text.len() as u8);
        out.extend_from_slice(text.as_bytes());
    } else {
        out.push(tag::TEXT);
        put_bytes(out, text.as_bytes());
    }
}
