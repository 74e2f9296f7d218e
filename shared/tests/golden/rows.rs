//! Uploads in rows, as the first release wrote them: today's programs only read these.

use headland_shared::bytes::{put_bytes, put_varint};
use headland_shared::upload::{Entry, RecordRef, Written};

/// Appends one entry that follows on dot `prev`.
pub(crate) fn put_entry(out: &mut Vec<u8>, prev: u64, entry: &Entry) {
    put_varint(out, entry.dot - prev);
    match &entry.record {
        RecordRef::Handle(handle) => put_varint(out, u64::from(*handle) + 1),
        RecordRef::Key(key) => {
            put_varint(out, 0);
            put_bytes(out, &key.encoded());
        }
    }
    match &entry.written {
        Written::Note(note) => {
            out.push(0);
            let mut bytes = Vec::new();
            note.encode(&mut bytes);
            put_bytes(out, &bytes);
        }
        Written::Removal(of) => {
            out.push(1);
            put_varint(out, *of);
        }
        Written::Count(name, region, tally) => {
            out.push(2);
            put_bytes(out, name.as_str().as_bytes());
            put_bytes(out, region.as_str().as_bytes());
            put_varint(out, tally.added);
            put_varint(out, tally.removed);
        }
        Written::Value(key, rank, write) => {
            out.push(3);
            put_bytes(out, &key.encoded());
            out.push(*rank as u8);
            write.encode(out);
        }
        Written::Earlier(..) => unreachable!("what an earlier life wrote was never sent in rows"),
    }
}
