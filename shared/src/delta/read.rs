//! Reading deltas. Everything is checked; nothing is believed.

use super::introductions::introductions;
use super::records::{NOTHING, Records, Standing, Told, column, kind};
use super::{Delta, ELEMENTS_MAX, ENTRIES_MAX, FORM_OF_PLACE, FORM_PACKED, Known, Record, RecordChange, rows};
use super::{Handle, ScopeIntroduction};
use crate::bytes::{DecodeError, Reader};
use crate::epoch::Life;
use crate::key::ElementKey;
use crate::name::ModelName;
use crate::packed::{Sources, Unpacker};
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
    let Some((life, packed)) = packed(bytes)? else {
        return rows::read(bytes, known);
    };
    let mut coder = Unpacker::new(packed);
    let mut records = Records::of(life.or_else(|| known.life()).ok_or(DecodeError::Invalid("life"))?);
    let (scopes, attributes) = introductions(&mut records.columns, &mut coder, &[], &[])?;
    let keys = attributes
        .iter()
        .map(|one| (one.alias, ElementKey::encoded_attribute(one.name.as_str())));
    let reading = Reading {
        known,
        keys: keys.collect(),
        names: BTreeMap::new(),
        left: TOLD_BYTES_MAX,
    };
    let read = reading.records(&mut coder, &mut records)?;
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
        Some((_, packed)) => {
            let mut records = Records::default();
            Ok(introductions(&mut records.columns, &mut Unpacker::new(packed), &[], &[])?.0)
        }
    }
}

/// The life of the registry that a delta speaks of; `place` is that of the receiver.
pub fn life_of(bytes: &[u8], place: Life) -> Result<Life, DecodeError> {
    match packed(bytes)? {
        None => Reader::new(bytes).u64_be().map(Life),
        Some((life, _)) => Ok(life.unwrap_or(place)),
    }
}

/// The life that a packed delta names, if it does, and what follows.
type Packed<'a> = (Option<Life>, &'a [u8]);

/// Where a delta is packed; nothing if it is in rows.
fn packed(bytes: &[u8]) -> Result<Option<Packed<'_>>, DecodeError> {
    let mut reader = Reader::new(bytes);
    match reader.byte()? {
        0 => Ok(None),
        FORM_PACKED => {
            let life = Life(reader.u64_be()?);
            Ok(Some((Some(life), reader.rest())))
        }
        FORM_OF_PLACE => Ok(Some((None, reader.rest()))),
        _ => Err(DecodeError::Invalid("form of a delta")),
    }
}

struct Reading<'a, K> {
    known: &'a K,
    /// The encoded keys of attributes that this delta introduces.
    keys: BTreeMap<u32, Vec<u8>>,
    /// The names of records that this delta brings whole.
    names: BTreeMap<Handle, ModelName>,
    /// How many more bytes of keys and states there may be.
    left: usize,
}

impl<K: Known> Reading<'_, K> {
    fn records(mut self, coder: &mut Unpacker<'_>, records: &mut Records) -> Result<Vec<Record>, DecodeError> {
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

    fn elements(
        &mut self,
        coder: &mut Unpacker<'_>,
        records: &mut Records,
        kind: usize,
        handle: Handle,
    ) -> Result<Vec<Told>, DecodeError> {
        let commit = records.commit_of_record(coder, None)?;
        let (known, keys, names) = (self.known, &self.keys, &self.names);
        let key_of = |alias: u32| match keys.get(&alias) {
            Some(key) => Ok(key.clone()),
            None => {
                let name = known.attribute(alias).ok_or(DecodeError::Invalid("attribute alias"))?;
                Ok(ElementKey::encoded_attribute(name.as_str()))
            }
        };
        let named = || match names.get(&handle) {
            Some(name) => Some(String::from(name.as_str())),
            None => known.name(handle).map(String::from),
        };
        let mut sources = Sources::new(&named);
        let mut standing = Standing::new(kind, commit, &mut sources);
        let mut elements = Vec::new();
        while let Some((key, state)) = records.element(coder, &mut standing, &NOTHING, &key_of)? {
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
