//! Rows: what single values and table rows say, byte by byte.

use headland_host::tables::StoreError;
use headland_shared::bytes::{DecodeError, Reader, put_bytes, put_varint};
use headland_shared::digest::Digest;
use headland_shared::epoch::{Epoch, Head, Mark, Position, Seq};
use headland_shared::message::{Plan, Welcome};
use headland_shared::scope::Scope;
use serde::{Deserialize, Serialize};

pub(super) const ACTOR: &[u8] = b"actor";
pub(super) const PLACED: &[u8] = b"placed";
pub(super) const STAGED: &[u8] = b"staged";
pub(super) const LAST_DOT: &[u8] = b"last_dot";
pub(super) const LAST_STAMP: &[u8] = b"last_stamp";
pub(super) const STORED: &[u8] = b"stored";
pub(super) const FOLLOW: &[u8] = b"follow";
pub(super) const TOKEN: &[u8] = b"token";
pub(super) const STAGED_UNDER: &[u8] = b"staged_under";
pub(super) const AS_OF: &[u8] = b"as_of";
pub(super) const FILTER: &[u8] = b"filter";
pub(super) const DIGESTS: &[u8] = b"digests";
pub(super) const FOUND: &[u8] = b"found";

/// Where the agent stands. Rewritten whole in each transaction that applies something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Whose history.
    pub epoch: Epoch,
    /// The latest commit applied in any scope.
    pub head: Head,
    /// Up to here every followed scope is applied.
    pub base: Seq,
    /// The registry position that the hub had reached when this was last applied.
    pub registry: Position,
    /// The region of the hub.
    pub region: String,
}

/// What the parts in the staging table are parts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedHead {
    /// Whose history.
    pub epoch: Epoch,
    /// Whether it is to replace everything.
    pub snapshot: bool,
    /// The hub's head when it began.
    pub started: Seq,
    /// Up to where parts are held.
    pub to: Mark,
    /// How many parts are held.
    pub parts: u32,
}

impl StagedHead {
    /// The head of a catch-up that begins or goes on with this answer.
    #[must_use]
    pub fn of(welcome: &Welcome) -> Self {
        Self {
            epoch: welcome.epoch,
            snapshot: welcome.plan == Plan::Snapshot,
            started: welcome.started,
            to: welcome.resume,
            parts: 0,
        }
    }
}

/// A scope as the agent holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeRow {
    /// The scope.
    pub scope: Scope,
    /// Whether the agent follows it.
    pub followed: bool,
    /// Up to where it is applied, where that is beyond the base.
    pub cursor: Seq,
    /// The digest of what it holds.
    pub digest: Digest,
}

impl ScopeRow {
    pub(super) fn encoded(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.followed)];
        put_varint(&mut out, self.cursor.0);
        out.extend_from_slice(&self.digest.0.to_be_bytes());
        put_bytes(&mut out, &self.scope.encoded());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let followed = reader.byte()? == 1;
        let cursor = Seq(reader.varint()?);
        let high = reader.u64_be()?;
        let low = reader.u64_be()?;
        Ok(Self {
            followed,
            cursor,
            digest: Digest(u128::from(high) << 64 | u128::from(low)),
            scope: Scope::decode(reader.bytes(256)?)?,
        })
    }
}

pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("plain data always serialises")
}

pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|error| StoreError::corrupt("meta-1", error))
}
