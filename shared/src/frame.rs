//! Frames: messages as they travel.
//!
//! ```text
//! version u8      1
//! tag     u8      which message
//! flags   u8      bit 0: the body is compressed with zstd
//! length  varint  of the body before compression
//! body    bytes
//! check   4 bytes the lowest four of the hash of everything before
//! ```
//!
//! A frame that is too long for its receiver is cut into fragments, each a frame of its own ([`Fragments`],
//! [`Reassembly`]). A part that many agents are sent is sealed once for all of them ([`SharedPart`]).

mod fragment;
mod live;
mod shared_part;

pub use fragment::{Fragments, Reassembly, ReassemblyError};
pub use shared_part::SharedPart;

use crate::bytes::{Reader, put_varint};
use crate::delta::{FORM_DENSE, FORM_PACKED};
use crate::digest::hash_128;
use crate::message::{Down, Live, Up};
use crate::urgent::Urgent;
use alloc::vec;
use alloc::vec::Vec;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of the wire that this crate speaks; part of every topic as well.
pub const WIRE_VERSION: u8 = 1;
/// The longest body before compression, in bytes: a part with one record of the greatest length, and some others.
/// A light agent holds one at a time.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// The shortest limit that an agent may name for its frames, in bytes: room for a fragment's head and something in it.
pub const FRAME_BYTES_MIN: usize = 256;
/// The longest limit that an agent may name for its frames, in bytes: more would hold up what is urgent.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;
/// What an agent names when nobody says otherwise.
pub const FRAME_BYTES_DEFAULT: usize = 64 * 1024;

const COMPRESSED: u8 = 1;
const CHECK_BYTES: usize = 4;
/// Shorter bodies do not shrink.
const COMPRESS_BYTES_MIN: usize = 96;
/// Past this a higher level costs a hub more time than it saves the link bytes.
const LEVEL_LONG_FROM: usize = 128 * 1024;

mod tag {
    pub(super) const HELLO: u8 = 1;
    pub(super) const UPLOAD: u8 = 2;
    pub(super) const APPLIED: u8 = 3;
    pub(super) const GO_ON: u8 = 4;
    pub(super) const CELLS: u8 = 5;
    pub(super) const CHAINED: u8 = 6;
    pub(super) const WELCOME: u8 = 16;
    pub(super) const PART: u8 = 17;
    pub(super) const STORED: u8 = 18;
    pub(super) const BATCH: u8 = 19;
    pub(super) const HEARTBEAT: u8 = 20;
    pub(super) const REFUSED: u8 = 21;
    pub(super) const COMPARED: u8 = 22;
    pub(super) const PROOF: u8 = 23;
    pub(super) const SHARED_PART: u8 = 24;
    pub(super) const URGENT: u8 = 25;
    pub(super) const LIVE_EARLIER: u8 = 26;
    pub(super) const LIVE: u8 = 27;
    pub(super) const LIVE_FLAGGED: u8 = 28;
    pub(super) const FRAGMENT: u8 = 32;
}

/// A frame that is not taken. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than any frame.
    #[error("the frame is cut short")]
    Truncated,
    /// Of another version of the wire.
    #[error("the frame is of wire version {0}, this program speaks {WIRE_VERSION}: update the older side")]
    Version(u8),
    /// Changed on the way, or never a frame.
    #[error("the frame's check does not match: noise")]
    Check,
    /// A message that this version does not know here.
    #[error("the frame carries a message of kind {0}, which is not known here")]
    Kind(u8),
    /// Longer than allowed.
    #[error("the frame's body is above the limit")]
    TooLong,
    /// The body is not what the tag says.
    #[error("the frame's body cannot be read")]
    Body,
}

/// Encodes what an agent says.
#[must_use]
pub fn encode_up(message: &Up) -> Vec<u8> {
    match message {
        Up::Hello(hello) => encode(tag::HELLO, hello),
        Up::Upload(upload) => encode(tag::UPLOAD, upload),
        Up::Applied(applied) => encode(tag::APPLIED, applied),
        Up::GoOn(go_on) => encode(tag::GO_ON, go_on),
        Up::Cells(cells) => encode(tag::CELLS, cells),
        Up::Chained(chained) => encode(tag::CHAINED, chained),
    }
}

/// Decodes what an agent says.
pub fn decode_up(frame: &[u8]) -> Result<Up, FrameError> {
    let (tag, body) = open(frame)?;
    match tag {
        tag::HELLO => body_of(&body).map(Up::Hello),
        tag::UPLOAD => body_of(&body).map(Up::Upload),
        tag::APPLIED => body_of(&body).map(Up::Applied),
        tag::GO_ON => body_of(&body).map(Up::GoOn),
        tag::CELLS => body_of(&body).map(Up::Cells),
        tag::CHAINED => body_of(&body).map(Up::Chained),
        other => Err(FrameError::Kind(other)),
    }
}

/// Encodes what a hub says.
#[must_use]
pub fn encode_down(message: &Down) -> Vec<u8> {
    match message {
        Down::Welcome(welcome) => encode(tag::WELCOME, welcome),
        Down::Part(part) => match part.delta.first() {
            Some(&(FORM_PACKED | FORM_DENSE)) => seal(tag::PART, &body_for(part), Density::Packed),
            _ => encode(tag::PART, part),
        },
        Down::Stored(stored) => encode(tag::STORED, stored),
        Down::Batch(batch) => encode(tag::BATCH, batch),
        Down::Live(live) => {
            let (flags, body) = live::body(live);
            match flags {
                0 => sealed(&[WIRE_VERSION, tag::LIVE], &body),
                _ => sealed(&[WIRE_VERSION, tag::LIVE_FLAGGED, flags], &body),
            }
        }
        Down::Heartbeat(heartbeat) => encode(tag::HEARTBEAT, heartbeat),
        Down::Refused(refused) => encode(tag::REFUSED, refused),
        Down::Compared(compared) => encode(tag::COMPARED, compared),
        Down::Proof(proof) => encode(tag::PROOF, proof),
        Down::Urgent(urgent) => encode(tag::URGENT, urgent),
    }
}

/// Whether a frame carries a hello that was not cut into pieces. Says nothing of whether it can be read.
#[must_use]
pub fn is_hello(frame: &[u8]) -> bool {
    matches!(frame, [WIRE_VERSION, tag::HELLO, ..])
}

/// Decodes what a hub says.
pub fn decode_down(frame: &[u8]) -> Result<Down, FrameError> {
    if let Some(&tag) = frame.get(1)
        && matches!(tag, tag::LIVE | tag::LIVE_FLAGGED | tag::LIVE_EARLIER)
    {
        return live_of(tag, frame).map(Down::Live);
    }
    let Opened { tag, nonce, body } = unseal(frame)?;
    match tag {
        tag::WELCOME => body_of(&body).map(Down::Welcome),
        tag::PART => body_of(&body).map(Down::Part),
        tag::STORED => body_of(&body).map(Down::Stored),
        tag::BATCH => body_of(&body).map(Down::Batch),
        tag::HEARTBEAT => body_of(&body).map(Down::Heartbeat),
        tag::REFUSED => body_of(&body).map(Down::Refused),
        tag::COMPARED => body_of(&body).map(Down::Compared),
        tag::PROOF => body_of(&body).map(Down::Proof),
        tag::SHARED_PART => shared_part::read(nonce, &body).map(Down::Part),
        tag::URGENT => {
            let urgent: Urgent = body_of(&body)?;
            urgent.check().map_err(|_| FrameError::Body)?;
            Ok(Down::Urgent(urgent))
        }
        other => Err(FrameError::Kind(other)),
    }
}

fn live_of(tag: u8, frame: &[u8]) -> Result<Live, FrameError> {
    let sealed = checked(frame)?;
    if tag == tag::LIVE {
        return live::read(0, sealed);
    }
    let (flags, body) = sealed.split_first().ok_or(FrameError::Truncated)?;
    match tag {
        tag::LIVE_FLAGGED => live::read(*flags, body),
        _ => live::read_earlier(*flags, body),
    }
}

/// Whether a body may shrink when it is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Density {
    /// Nobody knows.
    Plain,
    /// It is packed already.
    Packed,
}

fn encode(tag: u8, message: &impl Serialize) -> Vec<u8> {
    seal(tag, &body_for(message), Density::Plain)
}

fn body_for(message: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(message).expect("a message of plain data always serialises")
}

fn body_of<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    let (message, rest) = postcard::take_from_bytes(body).map_err(|_| FrameError::Body)?;
    rest.is_empty().then_some(message).ok_or(FrameError::Body)
}

/// Makes a frame of a body.
fn seal(tag: u8, body: &[u8], density: Density) -> Vec<u8> {
    let compressed = shrunk(body, density);
    let (flags, content) = match &compressed {
        Some(content) => (COMPRESSED, content.as_slice()),
        None => (0, body),
    };
    frame_of(tag, flags, body.len(), &[], content)
}

/// The body as it travels, where it is not the body itself.
fn shrunk(body: &[u8], density: Density) -> Option<Vec<u8>> {
    if body.len() >= COMPRESS_BYTES_MIN && density == Density::Plain {
        compress(body)
    } else {
        None
    }
}

/// Puts a frame together. `plain` stands before the content and is never compressed.
fn frame_of(tag: u8, flags: u8, length: usize, plain: &[u8], content: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(8 + plain.len());
    head.extend_from_slice(&[WIRE_VERSION, tag, flags]);
    put_varint(&mut head, length as u64);
    head.extend_from_slice(plain);
    sealed(&head, content)
}

fn sealed(head: &[u8], content: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(head.len() + content.len() + CHECK_BYTES);
    frame.extend_from_slice(head);
    frame.extend_from_slice(content);
    let check = check(&frame);
    frame.extend_from_slice(&check);
    frame
}

/// What was in a frame.
struct Opened {
    tag: u8,
    /// Of a shared part; nothing otherwise.
    nonce: u64,
    body: Vec<u8>,
}

/// Checks a frame and gives what follows on its tag, up to the check.
fn checked(frame: &[u8]) -> Result<&[u8], FrameError> {
    let version = *frame.first().ok_or(FrameError::Truncated)?;
    if version != WIRE_VERSION {
        return Err(FrameError::Version(version));
    }
    let (sealed, carried) = frame.split_last_chunk::<CHECK_BYTES>().ok_or(FrameError::Truncated)?;
    if check(sealed) != *carried {
        return Err(FrameError::Check);
    }
    sealed.get(2..).ok_or(FrameError::Truncated)
}

/// Checks a frame and gives its tag and its body.
fn open(frame: &[u8]) -> Result<(u8, Vec<u8>), FrameError> {
    unseal(frame).map(|opened| (opened.tag, opened.body))
}

fn unseal(frame: &[u8]) -> Result<Opened, FrameError> {
    let mut reader = Reader::new(checked(frame)?);
    let tag = frame[1];
    let flags = reader.byte().map_err(|_| FrameError::Truncated)?;
    let length = reader.varint().map_err(|_| FrameError::Body)?;
    if length > BODY_BYTES_MAX as u64 {
        return Err(FrameError::TooLong);
    }
    let nonce = match tag {
        tag::SHARED_PART => reader.u64_be().map_err(|_| FrameError::Body)?,
        _ => 0,
    };
    let length = length as usize;
    let body = if flags & COMPRESSED == 0 {
        reader.rest().to_vec()
    } else {
        decompress(reader.rest(), length)?
    };
    if body.len() != length {
        return Err(FrameError::Body);
    }
    Ok(Opened { tag, nonce, body })
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    (hash_128(&[bytes]) as u32).to_be_bytes()
}

/// What every zstd frame begins with (RFC 8878, section 3.1.1): not sent, since our own flag says it.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The compressed body, where that is shorter. It carries no magic number, size or checksum: the frame does.
fn compress(body: &[u8]) -> Option<Vec<u8>> {
    let level = if body.len() > LEVEL_LONG_FROM { 9 } else { 19 };
    let mut context = zstd_safe::CCtx::create();
    let parameters = [
        zstd_safe::CParameter::CompressionLevel(level),
        zstd_safe::CParameter::ContentSizeFlag(false),
    ];
    for parameter in parameters {
        context.set_parameter(parameter).ok()?;
    }
    let mut out = vec![0; zstd_safe::compress_bound(body.len())];
    let length = context.compress2(out.as_mut_slice(), body).ok()?;
    out.truncate(length);
    let content = out.strip_prefix(&ZSTD_MAGIC)?;
    (content.len() < body.len()).then(|| content.to_vec())
}

fn decompress(content: &[u8], length: usize) -> Result<Vec<u8>, FrameError> {
    let mut context = zstd_safe::DCtx::create();
    let compressed = [&ZSTD_MAGIC, content].concat();
    let mut body = vec![0; length];
    let written = context
        .decompress(body.as_mut_slice(), &compressed)
        .map_err(|_| FrameError::Body)?;
    body.truncate(written);
    Ok(body)
}

#[cfg(test)]
mod tests;
