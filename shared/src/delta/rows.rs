//! Deltas in rows, as the first release wrote them: read for ever, written no more.
//!
//! ```text
//! life      8 bytes   the registry life of all short forms below; its first byte is zero
//! scopes    count, then (alias, scope key)*          introductions
//! attributes count, then (alias, name, declaration)*
//! stamps    count, then (revision, milliseconds)*    each as the difference from the one before
//! entry*    head varint: difference of handles (zigzag) << 2 | kind, then what the kind says
//! ```

use super::{
    AttributeIntroduction, Delta, ELEMENTS_MAX, ENTRIES_MAX, Known, Record, RecordChange, STAMPS_MAX, ScopeAlias,
    ScopeIntroduction,
};
use crate::bytes::{DecodeError, Reader};
use crate::element::{STATE_BYTES_MAX, State, encode_central};
use crate::epoch::{Life, Position};
use crate::key::ElementKey;
use crate::name::{AttributeName, ModelName};
use crate::register::CentralWrite;
use crate::schema::{ATTRIBUTES_MAX, Declaration};
use crate::scope::{SCOPES_MAX, Scope};
use crate::value;
use alloc::vec::Vec;

/// Kinds of entries: the lowest two bits of an entry's head.
mod kind {
    /// What follows is about another scope.
    pub(super) const SCOPE: u64 = 0;
    /// The record left the scope.
    pub(super) const LEFT: u64 = 1;
    /// A whole record, with its name. The fourth kind is elements of a record that the receiver knows.
    pub(super) const WHOLE: u64 = 3;
}

/// Forms of elements: the lowest two bits of an element's code. The rest is the attribute's alias plus one, or zero
/// when the element's key follows. The fourth form is any state, whole.
mod form {
    /// The registry wrote the value that follows, with the record's stamp.
    pub(super) const VALUE: u64 = 0;
    /// The registry took the value away, with the record's stamp.
    pub(super) const ABSENT: u64 = 1;
    /// As one of these, with flags and a stamp of its own.
    pub(super) const STAMPED: u64 = 2;
}

/// Flags of [`form::STAMPED`].
mod flag {
    pub(super) const VALUE: u8 = 1;
    pub(super) const STICKY: u8 = 2;
}

/// Reads a delta in rows.
pub(super) fn read(bytes: &[u8], known: &impl Known) -> Result<Delta, DecodeError> {
    let mut reader = Reader::new(bytes);
    let life = Life(reader.u64_be()?);
    let scopes = read_scopes(&mut reader)?;
    let attributes = read_attributes(&mut reader)?;
    let mut stamps = Vec::new();
    let (mut number, mut at_ms) = (0_u64, 0_u64);
    for _ in 0..reader.count(STAMPS_MAX)? {
        number = number.wrapping_add(reader.signed()? as u64);
        at_ms = at_ms.wrapping_add(reader.signed()? as u64) & 0xffff_ffff_ffff;
        stamps.push((number, at_ms));
    }
    let name_of = |alias: u32| {
        let introduced = attributes.iter().find(|attribute| attribute.alias == alias);
        introduced
            .map(|introduction| introduction.name.clone())
            .or_else(|| known.attribute(alias))
    };
    let mut entries = Entries {
        reader,
        life,
        stamps,
        name_of,
    };
    let mut records = Vec::new();
    let (mut scope, mut handle) = (None, 0_u32);
    while !entries.reader.is_empty() {
        let head = entries.reader.varint()?;
        if head & 3 == kind::SCOPE {
            scope = Some(u32::try_from(head >> 2).map_err(|_| DecodeError::Invalid("scope alias"))?);
            continue;
        }
        let zigzag = head >> 2;
        let difference = ((zigzag >> 1) as i64) ^ -((zigzag & 1) as i64);
        let next = i64::from(handle)
            .checked_add(difference)
            .ok_or(DecodeError::Invalid("handle"))?;
        handle = u32::try_from(next).map_err(|_| DecodeError::Invalid("handle"))?;
        let scope = scope.ok_or(DecodeError::Invalid("scope"))?;
        let change = entries.change(head & 3, scope)?;
        if records.len() == ENTRIES_MAX {
            return Err(DecodeError::TooLong);
        }
        records.push(Record { handle, change });
    }
    Ok(Delta {
        scopes,
        attributes,
        records,
    })
}

fn read_scopes(reader: &mut Reader<'_>) -> Result<Vec<ScopeIntroduction>, DecodeError> {
    let mut scopes = Vec::new();
    for _ in 0..reader.count(SCOPES_MAX)? {
        scopes.push(ScopeIntroduction {
            alias: reader.varint_u32()?,
            scope: Scope::decode(reader.bytes(256)?)?,
        });
    }
    Ok(scopes)
}

fn read_attributes(reader: &mut Reader<'_>) -> Result<Vec<AttributeIntroduction>, DecodeError> {
    let mut attributes = Vec::new();
    for _ in 0..reader.count(ATTRIBUTES_MAX)? {
        let alias = reader.varint_u32()?;
        let name = reader.text(AttributeName::BYTES_MAX)?;
        attributes.push(AttributeIntroduction {
            alias,
            name: AttributeName::new(name).map_err(|_| DecodeError::Invalid("attribute name"))?,
            declaration: Declaration::decode(reader)?,
        });
    }
    Ok(attributes)
}

struct Entries<'a, F> {
    reader: Reader<'a>,
    life: Life,
    stamps: Vec<(u64, u64)>,
    name_of: F,
}

impl<F: Fn(u32) -> Option<AttributeName>> Entries<'_, F> {
    fn change(&mut self, kind: u64, scope: ScopeAlias) -> Result<RecordChange, DecodeError> {
        if kind == kind::LEFT {
            return Ok(RecordChange::Left(scope));
        }
        let name = match kind {
            kind::WHOLE => Some(self.reader.text(ModelName::BYTES_MAX)?),
            _ => None,
        };
        let default = self.reader.varint()?.checked_sub(1);
        let count = self.reader.count(ELEMENTS_MAX)?;
        let mut elements = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            elements.push(self.element(default)?);
        }
        Ok(match name {
            None => RecordChange::Changed(elements),
            Some(name) => {
                let name = ModelName::new(name).map_err(|_| DecodeError::Invalid("model name"))?;
                RecordChange::Whole(scope, name, elements)
            }
        })
    }

    fn element(&mut self, default: Option<u64>) -> Result<(Vec<u8>, Vec<u8>), DecodeError> {
        let code = self.reader.varint()?;
        let key = match (code >> 2).checked_sub(1) {
            None => {
                let key = self.reader.bytes(ElementKey::BYTES_MAX)?;
                ElementKey::decode(key)?;
                key.to_vec()
            }
            Some(alias) => {
                let alias = u32::try_from(alias).map_err(|_| DecodeError::Invalid("attribute alias"))?;
                let name = (self.name_of)(alias).ok_or(DecodeError::Invalid("attribute alias"))?;
                ElementKey::encoded_attribute(name.as_str())
            }
        };
        let state = match code & 3 {
            form::VALUE => self.central(default, flag::VALUE)?,
            form::ABSENT => self.central(default, 0)?,
            form::STAMPED => {
                let flags = self.reader.byte()?;
                let stamp = self.reader.varint()?;
                self.central(Some(stamp), flags)?
            }
            _ => {
                let state = self.reader.bytes(STATE_BYTES_MAX)?;
                State::decode(state)?;
                state.to_vec()
            }
        };
        Ok((key, state))
    }

    fn central(&mut self, stamp: Option<u64>, flags: u8) -> Result<Vec<u8>, DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("stamp");
        let index = usize::try_from(stamp.ok_or(INVALID)?).map_err(|_| INVALID)?;
        let (number, at_ms) = *self.stamps.get(index).ok_or(INVALID)?;
        let mut value: &[u8] = &[];
        if flags & flag::VALUE != 0 {
            let before = self.reader.rest();
            value::skip(&mut self.reader)?;
            value = &before[..before.len() - self.reader.rest().len()];
        }
        let mut state = Vec::with_capacity(value.len() + 20);
        let central = CentralWrite {
            position: Position {
                life: self.life,
                number,
            },
            sticky: flags & flag::STICKY != 0,
            at_ms,
            value,
        };
        encode_central(&central, &mut state);
        Ok(state)
    }
}

/// The scopes that a delta in rows introduces.
pub(super) fn introduced_scopes(bytes: &[u8]) -> Result<Vec<ScopeIntroduction>, DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.u64_be()?;
    read_scopes(&mut reader)
}
