//! Fragments: a frame that is too long for its receiver, cut into shorter ones.

use super::{BODY_BYTES_MAX, FRAME_BYTES_MIN, FrameError, frame_of, open, tag};
use crate::bytes::{Reader, put_varint};
use crate::digest::hash_128;
use alloc::vec::Vec;

/// What a fragment adds to its content: the frame's own bytes, and id, index and count.
const FRAGMENT_EXTRA_BYTES: usize = 32;
/// The most fragments of one frame: the longest frame in the shortest pieces.
const FRAGMENTS_MAX: usize = BODY_BYTES_MAX / (FRAME_BYTES_MIN - FRAGMENT_EXTRA_BYTES) + 2;

/// The pieces of a frame, or the frame itself where it fits.
#[derive(Debug)]
pub struct Fragments {
    pieces: alloc::vec::IntoIter<Vec<u8>>,
}

impl Fragments {
    /// Cuts `frame` so that no piece is longer than `bytes_max`, which is at least [`FRAME_BYTES_MIN`].
    #[must_use]
    pub fn of(frame: Vec<u8>, bytes_max: usize) -> Self {
        if frame.len() <= bytes_max {
            return Self {
                pieces: alloc::vec![frame].into_iter(),
            };
        }
        let id = hash_128(&[&frame]) as u32;
        let room = bytes_max.max(FRAME_BYTES_MIN) - FRAGMENT_EXTRA_BYTES;
        let count = frame.len().div_ceil(room);
        let pieces = frame.chunks(room).enumerate().map(|(index, content)| {
            let mut body = Vec::with_capacity(content.len() + 12);
            body.extend_from_slice(&id.to_be_bytes());
            put_varint(&mut body, index as u64);
            put_varint(&mut body, count as u64);
            body.extend_from_slice(content);
            // What it is a piece of was compressed, or does not shrink.
            frame_of(tag::FRAGMENT, 0, body.len(), &[], &body)
        });
        Self {
            pieces: pieces.collect::<Vec<_>>().into_iter(),
        }
    }
}

impl Iterator for Fragments {
    type Item = Vec<u8>;
    fn next(&mut self) -> Option<Vec<u8>> {
        self.pieces.next()
    }
}

/// Why a fragment is not taken. What was gathered before it is given up; the session asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReassemblyError {
    /// It is no valid frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It does not follow on the one before: a piece was lost.
    #[error("a fragment was lost")]
    Gap,
}

/// Puts fragments together again: one frame at a time, in order, as a topic delivers them.
#[derive(Debug, Default)]
pub struct Reassembly {
    id: u32,
    next: u64,
    gathered: Vec<u8>,
}

impl Reassembly {
    /// Takes a frame: gives back a whole one, or nothing while pieces are missing.
    pub fn take(&mut self, frame: Vec<u8>) -> Result<Option<Vec<u8>>, ReassemblyError> {
        if frame.get(1) != Some(&tag::FRAGMENT) {
            return Ok(Some(frame));
        }
        let (_, body) = open(&frame)?;
        let mut reader = Reader::new(&body);
        let parse = |_| FrameError::Body;
        let id = reader.u32_be().map_err(parse)?;
        let index = reader.varint().map_err(parse)?;
        let count = reader.varint().map_err(parse)?;
        if index >= count || count > FRAGMENTS_MAX as u64 {
            return Err(FrameError::Body.into());
        }
        if index == 0 {
            self.id = id;
            self.next = 0;
            self.gathered.clear();
        }
        if self.id != id || self.next != index {
            self.forget();
            return Err(ReassemblyError::Gap);
        }
        if self.gathered.len() + reader.rest().len() > BODY_BYTES_MAX + FRAME_BYTES_MIN {
            self.forget();
            return Err(FrameError::TooLong.into());
        }
        self.gathered.extend_from_slice(reader.rest());
        self.next += 1;
        if self.next < count {
            return Ok(None);
        }
        let whole = core::mem::take(&mut self.gathered);
        self.forget();
        Ok(Some(whole))
    }

    /// Gives up what was gathered, as after a lost link.
    pub fn forget(&mut self) {
        *self = Self::default();
        self.next = u64::MAX;
    }
}
