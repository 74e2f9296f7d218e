//! The stream: a first line, blocks, and an end. Each block carries a hash of itself and of all that came before it, so
//! that a changed byte, a block out of place and a stream that was cut short are noticed.
//!
//! ```text
//! line    "headland-hub-backup 1\n"
//! block*  length u32 (from 1), body, hash 16 bytes: of the hash before and the body
//! end     length u32 = 0, hash 16 bytes: of the hash before and nothing
//! ```
//!
//! The body of the first block is [`About`](super::About) as JSON. That of the others is the name of a table and rows of
//! it: keys and values, each with its length as a varint before it. Numbers are big-endian.

use crate::store::Rows;
use headland_shared::bytes::{DecodeError, Reader, put_bytes};
use headland_shared::digest::hash_128;
use std::io::{self, Read};

/// What the stream begins with.
const MAGIC: &[u8; 22] = b"headland-hub-backup 1\n";

/// After so many bytes a block ends.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;

/// The longest block that is read, in bytes. One row may make a block longer than others: what an import of a whole
/// catalogue replaced is one row.
const BLOCK_BYTES_MAX: u32 = 256 * 1024 * 1024;

/// The longest name of a table, in bytes.
const TABLE_BYTES_MAX: usize = 64;

/// Why a stream cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlockError {
    /// It is something else.
    #[error("it is no backup of a Headland hub, or of a version that this one does not read; name another file")]
    NotABackup,
    /// It is not what was written.
    #[error("it is damaged: {0}; use another copy")]
    Damaged(&'static str),
    /// It ends too soon.
    #[error("it ends before its end; use another copy")]
    CutShort,
    /// The machine cannot read it.
    #[error("{0}; check the file")]
    Io(io::Error),
}

impl From<io::Error> for BlockError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutShort,
            _ => Self::Io(error),
        }
    }
}

/// Makes blocks.
#[derive(Debug, Default)]
pub(super) struct Sealer(u128);

impl Sealer {
    /// The first line.
    pub(super) fn begin() -> (Self, Vec<u8>) {
        (Self::default(), MAGIC.to_vec())
    }

    /// A block with this body, or with none the end.
    pub(super) fn seal(&mut self, body: &[u8]) -> Vec<u8> {
        self.0 = hash_128(&[&self.0.to_be_bytes(), body]);
        let mut block = Vec::with_capacity(body.len() + 20);
        block.extend_from_slice(&(body.len() as u32).to_be_bytes());
        block.extend_from_slice(body);
        block.extend_from_slice(&self.0.to_be_bytes());
        block
    }
}

/// Reads blocks.
#[derive(Debug)]
pub(super) struct Blocks<R> {
    from: R,
    hash: u128,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    /// Reads the first line.
    pub(super) fn begin(mut from: R) -> Result<Self, BlockError> {
        let mut line = [0; MAGIC.len()];
        match from.read_exact(&mut line) {
            Ok(()) if &line == MAGIC => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
            _ => return Err(BlockError::NotABackup),
        }
        Ok(Self {
            from,
            hash: 0,
            ended: false,
        })
    }

    /// The next body; nothing at the end, after which there must be nothing.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, BlockError> {
        if self.ended {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > BLOCK_BYTES_MAX {
            return Err(BlockError::Damaged("a block is too long"));
        }
        // No room is made for what is only said to come.
        let mut body = Vec::new();
        self.from.by_ref().take(u64::from(length)).read_to_end(&mut body)?;
        if body.len() < length as usize {
            return Err(BlockError::CutShort);
        }
        let mut hash = [0; 16];
        self.from.read_exact(&mut hash)?;
        self.hash = hash_128(&[&self.hash.to_be_bytes(), &body]);
        if u128::from_be_bytes(hash) != self.hash {
            return Err(BlockError::Damaged("a block is not what was written"));
        }
        if length > 0 {
            return Ok(Some(body));
        }
        self.ended = true;
        match self.from.read(&mut [0])? {
            0 => Ok(None),
            _ => Err(BlockError::Damaged("something stands behind its end")),
        }
    }
}

/// Begins a body with rows of a table.
pub(super) fn begin_rows(table: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 4);
    put_bytes(&mut body, table.as_bytes());
    body
}

/// Adds a row to a body.
pub(super) fn put_row(body: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    put_bytes(body, key);
    put_bytes(body, value);
}

/// The rows of a body.
pub(super) fn rows_of(body: &[u8]) -> Result<Rows, BlockError> {
    let read = || {
        let mut reader = Reader::new(body);
        let table = std::str::from_utf8(reader.bytes(TABLE_BYTES_MAX)?).map_err(|_| DecodeError::NotUtf8)?;
        let mut rows = Vec::new();
        while !reader.is_empty() {
            let key = reader.bytes(BLOCK_BYTES_MAX as usize)?.to_vec();
            rows.push((key, reader.bytes(BLOCK_BYTES_MAX as usize)?.to_vec()));
        }
        Ok::<_, DecodeError>(Rows {
            table: table.to_owned(),
            rows,
        })
    };
    read().map_err(|_| BlockError::Damaged("a block holds no rows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Vec<u8> {
        let (mut sealer, mut bytes) = Sealer::begin();
        bytes.extend(sealer.seal(b"first"));
        let mut body = begin_rows("records-1");
        put_row(&mut body, b"key", b"value");
        put_row(&mut body, b"", b"");
        bytes.extend(sealer.seal(&body));
        bytes.extend(sealer.seal(b""));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, BlockError> {
        let mut blocks = Blocks::begin(bytes)?;
        let mut bodies = Vec::new();
        while let Some(body) = blocks.next()? {
            bodies.push(body);
        }
        Ok(bodies)
    }

    #[test]
    fn what_was_written_is_read() {
        let bodies = read(&stream()).unwrap();
        assert_eq!(bodies[0], b"first");
        let rows = rows_of(&bodies[1]).unwrap();
        assert_eq!(rows.table, "records-1");
        assert_eq!(
            rows.rows,
            [(b"key".to_vec(), b"value".to_vec()), (Vec::new(), Vec::new())]
        );
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let whole = stream();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(read(&changed).is_err(), "byte {at}");
            assert!(read(&whole[..at]).is_err(), "cut at {at}");
        }
        let mut longer = whole;
        longer.push(0);
        assert!(matches!(read(&longer), Err(BlockError::Damaged(_))));
    }

    #[test]
    fn a_block_out_of_place_is_noticed() {
        let (mut sealer, mut bytes) = Sealer::begin();
        let (one, two) = (sealer.seal(b"one"), sealer.seal(b"two"));
        bytes.extend([two, one, sealer.seal(b"")].concat());
        assert!(matches!(read(&bytes), Err(BlockError::Damaged(_))));
    }

    #[test]
    fn a_block_that_claims_to_be_huge_takes_no_room() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0x0f, 0xff, 0xff, 0xff]);
        assert!(matches!(read(&bytes), Err(BlockError::CutShort)));
        bytes[MAGIC.len()] = 0xff;
        assert!(matches!(read(&bytes), Err(BlockError::Damaged(_))));
    }
}
