//! Reading deltas. Everything is checked; nothing is believed.

use super::introductions::introductions;
use super::records::{NOTHING, Records, Standing, Told, column, kind};
use super::{Delta, ELEMENTS_MAX, ENTRIES_MAX, Known, Record, RecordChange, rows};
use super::{FORM_DENSE, FORM_DENSE_OF_PLACE, FORM_OF_PLACE, FORM_PACKED};
use super::{Handle, ScopeIntroduction};
use crate::bytes::{DecodeError, Reader};
use crate::epoch::Life;
use crate::key::ElementKey;
use crate::name::ModelName;
use crate::packed::{Coder, Earlier, Sources, Unpacker};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// The most bytes of keys and states of one delta, and of what it takes to hold them: a few bits can stand for a
/// long value that came before, so it is not the delta's own length that protects its reader.
const TOLD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What holding an element takes beside its bytes.
const ELEMENT_BYTES: usize = 64;

/// Reads a delta, in either form.
pub fn read(bytes: &[u8], known: &impl Known) -> Result<Delta, DecodeError> {
    let Some(packed) = packed(bytes)? else {
        return rows::read(bytes, known);
    };
    let life = packed
        .life
        .or_else(|| known.life())
        .ok_or(DecodeError::Invalid("life"))?;
    if packed.dense {
        unpacked(&mut Unpacker::new(packed.choices), life, known)
    } else {
        unpacked(&mut Earlier::new(packed.choices), life, known)
    }
}

fn unpacked<C: Coder>(coder: &mut C, life: Life, known: &impl Known) -> Result<Delta, DecodeError> {
    let mut records = Records::of(life);
    let (scopes, attributes) = introductions(&mut records.columns, coder, &[], &[])?;
    let keys = attributes
        .iter()
        .map(|one| (one.alias, ElementKey::encoded_attribute(one.name.as_str())));
    let reading = Reading {
        known,
        keys: keys.collect(),
        names: BTreeMap::new(),
        left: TOLD_BYTES_MAX,
    };
    let read = reading.records(coder, &mut records)?;
    coder.is_at_end().then_some(()).ok_or(DecodeError::Invalid("end"))?;
    Ok(Delta {
        scopes,
        attributes,
        records: read,
    })
}

/// The scopes that a delta introduces, without reading the rest.
pub fn introduced_scopes(bytes: &[u8]) -> Result<Vec<ScopeIntroduction>, DecodeError> {
    match packed(bytes)? {
        None => rows::introduced_scopes(bytes),
        Some(Packed {
            dense: true, choices, ..
        }) => introduced(&mut Unpacker::new(choices)),
        Some(Packed { choices, .. }) => introduced(&mut Earlier::new(choices)),
    }
}

fn introduced<C: Coder>(coder: &mut C) -> Result<Vec<ScopeIntroduction>, DecodeError> {
    let mut records = Records::default();
    Ok(introductions(&mut records.columns, coder, &[], &[])?.0)
}

/// A packed delta.
struct Packed<'a> {
    /// Whether it is of today's form.
    dense: bool,
    /// The life that it names, if it does.
    life: Option<Life>,
    choices: &'a [u8],
}

/// Where a delta is packed; nothing if it is in rows.
fn packed(bytes: &[u8]) -> Result<Option<Packed<'_>>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let form = reader.byte()?;
    let life = match form {
        0 => return Ok(None),
        FORM_PACKED | FORM_DENSE => Some(Life(reader.u64_be()?)),
        FORM_OF_PLACE | FORM_DENSE_OF_PLACE => None,
        _ => return Err(DecodeError::Invalid("form of a delta")),
    };
    Ok(Some(Packed {
        dense: matches!(form, FORM_DENSE | FORM_DENSE_OF_PLACE),
        life,
        choices: reader.rest(),
    }))
}

struct Reading<'a, K> {
    known: &'a K,
    /// The encoded keys of attributes that this delta introduces, and of others once they were asked for.
    keys: BTreeMap<u32, Vec<u8>>,
    /// The names of records that this delta brings whole.
    names: BTreeMap<Handle, ModelName>,
    /// How many more bytes of keys and states there may be.
    left: usize,
}

impl<K: Known> Reading<'_, K> {
    fn records<C: Coder>(mut self, coder: &mut C, records: &mut Records) -> Result<Vec<Record>, DecodeError> {
        let mut read = Vec::new();
        loop {
            let (kind, scope, handle) = records.head(coder, kind::END, 0, 0)?;
            let change = match kind {
                kind::END => return Ok(read),
                kind::LEFT => RecordChange::Left(scope),
                kind::CHANGED => RecordChange::Changed(self.elements(coder, records, kind, handle)?),
                _ => {
                    let name = records.columns.name(coder, column::NAME, "")?;
                    let name = ModelName::new(name).map_err(|_| DecodeError::Invalid("model name"))?;
                    self.names.insert(handle, name.clone());
                    RecordChange::Whole(scope, name, self.elements(coder, records, kind, handle)?)
                }
            };
            if read.len() == ENTRIES_MAX {
                return Err(DecodeError::TooLong);
            }
            read.push(Record { handle, change });
        }
    }

    fn elements<C: Coder>(
        &mut self,
        coder: &mut C,
        records: &mut Records,
        kind: usize,
        handle: Handle,
    ) -> Result<Vec<Told>, DecodeError> {
        let commit = records.commit_of_record(coder, None)?;
        let (known, names) = (self.known, &self.names);
        let keys = &mut self.keys;
        let mut key_of = |alias: u32| {
            if let Some(key) = keys.get(&alias) {
                return Ok(key.clone());
            }
            let name = known.attribute(alias).ok_or(DecodeError::Invalid("attribute alias"))?;
            let key = ElementKey::encoded_attribute(name.as_str());
            keys.insert(alias, key.clone());
            Ok(key)
        };
        let named = || match names.get(&handle) {
            Some(name) => Some(String::from(name.as_str())),
            None => known.name(handle).map(String::from),
        };
        let mut sources = Sources::new(&named);
        let mut standing = Standing::new(kind, commit, &mut sources);
        let mut elements = Vec::new();
        while let Some((key, state)) = records.element(coder, &mut standing, &NOTHING, &mut key_of)? {
            let bytes = key.len() + state.len() + ELEMENT_BYTES;
            self.left = self.left.checked_sub(bytes).ok_or(DecodeError::TooLong)?;
            if elements.len() == ELEMENTS_MAX {
                return Err(DecodeError::TooLong);
            }
            elements.push((key, state));
        }
        elements.reverse();
        Ok(elements)
    }
}
