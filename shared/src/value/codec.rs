//! The canonical encoding of values: one tag byte, then what the tag says.

use super::compact::{self, Compact};
use super::{DEPTH_MAX, Number, VALUE_BYTES_MAX, Value};
use crate::bytes::{DecodeError, Reader, put_bytes, put_signed, put_varint};
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

pub(super) mod tag {
    //! First bytes. `0x40..=0x7f` are the whole numbers 0 to 63, `0x80..=0xbf` texts of 0 to 63 bytes.
    pub(crate) const NULL: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const WHOLE: u8 = 3;
    pub(crate) const DECIMAL: u8 = 4;
    pub(crate) const REAL: u8 = 5;
    pub(crate) const TEXT: u8 = 6;
    pub(crate) const LIST: u8 = 7;
    pub(crate) const MAP: u8 = 8;
    pub(crate) const TIME: u8 = 9;
    pub(crate) const DATE: u8 = 10;
    pub(crate) const HEX: u8 = 11;
    pub(crate) const SHA256: u8 = 12;
    pub(crate) const SMALL_WHOLE: u8 = 0x40;
    pub(crate) const SMALL_TEXT: u8 = 0x80;
    pub(crate) const SMALL_END: u8 = 0xc0;
}

impl Value {
    /// Appends the canonical encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.push(tag::NULL),
            Self::Bool(false) => out.push(tag::FALSE),
            Self::Bool(true) => out.push(tag::TRUE),
            Self::Number(number) => encode_number(*number, out),
            Self::Text(text) => encode_text(text, out),
            Self::List(items) => {
                out.push(tag::LIST);
                put_varint(out, items.len() as u64);
                for item in items {
                    item.encode(out);
                }
            }
            Self::Map(fields) => {
                out.push(tag::MAP);
                put_varint(out, fields.len() as u64);
                for (name, value) in fields {
                    put_bytes(out, name.as_bytes());
                    value.encode(out);
                }
            }
        }
    }

    /// Reads one value.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        decode(reader, DEPTH_MAX)
    }
}

fn encode_number(number: Number, out: &mut Vec<u8>) {
    match number {
        Number::Whole(small @ 0..=63) => out.push(tag::SMALL_WHOLE + small as u8),
        Number::Whole(whole) => {
            out.push(tag::WHOLE);
            put_signed(out, whole);
        }
        Number::Real(real) => match compact::decimal(real) {
            Some((mantissa, exponent)) => {
                out.push(tag::DECIMAL);
                put_signed(out, mantissa);
                put_signed(out, exponent);
            }
            None => {
                out.push(tag::REAL);
                out.extend_from_slice(&real.to_bits().to_be_bytes());
            }
        },
    }
}

fn encode_text(text: &str, out: &mut Vec<u8>) {
    match compact::of_text(text) {
        Some(Compact::Time(seconds)) => {
            out.push(tag::TIME);
            put_varint(out, seconds);
        }
        Some(Compact::Date(days)) => {
            out.push(tag::DATE);
            put_varint(out, days);
        }
        Some(Compact::Sha256(bytes)) => {
            out.push(tag::SHA256);
            out.extend_from_slice(&bytes);
        }
        Some(Compact::Hex(bytes)) => {
            out.push(tag::HEX);
            put_bytes(out, &bytes);
        }
        None if text.len() < 64 => {
            out.push(tag::SMALL_TEXT + text.len() as u8);
            out.extend_from_slice(text.as_bytes());
        }
        None => {
            out.push(tag::TEXT);
            put_bytes(out, text.as_bytes());
        }
    }
}

fn decode(reader: &mut Reader<'_>, depth: usize) -> Result<Value, DecodeError> {
    let first = reader.byte()?;
    Ok(match first {
        tag::NULL => Value::Null,
        tag::FALSE => Value::Bool(false),
        tag::TRUE => Value::Bool(true),
        tag::WHOLE => Value::whole(reader.signed()?),
        tag::DECIMAL => {
            let (mantissa, exponent) = (reader.signed()?, reader.signed()?);
            Value::Number(compact::from_decimal(mantissa, exponent)?)
        }
        tag::REAL => {
            let real = f64::from_bits(reader.u64_be()?);
            Value::Number(Number::from_f64(real).ok_or(DecodeError::Invalid("number"))?)
        }
        tag::TEXT => Value::text(reader.text(VALUE_BYTES_MAX)?),
        tag::TIME => Value::Text(compact::time_text(reader.varint()?)?),
        tag::DATE => Value::Text(compact::date_text(reader.varint()?)?),
        tag::HEX => Value::Text(compact::hex_text(reader.bytes(VALUE_BYTES_MAX)?)),
        tag::SHA256 => Value::Text(compact::SHA256_PREFIX.to_string() + &compact::hex_text(reader.take(32)?)),
        tag::LIST => {
            let inside = depth.checked_sub(1).ok_or(DecodeError::TooLong)?;
            let count = reader.count(VALUE_BYTES_MAX)?;
            let mut items = Vec::with_capacity(count.min(64));
            for _ in 0..count {
                items.push(decode(reader, inside)?);
            }
            Value::List(items)
        }
        tag::MAP => {
            let inside = depth.checked_sub(1).ok_or(DecodeError::TooLong)?;
            let mut fields = BTreeMap::new();
            for _ in 0..reader.count(VALUE_BYTES_MAX)? {
                let name = reader.text(VALUE_BYTES_MAX)?.to_string();
                fields.insert(name, decode(reader, inside)?);
            }
            Value::Map(fields)
        }
        tag::SMALL_WHOLE..tag::SMALL_TEXT => Value::whole(i64::from(first - tag::SMALL_WHOLE)),
        tag::SMALL_TEXT..tag::SMALL_END => {
            let bytes = reader.take(usize::from(first - tag::SMALL_TEXT))?;
            Value::text(core::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?)
        }
        _ => return Err(DecodeError::Invalid("value tag")),
    })
}

/// Checks one value and passes over it without building it.
pub fn skip(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    skip_within(reader, DEPTH_MAX)
}

fn skip_within(reader: &mut Reader<'_>, depth: usize) -> Result<(), DecodeError> {
    let first = reader.byte()?;
    match first {
        tag::NULL | tag::FALSE | tag::TRUE | tag::SMALL_WHOLE..tag::SMALL_TEXT => {}
        tag::WHOLE => {
            reader.signed()?;
        }
        tag::DECIMAL => {
            let (mantissa, exponent) = (reader.signed()?, reader.signed()?);
            compact::from_decimal(mantissa, exponent)?;
        }
        tag::REAL => {
            let real = f64::from_bits(reader.u64_be()?);
            Number::from_f64(real).ok_or(DecodeError::Invalid("number"))?;
        }
        tag::TEXT => {
            reader.text(VALUE_BYTES_MAX)?;
        }
        tag::TIME => compact::check_time(reader.varint()?)?,
        tag::DATE => compact::check_date(reader.varint()?)?,
        tag::HEX => {
            reader.bytes(VALUE_BYTES_MAX)?;
        }
        tag::SHA256 => {
            reader.take(32)?;
        }
        tag::LIST => {
            let inside = depth.checked_sub(1).ok_or(DecodeError::TooLong)?;
            for _ in 0..reader.count(VALUE_BYTES_MAX)? {
                skip_within(reader, inside)?;
            }
        }
        tag::MAP => {
            let inside = depth.checked_sub(1).ok_or(DecodeError::TooLong)?;
            for _ in 0..reader.count(VALUE_BYTES_MAX)? {
                reader.text(VALUE_BYTES_MAX)?;
                skip_within(reader, inside)?;
            }
        }
        tag::SMALL_TEXT..tag::SMALL_END => {
            let bytes = reader.take(usize::from(first - tag::SMALL_TEXT))?;
            core::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?;
        }
        _ => return Err(DecodeError::Invalid("value tag")),
    }
    Ok(())
}
