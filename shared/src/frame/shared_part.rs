//! A part of a catch-up that many agents are sent: cut and compressed once, and addressed to each.
//!
//! ```text
//! version u8      1
//! tag     u8      24
//! flags   u8      bit 0: what follows the nonce is compressed
//! length  varint  of what follows the nonce, before compression
//! nonce   8 bytes the hello's
//! content bytes   from, to, end, delta
//! check   4 bytes
//! ```

use super::{COMPRESSED, Density, FrameError, body_of, frame_of, shrunk, tag};
use crate::delta::{FORM_DENSE, FORM_PACKED};
use crate::epoch::{Head, Mark};
use crate::message::Part;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What is the same for everybody.
#[derive(Serialize, Deserialize)]
struct Content {
    from: Mark,
    to: Mark,
    end: Option<Head>,
    delta: Vec<u8>,
}

/// A part without its nonce, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedPart {
    to: Mark,
    is_last: bool,
    flags: u8,
    length: usize,
    content: Vec<u8>,
}

impl SharedPart {
    /// Seals a part for everybody. Its own nonce is not looked at.
    #[must_use]
    pub fn seal(part: Part) -> Self {
        let Part {
            from, to, end, delta, ..
        } = part;
        let is_last = end.is_some();
        let density = match delta.first() {
            Some(&(FORM_PACKED | FORM_DENSE)) => Density::Packed,
            _ => Density::Plain,
        };
        let content = Content { from, to, end, delta };
        let body = postcard::to_allocvec(&content).expect("a message of plain data always serialises");
        let (flags, length) = (0, body.len());
        let plain = Self {
            to,
            is_last,
            flags,
            length,
            content: body,
        };
        match shrunk(&plain.content, density) {
            Some(content) => Self {
                flags: COMPRESSED,
                content,
                ..plain
            },
            None => plain,
        }
    }

    /// The frame for whoever said hello with this nonce.
    #[must_use]
    pub fn frame(&self, nonce: u64) -> Vec<u8> {
        let nonce = nonce.to_be_bytes();
        frame_of(tag::SHARED_PART, self.flags, self.length, &nonce, &self.content)
    }

    /// Up to where it brings what is held.
    #[must_use]
    pub const fn to(&self) -> Mark {
        self.to
    }

    /// Whether the catch-up ends with it.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// How long it is, in bytes, without what each frame adds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.content.len()
    }
}

/// The part in an opened frame.
pub(super) fn read(nonce: u64, body: &[u8]) -> Result<Part, FrameError> {
    let Content { from, to, end, delta } = body_of(body)?;
    Ok(Part {
        nonce,
        from,
        to,
        end,
        delta,
    })
}
