//! What one hub tells another of its registry, as bytes.
//!
//! The first byte is the version; the rest is postcard of [`Changes`]. The fields of a released version never change;
//! what a newer program adds goes into `more`, which older ones pass over, or into another version.

use headland_shared::epoch::{Epoch, Head, Position, Seq};
use headland_shared::message::More;
use headland_shared::stamp::Stamp;
use serde::{Deserialize, Serialize};

const VERSION: u8 = 1;

/// The longest answer, in bytes: some thirty times what the largest real catalogue makes, and little enough that a hub
/// holds one while it applies it.
pub const CHANGES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What the registry said, and changed after a seq of the leading hub's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Whose order.
    pub epoch: Epoch,
    /// All that changed after this seq is in here; nothing when it is all that there is, and what is not in here is
    /// withdrawn.
    pub after: Option<Seq>,
    /// Up to here.
    pub head: Head,
    /// Where the registry stands.
    pub registry: Position,
    /// The last stamp that it gave out.
    pub stamp: Stamp,
    /// Whether it has ever said anything.
    pub complete: bool,
    /// How long the request was held back, in milliseconds: what is in here was so at least that long after it was
    /// sent.
    pub waited_ms: u64,
    /// How long before the answer the leading hub itself last knew the registry, in milliseconds.
    pub age_ms: u64,
    /// Names and encoded declarations of attributes.
    pub declarations: Vec<(String, Vec<u8>)>,
    /// Records of which the registry said something.
    pub records: Vec<SaidRecord>,
    /// Fields of newer versions.
    pub more: More,
}

/// What the registry said of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidRecord {
    /// The encoded key of the record.
    pub key: Vec<u8>,
    /// Its elements, by key.
    pub elements: Vec<Said>,
}

/// What the registry last said of one element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The encoded key of the element.
    pub element: Vec<u8>,
    /// Where that stands in the registry's order.
    pub position: Position,
    /// When it was said.
    pub stamp: Stamp,
    /// Whether it can be taken back.
    pub sticky: bool,
    /// The encoded value; empty when it was taken away.
    pub value: Vec<u8>,
}

/// Why an answer cannot be read. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// There is nothing.
    #[error("reading what the leading hub said: the answer is empty; check which program serves the socket")]
    Empty,
    /// Another version wrote it.
    #[error(
        "reading what the leading hub said: it is of version {0}, this program knows version {VERSION}; update this hub"
    )]
    Version(u8),
    /// It is not what it should be.
    #[error("reading what the leading hub said: {0}; check which program serves the socket")]
    Content(String),
}

impl Changes {
    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("plain data always serialises")
    }

    /// Reads the encoding. What keys, declarations and values hold is looked at when they are applied.
    pub fn decode(bytes: &[u8]) -> Result<Self, EncodingError> {
        let (version, content) = bytes.split_first().ok_or(EncodingError::Empty)?;
        if *version != VERSION {
            return Err(EncodingError::Version(*version));
        }
        let (changes, rest) =
            postcard::take_from_bytes(content).map_err(|error| EncodingError::Content(error.to_string()))?;
        if !rest.is_empty() {
            return Err(EncodingError::Content("bytes are left over".to_owned()));
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headland_shared::epoch::{Life, Lineage};
    use proptest::prelude::*;

    fn sample() -> Changes {
        let position = Position {
            life: Life(7),
            number: 3,
        };
        Changes {
            epoch: Epoch {
                hub: 5,
                number: 1,
                nonce: 2,
            },
            after: Some(Seq(4)),
            head: Head {
                seq: Seq(9),
                lineage: Lineage(1),
            },
            registry: position,
            stamp: Stamp::at_ms(6),
            complete: true,
            waited_ms: 10,
            age_ms: 0,
            declarations: vec![("license".to_owned(), vec![6, 2, 1, 0, 1, 0, 0])],
            records: vec![SaidRecord {
                key: b"farm\0a".to_vec(),
                elements: vec![Said {
                    element: vec![0],
                    position,
                    stamp: Stamp::at_ms(6),
                    sticky: false,
                    value: vec![1],
                }],
            }],
            more: vec![(1, vec![2])],
        }
    }

    #[test]
    fn changes_come_back_and_every_cut_is_noticed() {
        let bytes = sample().encode();
        assert_eq!(Changes::decode(&bytes), Ok(sample()));
        for end in 0..bytes.len() {
            assert!(Changes::decode(&bytes[..end]).is_err(), "{end}");
        }
        assert!(Changes::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn another_version_is_named_as_such() {
        let mut bytes = sample().encode();
        bytes[0] = 2;
        assert_eq!(Changes::decode(&bytes), Err(EncodingError::Version(2)));
    }

    /// What was released stays readable: these bytes are never to be changed.
    #[test]
    fn the_first_version_is_read_for_ever() {
        let bytes = [
            1, 5, 1, 2, 1, 4, 9, 1, 7, 3, 128, 128, 24, 1, 10, 0, 1, 7, b'l', b'i', b'c', b'e', b'n', b's', b'e', 7, 6,
            2, 1, 0, 1, 0, 0, 1, 6, b'f', b'a', b'r', b'm', 0, b'a', 1, 1, 0, 7, 3, 128, 128, 24, 0, 1, 1, 1, 1, 1, 2,
        ];
        assert_eq!(Changes::decode(&bytes), Ok(sample()));
        assert_eq!(sample().encode(), bytes);
    }

    proptest! {
        #[test]
        fn noise_never_panics(mut noise in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Changes::decode(&noise);
            if let Some(first) = noise.first_mut() {
                *first = VERSION;
            }
            let _ = Changes::decode(&noise);
        }
    }
}
