//! Uploads: an agent's own writes on their way to the hub.
//!
//! A body begins with 128 and 0 and is packed (`packed`), or with 0 and is packed as it first was, or it is in rows, as
//! the first release wrote it:
//!
//! ```text
//! entry*  dot     varint  difference from the dot before (at first from `prev`)
//!         record  varint  handle plus one, or zero and then the record's key
//!         kind    u8      note, removal, count, write, or what an earlier life of the store wrote
//!         content
//! ```
//!
//! The author is not repeated: an agent writes only as itself.

use crate::actor::{ActorId, Dot};
use crate::bytes::{DecodeError, Reader};
use crate::element::{Note, Remark, STATE_BYTES_MAX, State, Tally};
use crate::key::{ElementKey, RecordKey};
use crate::name::{AttributeName, Region};
use crate::packed::{Earlier, Unpacker};
use crate::register::{Rank, Register, Write, Writer};
use alloc::vec::Vec;

/// The most writes in one upload.
pub const UPLOAD_ENTRIES_MAX: usize = 4_096;
/// The longest body of an upload, in bytes, before compression.
pub const UPLOAD_BYTES_MAX: usize = 256 * 1024;

/// Which record a write is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordRef {
    /// By the hub's number.
    Handle(u32),
    /// By name.
    Key(RecordKey),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// A note; its dot is the entry's.
    Note(Note),
    /// The note that was written as this dot counter is taken back.
    Removal(u64),
    /// The sum so far of what was counted in a region.
    Count(AttributeName, Region, Tally),
    /// A value, with a rank.
    Value(ElementKey, Rank, Write),
    /// A note or a count that an earlier life of the same store wrote, whole and under its own name.
    Earlier(ElementKey, State),
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The counter of its dot.
    pub dot: u64,
    /// About which record.
    pub record: RecordRef,
    /// What.
    pub written: Written,
}

mod packed;

pub use packed::UploadWriter;

/// Kinds of entries in rows.
mod kind {
    pub(super) const NOTE: u8 = 0;
    pub(super) const REMOVAL: u8 = 1;
    pub(super) const COUNT: u8 = 2;
    pub(super) const VALUE: u8 = 3;
}

/// Reads all entries of an upload that follows on dot `prev`.
pub fn read(prev: u64, body: &[u8]) -> Result<Vec<Entry>, DecodeError> {
    if let Some(choices) = body.strip_prefix(&packed::FORM_DENSE) {
        return packed::read(prev, &mut Unpacker::new(choices));
    }
    if let Some(choices) = body.strip_prefix(&packed::FORM_PACKED) {
        return packed::read(prev, &mut Earlier::new(choices));
    }
    let mut reader = Reader::new(body);
    let mut entries = Vec::new();
    let mut dot = prev;
    while !reader.is_empty() {
        if entries.len() == UPLOAD_ENTRIES_MAX {
            return Err(DecodeError::TooLong);
        }
        dot = dot.checked_add(reader.varint()?).ok_or(DecodeError::NumberTooLong)?;
        let record = match reader.varint()?.checked_sub(1) {
            Some(handle) => RecordRef::Handle(u32::try_from(handle).map_err(|_| DecodeError::Invalid("handle"))?),
            None => RecordRef::Key(RecordKey::decode(reader.bytes(RecordKey::BYTES_MAX)?)?),
        };
        let written = read_written(&mut reader)?;
        entries.push(Entry { dot, record, written });
    }
    Ok(entries)
}

fn read_written(reader: &mut Reader<'_>) -> Result<Written, DecodeError> {
    Ok(match reader.byte()? {
        kind::NOTE => {
            let mut note = Reader::new(reader.bytes(STATE_BYTES_MAX)?);
            Written::Note(Note::decode(&mut note)?)
        }
        kind::REMOVAL => Written::Removal(reader.varint()?),
        kind::COUNT => {
            let name = AttributeName::new(reader.text(AttributeName::BYTES_MAX)?)
                .map_err(|_| DecodeError::Invalid("attribute name"))?;
            let region = Region::new(reader.text(Region::BYTES_MAX)?).map_err(|_| DecodeError::Invalid("region"))?;
            let (added, removed) = (reader.varint()?, reader.varint()?);
            Written::Count(name, region, Tally { added, removed })
        }
        kind::VALUE => {
            let key = ElementKey::decode(reader.bytes(ElementKey::BYTES_MAX)?)?;
            let rank = match reader.byte()? {
                0 => Rank::Automation,
                1 => Rank::Operator,
                2 => Rank::Person,
                _ => return Err(DecodeError::Invalid("rank")),
            };
            Written::Value(key, rank, Write::decode(reader)?)
        }
        _ => return Err(DecodeError::Invalid("kind of write")),
    })
}

impl Written {
    /// The element that this write makes, when `actor` makes it as its write `dot`.
    #[must_use]
    pub fn into_element(self, actor: &ActorId, dot: u64) -> (ElementKey, State) {
        let annotation = |counter| {
            ElementKey::Annotation(Dot {
                actor: actor.clone(),
                counter,
            })
        };
        match self {
            Self::Note(note) => (annotation(dot), State::Remark(Remark::Written(note))),
            Self::Removal(of) => (annotation(of), State::Remark(Remark::Removed)),
            Self::Count(name, region, tally) => {
                let key = ElementKey::Count(name, actor.clone(), region);
                (key, State::Tally(tally))
            }
            Self::Value(key, rank, write) => {
                let register = Register::of(Writer::Edge(rank, actor.clone()), write);
                (key, State::Register(register))
            }
            Self::Earlier(key, state) => (key, state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::{Life, Position};
    use crate::stamp::Stamp;
    use crate::value::Value;
    use alloc::collections::BTreeMap;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_write_comes_back() {
        let key = RecordKey::decode(b"vision\0timm/a").unwrap();
        let name = AttributeName::new("usage").unwrap();
        let write = Write {
            position: Position {
                life: Life::NONE,
                number: 9,
            },
            sticky: false,
            at: Stamp::at_ms(4),
            value: Some(Value::text("down")),
            covers: BTreeMap::new(),
        };
        let note = Note {
            at: Stamp::at_ms(3),
            subject: Some("leaf-3".into()),
            text: "dry".into(),
            extra: vec![],
        };
        let written = [
            Written::Note(note),
            Written::Removal(3),
            Written::Count(
                name.clone(),
                Region::new("north").unwrap(),
                Tally { added: 5, removed: 1 },
            ),
            Written::Value(ElementKey::Attribute(name), Rank::Person, write),
            Written::Earlier(
                ElementKey::decode(&[9, 6, b'l', b'e', b'a', b'f', b'-', b'7', 0, 0, 0, 0, 0, 0, 0, 5, 3]).unwrap(),
                State::Remark(Remark::Removed),
            ),
        ];
        let mut writer = UploadWriter::new(5);
        let mut entries = Vec::new();
        let mut prev = 5;
        for (index, written) in written.into_iter().enumerate() {
            let record = if index % 2 == 0 {
                RecordRef::Handle(7)
            } else {
                RecordRef::Key(key.clone())
            };
            let entry = Entry {
                dot: prev + 3,
                record,
                written,
            };
            writer.put(&entry);
            prev = entry.dot;
            entries.push(entry);
        }
        assert_eq!(read(5, &writer.finish()).unwrap(), entries);
    }

    proptest! {
        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(u64::MAX - 3, &noise);
            for form in [packed::FORM_PACKED.as_slice(), &packed::FORM_DENSE] {
                let packed = [form, &noise].concat();
                let _ = read(u64::MAX - 3, &packed);
            }
        }
    }
}
