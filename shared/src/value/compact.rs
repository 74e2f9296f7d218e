//! Texts and numbers that have a shorter form: decimals, times, dates and hexadecimal digests.
//!
//! A short form is taken only when it gives back exactly what went in.

use super::{Number, VALUE_BYTES_MAX};
use crate::bytes::DecodeError;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What `sha256` digests begin with, as in OCI descriptors.
pub(super) const SHA256_PREFIX: &str = "sha256:";
/// Shorter hexadecimal texts are more often words and numbers than digests.
const HEX_CHARS_MIN: usize = 16;
/// The last second of the year 9999, and its day.
const TIME_SECONDS_MAX: u64 = 253_402_300_799;
const DATE_DAYS_MAX: u64 = TIME_SECONDS_MAX / 86_400;
/// A decimal exponent beyond this is no double.
const EXPONENT_MAX: i64 = 400;

pub(super) enum Compact {
    Time(u64),
    Date(u64),
    Sha256([u8; 32]),
    Hex(Vec<u8>),
}

/// The short form of a text, if it has one.
pub(super) fn of_text(text: &str) -> Option<Compact> {
    if let Some(hex) = text.strip_prefix(SHA256_PREFIX) {
        let bytes = hex_bytes(hex)?;
        return bytes.try_into().ok().map(Compact::Sha256);
    }
    match text.len() {
        10 => date_days(text).map(Compact::Date),
        20 => time_seconds(text)
            .map(Compact::Time)
            .or_else(|| hex_bytes(text).map(Compact::Hex)),
        HEX_CHARS_MIN.. => hex_bytes(text).map(Compact::Hex),
        _ => None,
    }
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    if !text.len().is_multiple_of(2) || text.len() > VALUE_BYTES_MAX {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

pub(super) fn hex_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

fn digits(text: &str, from: usize, to: usize) -> Option<u64> {
    let part = text.get(from..to)?;
    part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
}

/// Days since 1970 of `YYYY-MM-DD`.
fn date_days(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let days = days_from_civil(digits(text, 0, 4)?, digits(text, 5, 7)?, digits(text, 8, 10)?)?;
    (date_text(days).ok()? == text.get(..10)?).then_some(days)
}

/// Seconds since 1970 of `YYYY-MM-DDTHH:MM:SSZ`.
fn time_seconds(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let separators = [(10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if separators.iter().any(|(at, byte)| bytes.get(*at) != Some(byte)) {
        return None;
    }
    let days = date_days(text.get(..10)?)?;
    let (hour, minute, second) = (digits(text, 11, 13)?, digits(text, 14, 16)?, digits(text, 17, 19)?);
    (hour < 24 && minute < 60 && second < 60).then_some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

pub(super) fn check_date(days: u64) -> Result<(), DecodeError> {
    (days <= DATE_DAYS_MAX)
        .then_some(())
        .ok_or(DecodeError::Invalid("date"))
}

pub(super) fn check_time(seconds: u64) -> Result<(), DecodeError> {
    (seconds <= TIME_SECONDS_MAX)
        .then_some(())
        .ok_or(DecodeError::Invalid("time"))
}

pub(super) fn date_text(days: u64) -> Result<String, DecodeError> {
    check_date(days)?;
    let (year, month, day) = civil_from_days(days);
    Ok(format!("{year:04}-{month:02}-{day:02}"))
}

pub(crate) fn time_text(seconds: u64) -> Result<String, DecodeError> {
    check_time(seconds)?;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    Ok(format!("{}T{hour:02}:{minute:02}:{second:02}Z", date_text(days)?))
}

/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", for years from 1970.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let year_of_era = year % 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (year / 400 * 146_097 + day_of_era).checked_sub(719_468)
}

fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = shifted / 146_097 * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// A double as mantissa and power of ten, when that is shorter than eight bytes.
pub(super) fn decimal(real: f64) -> Option<(i64, i64)> {
    /// Seven varint bytes: with a longer mantissa the plain double is as short.
    const MANTISSA_MAX: i64 = 1 << 41;
    let text = format!("{real:e}");
    let (number, exponent) = text.split_once('e')?;
    let exponent: i64 = exponent.parse().ok()?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mantissa: i64 = format!("{whole}{fraction}").parse().ok()?;
    let exponent = exponent - fraction.len() as i64;
    if mantissa.abs() >= MANTISSA_MAX || exponent.abs() > EXPONENT_MAX {
        return None;
    }
    let back = from_decimal(mantissa, exponent).ok()?;
    (back == Number::Real(real)).then_some((mantissa, exponent))
}

pub(super) fn from_decimal(mantissa: i64, exponent: i64) -> Result<Number, DecodeError> {
    const INVALID: DecodeError = DecodeError::Invalid("decimal");
    if exponent.abs() > EXPONENT_MAX {
        return Err(INVALID);
    }
    let real: f64 = format!("{mantissa}e{exponent}").parse().map_err(|_| INVALID)?;
    Number::from_f64(real).ok_or(INVALID)
}
