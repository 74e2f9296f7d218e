//! Values by column: each attribute has models of its own, and remembers its values.

mod version;

use super::{Bit, Coder, Number, Ranked, Sources, Tree, Tried, Words, can_be_words, mixed, signed};
use crate::bytes::DecodeError;
use crate::value::{Parts, VALUE_BYTES_MAX};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Longer values are rarely said twice.
const REMEMBERED_BYTES_MAX: usize = 48;
/// Stands for a value that did not come before, where its number would stand.
const NEW: u32 = u32::MAX >> 1;

/// What a value that did not come before is.
mod kind {
    pub(super) const TEXT: usize = 0;
    pub(super) const WHOLE: usize = 1;
    /// A decimal with the column's power of ten, or with another, which becomes the column's.
    pub(super) const SCALED: usize = 2;
    pub(super) const DECIMAL: usize = 3;
    /// A time as its distance from the record's stamp, or from the column's time before.
    pub(super) const TIME_OF_STAMP: usize = 4;
    pub(super) const TIME: usize = 5;
    pub(super) const DATE: usize = 6;
    pub(super) const SHA256: usize = 7;
    pub(super) const HEX: usize = 8;
    pub(super) const PLAIN: usize = 9;
    /// Three numbers with dots between them.
    pub(super) const VERSION: usize = 10;
}

/// A time so near to the record's stamp is told by its distance, in seconds: what the registry says of its own write.
const NEAR_SECONDS: u64 = 64;

#[derive(Debug, Default)]
struct Column {
    /// Whether the value came before, by whether the last two had.
    came: [Bit; 4],
    lately: usize,
    /// Where its values begin and end in the bytes of all.
    values: Vec<(u32, u32)>,
    /// Their numbers, for writing.
    numbers: BTreeMap<Vec<u8>, u32>,
    number: Number,
    kind: Tree<16>,
    /// Whether a value has said what it is.
    begun: bool,
    /// Whether the next one is what the last one was.
    same: Bit,
    last_kind: usize,
    whole: Number,
    distance: Number,
    length: Number,
    versions: Option<Box<[Tree<16>; 3]>>,
    exponent: i64,
    before: i64,
}

/// All columns.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    words: Words,
    columns: Vec<Column>,
    /// Where each column is, plus one: of those with low numbers, and of the others.
    near: Vec<u16>,
    far: BTreeMap<u32, usize>,
    /// The bytes of all values that are remembered.
    values: Vec<u8>,
    after: Ranked,
    bytes: Tree<256>,
    /// What the first value of a column is.
    first_kind: Tree<16>,
}

/// Columns below are found without a search.
const NEAR_COLUMNS: u32 = 512;

/// What is known where a value stands.
pub(crate) struct Place<'a, 'b> {
    /// In which column.
    pub(crate) column: u32,
    /// The milliseconds of its stamp.
    pub(crate) at_ms: u64,
    /// What the value before in the record was.
    pub(crate) before: u32,
    /// What texts may repeat.
    pub(crate) sources: &'a mut Sources<'b>,
}

impl Columns {
    /// Where a column is.
    fn at(&mut self, column: u32) -> usize {
        if column >= NEAR_COLUMNS {
            let next = self.columns.len();
            let at = *self.far.entry(column).or_insert(next);
            if at == next {
                self.columns.push(Column::default());
            }
            return at;
        }
        if self.near.is_empty() {
            self.near = vec![0; NEAR_COLUMNS as usize];
        }
        let place = &mut self.near[column as usize];
        if *place == 0 {
            self.columns.push(Column::default());
            *place = self.columns.len() as u16;
        }
        usize::from(*place) - 1
    }

    /// Writes an encoded value, or reads one and appends it. Gives what the value stands for as the one before.
    pub(crate) fn value<C: Coder>(
        &mut self,
        coder: &mut C,
        place: &mut Place<'_, '_>,
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<u32, DecodeError> {
        let from = out.len();
        let at = self.at(place.column);
        let column = &mut self.columns[at];
        let wanted = if C::READS {
            NEW
        } else {
            column.numbers.get(value).copied().unwrap_or(NEW)
        };
        let came = if C::DENSE && column.values.is_empty() {
            false
        } else {
            coder.bit(&mut column.came[column.lately], wanted != NEW)?
        };
        column.lately = (column.lately << 1 | usize::from(came)) & 3;
        let contexts = [mixed([place.column, place.before, 1]), mixed([place.column, 0, 2])];
        let mut number = NEW;
        if came {
            let mut tried = Tried::default();
            let mut found = self.after.code(coder, contexts[0], wanted, &mut tried)?;
            if found.is_none() {
                found = self.after.code(coder, contexts[1], wanted, &mut tried)?;
            }
            number = match found {
                Some(number) => number,
                None => u32::try_from(column.number.code(coder, u64::from(wanted))?).unwrap_or(NEW),
            };
            let known = column.values.get(number as usize);
            let (begin, end) = *known.ok_or(DecodeError::Invalid("value"))?;
            if C::READS {
                out.extend_from_slice(&self.values[begin as usize..end as usize]);
            }
        } else {
            self.fresh(coder, place, at, value, out)?;
            let value = if C::READS { &out[from..] } else { value };
            if is_remembered(value, C::DENSE) {
                let column = &mut self.columns[at];
                number = column.values.len() as u32;
                let begin = self.values.len() as u32;
                self.values.extend_from_slice(value);
                column.values.push((begin, self.values.len() as u32));
                if !C::READS {
                    column.numbers.insert(value.to_vec(), number);
                }
            }
        }
        if number != NEW {
            self.after.learn::<C>(contexts[0], number);
            self.after.learn::<C>(contexts[1], number);
        }
        let value = if C::READS { &out[from..] } else { value };
        if let Some(Parts::Text(text)) = parts_of(value) {
            place.sources.remember(place.column, text);
        }
        Ok(mixed([place.column, number, 3]))
    }

    /// A value that did not come before.
    fn fresh<C: Coder>(
        &mut self,
        coder: &mut C,
        place: &Place<'_, '_>,
        at: usize,
        value: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let column = &mut self.columns[at];
        let stamp_s = place.at_ms / 1_000;
        let parts = if C::READS { Parts::Whole(0) } else { Parts::of(value)? };
        let kind = kind_of(parts, column, stamp_s, C::DENSE);
        let kind = if C::DENSE && !column.begun {
            let kind = self.first_kind.code(coder, kind)?;
            column.begun = true;
            kind
        } else if C::DENSE && coder.bit(&mut column.same, kind == column.last_kind)? {
            column.last_kind
        } else {
            column.kind.code(coder, kind)?
        };
        column.last_kind = kind;
        match kind {
            kind::TEXT => {
                let text = if let Parts::Text(text) = parts { text } else { "" };
                let text = self.words.code(coder, place.column, text, place.sources)?;
                if C::READS {
                    Parts::Text(text).put(out)?;
                }
            }
            kind::VERSION if C::DENSE => {
                let text = if let Parts::Text(text) = parts { text } else { "" };
                let text = version::code(column.versions.get_or_insert_default(), &mut column.length, coder, text)?;
                if C::READS {
                    Parts::Text(&text).put(out)?;
                }
            }
            kind::SHA256 | kind::HEX | kind::PLAIN => {
                let bytes = match parts {
                    Parts::Sha256(bytes) | Parts::Hex(bytes) => bytes,
                    _ => value,
                };
                let mut read = Vec::new();
                if kind == kind::SHA256 {
                    bytes_plainly(coder, 32, bytes, &mut read)?;
                } else {
                    let length = column.length.code(coder, bytes.len() as u64)?;
                    if length > VALUE_BYTES_MAX as u64 {
                        return Err(DecodeError::TooLong);
                    }
                    if kind == kind::HEX {
                        bytes_plainly(coder, length as usize, bytes, &mut read)?;
                    } else {
                        bytes_modelled(coder, &mut self.bytes, length as usize, bytes, &mut read)?;
                    }
                }
                if C::READS {
                    let parts = match kind {
                        kind::SHA256 => Parts::Sha256(&read),
                        kind::HEX => Parts::Hex(&read),
                        _ => Parts::Plain(&read),
                    };
                    parts.put(out)?;
                }
            }
            _ => {
                let parts = numeric(coder, column, kind, parts, stamp_s)?;
                if C::READS {
                    parts.put(out)?;
                }
            }
        }
        Ok(())
    }

    /// A name, which repeats nothing.
    pub(crate) fn name<C: Coder>(&mut self, coder: &mut C, column: u32, name: &str) -> Result<String, DecodeError> {
        self.words
            .code(coder, column, name, &Sources::new(&|| None))
            .map(String::from)
    }

    /// Bytes of which little is known.
    pub(crate) fn bytes<C: Coder>(&mut self, coder: &mut C, bytes: &[u8], max: usize) -> Result<Vec<u8>, DecodeError> {
        let at = self.at(u32::MAX);
        let column = &mut self.columns[at];
        let length = column.length.code(coder, bytes.len() as u64)?;
        if length > max as u64 {
            return Err(DecodeError::TooLong);
        }
        let mut read = Vec::new();
        bytes_modelled(coder, &mut self.bytes, length as usize, bytes, &mut read)?;
        Ok(read)
    }
}

/// Digests and times do not come twice, and a version is as soon said again.
fn is_remembered(value: &[u8], dense: bool) -> bool {
    let once = match parts_of(value) {
        Some(Parts::Sha256(_) | Parts::Hex(_) | Parts::Time(_)) => true,
        Some(Parts::Text(text)) => dense && version::of(text).is_some(),
        _ => false,
    };
    value.len() <= REMEMBERED_BYTES_MAX && !once
}

/// The parts of a value that is short enough to be said again.
fn parts_of(value: &[u8]) -> Option<Parts<'_>> {
    if value.len() > REMEMBERED_BYTES_MAX {
        return None;
    }
    Parts::of(value).ok()
}

fn kind_of(parts: Parts<'_>, column: &Column, stamp_s: u64, dense: bool) -> usize {
    match parts {
        Parts::Text(text) if dense && version::of(text).is_some() => kind::VERSION,
        Parts::Text(text) if can_be_words(text) => kind::TEXT,
        Parts::Whole(_) => kind::WHOLE,
        Parts::Decimal(mantissa, exponent) => match scaled(mantissa, exponent, column.exponent) {
            Some(_) => kind::SCALED,
            None => kind::DECIMAL,
        },
        Parts::Time(seconds) if seconds.abs_diff(stamp_s) < NEAR_SECONDS => kind::TIME_OF_STAMP,
        Parts::Time(_) => kind::TIME,
        Parts::Date(_) => kind::DATE,
        Parts::Sha256(_) => kind::SHA256,
        Parts::Hex(_) => kind::HEX,
        Parts::Text(_) | Parts::Plain(_) => kind::PLAIN,
    }
}

/// The mantissa that belongs to another power of ten, which is nothing for a column that had no decimal yet.
fn scaled(mantissa: i64, exponent: i64, wanted: i64) -> Option<i64> {
    let up = u32::try_from(exponent.checked_sub(wanted)?).ok()?;
    let factor = 10_i64.checked_pow(up)?;
    (wanted != 0).then(|| mantissa.checked_mul(factor)).flatten()
}

fn numeric<C: Coder>(
    coder: &mut C,
    column: &mut Column,
    kind: usize,
    parts: Parts<'_>,
    stamp_s: u64,
) -> Result<Parts<'static>, DecodeError> {
    Ok(match (kind, parts) {
        (kind::WHOLE, Parts::Whole(whole)) => Parts::Whole(signed(&mut column.whole, coder, whole)?),
        (kind::SCALED, parts) => {
            let mantissa = match parts {
                Parts::Decimal(mantissa, exponent) => scaled(mantissa, exponent, column.exponent).unwrap_or(0),
                _ => 0,
            };
            let (mut mantissa, mut exponent) = (signed(&mut column.whole, coder, mantissa)?, column.exponent);
            while mantissa != 0 && mantissa % 10 == 0 {
                (mantissa, exponent) = (mantissa / 10, exponent + 1);
            }
            Parts::Decimal(mantissa, exponent)
        }
        (kind::DECIMAL, parts) => {
            let (mantissa, exponent) = if let Parts::Decimal(mantissa, exponent) = parts {
                (mantissa, exponent)
            } else {
                (0, 0)
            };
            let exponent = signed(&mut column.length, coder, exponent)?;
            column.exponent = exponent;
            Parts::Decimal(signed(&mut column.whole, coder, mantissa)?, exponent)
        }
        (kind::TIME_OF_STAMP, parts) => {
            let seconds = if let Parts::Time(seconds) = parts { seconds } else { 0 };
            let distance = signed(&mut column.distance, coder, seconds.wrapping_sub(stamp_s) as i64)?;
            Parts::Time(stamp_s.wrapping_add(distance as u64))
        }
        (kind::TIME | kind::DATE, parts) => {
            let moment = if let Parts::Time(moment) | Parts::Date(moment) = parts {
                moment
            } else {
                0
            };
            let distance = signed(&mut column.whole, coder, (moment as i64).wrapping_sub(column.before))?;
            column.before = column.before.wrapping_add(distance);
            if kind == kind::TIME {
                Parts::Time(column.before as u64)
            } else {
                Parts::Date(column.before as u64)
            }
        }
        _ => return Err(DecodeError::Invalid("kind of value")),
    })
}

fn bytes_plainly<C: Coder>(coder: &mut C, count: usize, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    for at in 0..count {
        let byte = bytes.get(at).copied().unwrap_or(0);
        out.push(coder.plain(8, u64::from(byte))? as u8);
    }
    Ok(())
}

fn bytes_modelled<C: Coder>(
    coder: &mut C,
    model: &mut Tree<256>,
    count: usize,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    for at in 0..count {
        let byte = bytes.get(at).copied().unwrap_or(0);
        out.push(model.code(coder, usize::from(byte))? as u8);
    }
    Ok(())
}
