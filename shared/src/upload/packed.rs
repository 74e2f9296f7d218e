//! Writes packed: what an upload's body is after its first byte.

use super::{Entry, RecordRef, UPLOAD_ENTRIES_MAX, Written};
use crate::bytes::{DecodeError, Reader};
use crate::element::{Note, STATE_BYTES_MAX, State, Tally};
use crate::key::{ElementKey, RecordKey};
use crate::name::{AttributeName, Region};
use crate::packed::{Coder, Columns, Notes, Number, Packer, Sources, Tree, signed, text};
use crate::register::{Rank, Write};
use crate::stamp::Stamp;
use crate::value::VALUE_BYTES_MAX;
use alloc::string::String;
use alloc::vec::Vec;

/// What a packed body begins with. In rows it is the difference to the first dot, which is never zero, and never written
/// in more bytes than it takes.
pub(super) const FORM_DENSE: [u8; 2] = [0x80, 0];
/// What it began with in the first packed form.
pub(super) const FORM_PACKED: [u8; 1] = [0];
/// The longest write in the general form: the longest value, and what it covers.
const WRITE_BYTES_MAX: usize = VALUE_BYTES_MAX + 32 * 1024;
/// Why writing cannot fail: only what is read can be wrong.
const WRITES: &str = "a writer takes whatever it is given";

/// What an entry says; the last kind ends the body.
mod kind {
    pub(super) const NOTE: usize = 0;
    pub(super) const REMOVAL: usize = 1;
    pub(super) const COUNT: usize = 2;
    pub(super) const VALUE: usize = 3;
    pub(super) const END: usize = 4;
    pub(super) const EARLIER: usize = 5;
}

/// Columns of texts.
mod column {
    pub(super) const RECORD: u32 = 1;
    pub(super) const ATTRIBUTE: u32 = 8;
    pub(super) const REGION: u32 = 16;
}

/// All models of an upload, and what went before.
#[derive(Debug, Default)]
struct Writes {
    columns: Columns,
    notes: Notes,
    kind: Tree<8>,
    dot: u64,
    step: Number,
    by_key: Tree<2>,
    handle: u32,
    distance: Number,
    back: Number,
    tallies: [Number; 2],
    rank: Tree<4>,
}

impl Writes {
    /// Writes an entry, or reads one; nothing after the last.
    fn entry<C: Coder>(&mut self, coder: &mut C, entry: Option<&Entry>) -> Result<Option<Entry>, DecodeError> {
        let kind = self
            .kind
            .code(coder, entry.map_or(kind::END, |entry| kind_of(&entry.written)))?;
        if kind == kind::END {
            return Ok(None);
        }
        let step = entry.map_or(1, |entry| entry.dot - self.dot);
        let step = self.step.code(coder, step)?;
        self.dot = self.dot.checked_add(step).ok_or(DecodeError::NumberTooLong)?;
        let record = self.record(coder, entry.map(|entry| &entry.record))?;
        let written = self.written(coder, kind, entry.map(|entry| &entry.written))?;
        let dot = self.dot;
        Ok(written.map(|written| Entry { dot, record, written }))
    }

    fn record<C: Coder>(&mut self, coder: &mut C, record: Option<&RecordRef>) -> Result<RecordRef, DecodeError> {
        let by_key = matches!(record, Some(RecordRef::Key(_)));
        if self.by_key.code(coder, usize::from(by_key))? == 1 {
            let key = if let Some(RecordRef::Key(key)) = record {
                key.encoded()
            } else {
                Vec::new()
            };
            // A name may hold whatever a namespace's end is marked with, but no zero.
            let key = core::str::from_utf8(&key).map_err(|_| DecodeError::NotUtf8)?;
            let (namespace, name) = key.split_once('\0').unwrap_or_default();
            let namespace = self.columns.name(coder, column::RECORD, namespace)?;
            let name = self.columns.name(coder, column::RECORD, name)?;
            return match record {
                Some(record) => Ok(record.clone()),
                None => RecordKey::decode(alloc::format!("{namespace}\0{name}").as_bytes()).map(RecordRef::Key),
            };
        }
        let handle = if let Some(RecordRef::Handle(handle)) = record {
            *handle
        } else {
            0
        };
        let distance = signed(&mut self.distance, coder, i64::from(handle) - i64::from(self.handle))?;
        let handle = i64::from(self.handle)
            .checked_add(distance)
            .and_then(|handle| u32::try_from(handle).ok());
        self.handle = handle.ok_or(DecodeError::Invalid("handle"))?;
        Ok(RecordRef::Handle(self.handle))
    }

    /// A reader gets what was written; a writer nothing.
    fn written<C: Coder>(
        &mut self,
        coder: &mut C,
        kind: usize,
        written: Option<&Written>,
    ) -> Result<Option<Written>, DecodeError> {
        let named = || None;
        let mut sources = Sources::new(&named);
        let read = match kind {
            kind::NOTE => {
                let nothing = Note {
                    at: Stamp::default(),
                    subject: None,
                    text: String::new(),
                    extra: Vec::new(),
                };
                let note = if let Some(Written::Note(note)) = written {
                    note
                } else {
                    &nothing
                };
                let mut read = self.notes.code(coder, &mut self.columns, note, &mut sources)?;
                read.extra = self
                    .columns
                    .bytes(coder, &note.extra, crate::element::STATE_BYTES_MAX)?;
                Written::Note(read)
            }
            kind::REMOVAL => {
                let of = if let Some(Written::Removal(of)) = written {
                    *of
                } else {
                    0
                };
                let back = signed(&mut self.back, coder, self.dot.wrapping_sub(of) as i64)?;
                Written::Removal(self.dot.wrapping_sub(back as u64))
            }
            kind::COUNT => return self.count(coder, written, &mut sources),
            kind::VALUE => return self.value(coder, written),
            kind::EARLIER => return self.earlier(coder, written),
            _ => return Err(DecodeError::Invalid("kind of write")),
        };
        Ok(C::READS.then_some(read))
    }

    fn count<C: Coder>(
        &mut self,
        coder: &mut C,
        written: Option<&Written>,
        sources: &mut Sources<'_>,
    ) -> Result<Option<Written>, DecodeError> {
        let (name, region, tally) = match written {
            Some(Written::Count(name, region, tally)) => (name.as_str(), region.as_str(), *tally),
            _ => ("", "", Tally::default()),
        };
        let name = text(coder, &mut self.columns, column::ATTRIBUTE, name, sources)?;
        let region = text(coder, &mut self.columns, column::REGION, region, sources)?;
        let added = self.tallies[0].code(coder, tally.added)?;
        let removed = self.tallies[1].code(coder, tally.removed)?;
        if !C::READS {
            return Ok(None);
        }
        let name = AttributeName::new(name).map_err(|_| DecodeError::Invalid("attribute name"))?;
        let region = Region::new(region).map_err(|_| DecodeError::Invalid("region"))?;
        Ok(Some(Written::Count(name, region, Tally { added, removed })))
    }

    fn value<C: Coder>(&mut self, coder: &mut C, written: Option<&Written>) -> Result<Option<Written>, DecodeError> {
        let (mut key, mut rank, mut bytes) = (Vec::new(), 0, Vec::new());
        if let Some(Written::Value(of, with, write)) = written {
            (key, rank) = (of.encoded(), *with as usize);
            write.encode(&mut bytes);
        }
        let key = self.columns.bytes(coder, &key, ElementKey::BYTES_MAX)?;
        let rank = match self.rank.code(coder, rank)? {
            0 => Rank::Automation,
            1 => Rank::Operator,
            2 => Rank::Person,
            _ => return Err(DecodeError::Invalid("rank")),
        };
        let bytes = self.columns.bytes(coder, &bytes, WRITE_BYTES_MAX)?;
        if !C::READS {
            return Ok(None);
        }
        let mut reader = Reader::new(&bytes);
        let write = Write::decode(&mut reader)?;
        reader.is_empty().then_some(()).ok_or(DecodeError::Invalid("write"))?;
        Ok(Some(Written::Value(ElementKey::decode(&key)?, rank, write)))
    }

    fn earlier<C: Coder>(&mut self, coder: &mut C, written: Option<&Written>) -> Result<Option<Written>, DecodeError> {
        let (key, state) = match written {
            Some(Written::Earlier(key, state)) => (key.encoded(), state.encoded()),
            _ => (Vec::new(), Vec::new()),
        };
        let key = self.columns.bytes(coder, &key, ElementKey::BYTES_MAX)?;
        let state = self.columns.bytes(coder, &state, STATE_BYTES_MAX)?;
        if !C::READS {
            return Ok(None);
        }
        Ok(Some(Written::Earlier(
            ElementKey::decode(&key)?,
            State::decode(&state)?,
        )))
    }
}

fn kind_of(written: &Written) -> usize {
    match written {
        Written::Note(_) => kind::NOTE,
        Written::Removal(_) => kind::REMOVAL,
        Written::Count(..) => kind::COUNT,
        Written::Value(..) => kind::VALUE,
        Written::Earlier(..) => kind::EARLIER,
    }
}

/// Gathers the body of an upload, and tells how long it has become.
#[derive(Debug)]
pub struct UploadWriter {
    packer: Packer,
    writes: Writes,
    count: usize,
}

impl UploadWriter {
    /// Begins a body that follows on dot `prev`.
    #[must_use]
    pub fn new(prev: u64) -> Self {
        let writes = Writes {
            dot: prev,
            ..Writes::default()
        };
        Self {
            packer: Packer::default(),
            writes,
            count: 0,
        }
    }

    /// Appends an entry, whose dot is after that of the one before.
    pub fn put(&mut self, entry: &Entry) {
        self.writes.entry(&mut self.packer, Some(entry)).expect(WRITES);
        self.count += 1;
    }

    /// About how long the body is by now, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packer.len() + 5
    }

    /// Whether it holds no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The body; without an entry there is none.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        self.writes.entry(&mut self.packer, None).expect(WRITES);
        let mut out = FORM_DENSE.to_vec();
        out.extend_from_slice(&self.packer.finish());
        out
    }
}

/// Reads all entries of a packed body that follows on dot `prev`.
pub(super) fn read<C: Coder>(prev: u64, coder: &mut C) -> Result<Vec<Entry>, DecodeError> {
    let mut writes = Writes {
        dot: prev,
        ..Writes::default()
    };
    let mut entries = Vec::new();
    while let Some(entry) = writes.entry(coder, None)? {
        if entries.len() == UPLOAD_ENTRIES_MAX {
            return Err(DecodeError::TooLong);
        }
        entries.push(entry);
    }
    coder.is_at_end().then_some(entries).ok_or(DecodeError::Invalid("end"))
}
