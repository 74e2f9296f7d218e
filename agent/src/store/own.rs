//! The agent's own writes: kept whatever happens to the catalogue around them.

use headland_shared::bytes::{DecodeError, Reader, put_bytes, put_varint};
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};

/// The most writes of its own that an agent keeps: days of notes and counts, a few megabytes of flash. Beyond it,
/// new ones are refused with a clear error rather than old ones lost.
pub const OWN_WRITES_MAX: u64 = 65_536;

/// What became of an own write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts here and goes to the hub.
    Taken,
    /// The hub refused it: the schema or a limit forbids it.
    Refused,
}

/// One element that this agent wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnWrite {
    /// Of which record.
    pub record: RecordKey,
    /// Which element.
    pub element: ElementKey,
    /// The counter of its last write.
    pub dot: u64,
    /// What became of it.
    pub standing: Standing,
    /// Its state.
    pub state: State,
}

/// The key of the row: all rows of a record are neighbours.
pub(super) fn key(record: &[u8], element: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.len() + element.len() + 2);
    put_bytes(&mut out, record);
    out.extend_from_slice(element);
    out
}

pub(super) fn value(dot: u64, standing: Standing, state: &State) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, dot);
    out.push(u8::from(standing == Standing::Refused));
    out.extend_from_slice(&state.encoded());
    out
}

pub(super) fn decode(key: &[u8], value: &[u8]) -> Result<OwnWrite, DecodeError> {
    let mut reader = Reader::new(key);
    let record = RecordKey::decode(reader.bytes(RecordKey::BYTES_MAX)?)?;
    let element = ElementKey::decode(reader.rest())?;
    let mut reader = Reader::new(value);
    let dot = reader.varint()?;
    let standing = if reader.byte()? == 1 {
        Standing::Refused
    } else {
        Standing::Taken
    };
    Ok(OwnWrite {
        record,
        element,
        dot,
        standing,
        state: State::decode(reader.rest())?,
    })
}
