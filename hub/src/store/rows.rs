//! Rows: what single values and table rows say.
//!
//! Rows are postcard of the structs here. A released struct never changes; another table or key takes what is new.

mod request;

pub use request::{ExpectedRow, PutRow, RequestRow, RequestStage};

use headland_host::tables::StoreError;
use headland_shared::delta::{AttributeAlias, Handle, ScopeAlias};
use headland_shared::digest::Digest;
use headland_shared::epoch::{Epoch, EpochTag, Head, Life, Lineage, Mark, Position, Seq};
use headland_shared::message::more::SessionToken;
use headland_shared::schema::Declaration;
use headland_shared::scope::Scope;
use headland_shared::stamp::Stamp;
use serde::{Deserialize, Serialize};

/// The hub's counters. Written with each commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Numbers {
    /// The last commit.
    pub head: Head,
    /// The registry's life.
    pub life: Life,
    /// The registry's last revision.
    pub revision: u64,
    /// The latest stamp given out.
    pub stamp: Stamp,
    /// The next record's number.
    pub next_handle: Handle,
    /// The next scope's number.
    pub next_scope: ScopeAlias,
    /// The next attribute's number.
    pub next_attribute: AttributeAlias,
    /// Below this nothing of a history can be told: the oldest lineage that is kept.
    pub oldest_lineage: Seq,
}

impl Numbers {
    /// The registry's position.
    #[must_use]
    pub const fn registry(&self) -> Position {
        Position {
            life: self.life,
            number: self.revision,
        }
    }
}

/// Where a hub stands in the order of the hub whose registry it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// Which life of the leading hub.
    pub epoch: Epoch,
    /// Up to here all that the registry said is held.
    pub head: Head,
}

/// Where a hub stands in the order of the database whose tables it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridged {
    /// The cluster's identifier.
    pub system: u64,
    /// The timeline within it.
    pub timeline: u32,
    /// The replication slot.
    pub slot: String,
    /// Up to here in the database's log everything is held.
    pub durable: u64,
    /// The life of the registry that this history is.
    pub life: Life,
    /// The last commit that was taken over: where it ended, and the transaction's number. Whoever says it again must say
    /// the same.
    pub witness: Option<(u64, u32)>,
    /// Which mapping the rows that are kept were read by.
    pub mapping: u64,
}

/// A way on which what devices wrote is written back. Each has a cursor of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlet {
    /// Tags of an MLflow.
    Mlflow,
    /// Headland's own tables in a database.
    Tables,
}

/// Up to where all that devices wrote is in the registry that it is written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenBack {
    /// The registry's address. Another one has nothing of it.
    pub target: String,
    /// The life of the registry. A later one may have lost some of it.
    pub life: Life,
    /// How far the writing has come.
    pub progress: Progress,
}

/// How far writing what has changed has come.
///
/// A record that changes moves to the end of the order of changes, with all that was not written of it. So what is
/// written of a record is all that changed after [`Self::base`], until everything that comes after it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The last commit up to which all is written.
    pub base: Seq,
    /// Up to here in the order of changes records were looked at since.
    pub mark: Mark,
}

impl Progress {
    /// All is written up to a commit.
    #[must_use]
    pub const fn whole(base: Seq) -> Self {
        Self {
            base,
            mark: Mark::after(base),
        }
    }

    /// Whether nothing more was looked at than what is written.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::whole(self.base)
    }
}

impl WrittenBack {
    /// Goes on where the writing was, if that is the same life of the same registry.
    #[must_use]
    pub fn go_on(from: Option<Self>, target: String, life: Life) -> Self {
        let same = from.filter(|from| from.target == target && from.life == life);
        same.unwrap_or(Self {
            target,
            life,
            progress: Progress::default(),
        })
    }
}

/// A scope as the hub holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeRow {
    /// The scope.
    pub scope: Scope,
    /// Its number.
    pub alias: ScopeAlias,
    /// When it began to exist.
    pub introduced: Seq,
    /// Its last change.
    pub head: Seq,
    /// The highest seq of which something was forgotten.
    pub floor: Seq,
    /// The digest of what it holds.
    pub digest: Digest,
    /// How many models it holds.
    pub models: u64,
}

/// An attribute as the hub knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttributeRow {
    /// Its number.
    pub alias: AttributeAlias,
    /// When it began to exist, or when its declaration last changed.
    pub introduced: Seq,
    /// How it behaves.
    pub declaration: Declaration,
}

/// An agent as the hub knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRow {
    /// Which of its lives spoke last.
    pub incarnation: u64,
    /// When it was last heard, in milliseconds since 1970 by the hub's clock.
    pub heard_ms: u64,
    /// The epoch of what it acknowledged.
    pub epoch: EpochTag,
    /// Up to here every scope that it follows is applied and durable there.
    pub acknowledged: Seq,
    /// What it follows.
    pub follow: Vec<String>,
    /// Whether its last digest was equal to the hub's; nothing while it was behind.
    pub proven: Option<bool>,
}

/// What is remembered of an agent's name, to tell its one store from copies of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Guard {
    /// The incarnation that is believed; zero before the first.
    pub incarnation: u64,
    /// The token of the latest welcome.
    pub present: SessionToken,
    /// The token that the agent showed for it.
    pub previous: Option<SessionToken>,
    /// Whether the agent holds the present token durably.
    pub confirmed: bool,
    /// Whether it was told that its store went back in time. A hello that was long under way is told so in vain.
    pub suspected: bool,
    /// The token by which a superseded incarnation would show that it lives.
    pub challenge: Option<SessionToken>,
    /// Incarnations that are over.
    pub superseded: Vec<u64>,
    /// Since when two stores are known to speak, in milliseconds since 1970 by the hub's clock.
    pub fenced_ms: Option<u64>,
}

/// Where a commit came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// An import of these files.
    Import(String),
    /// A revert of an earlier commit.
    Revert(u64),
    /// The registry of another hub, up to this seq of that hub's order.
    Follow(u64),
    /// A database, up to this position of its log.
    Database(u64),
    /// One element was put: which, of which model.
    Put(String),
}

/// One element's value before a commit, for a revert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// The record's key.
    pub record: Vec<u8>,
    /// The element's key.
    pub element: Vec<u8>,
    /// The encoded value before; nothing when there was none.
    pub before: Option<Vec<u8>>,
}

/// One registry commit, for the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRow {
    /// Its position in the registry's own order.
    pub revision: u64,
    /// When, in milliseconds since 1970 by the hub's clock.
    pub at_ms: u64,
    /// Where it came from.
    pub origin: Origin,
    /// Models that were new.
    pub new: u64,
    /// Models of which an attribute or a version changed.
    pub changed: u64,
    /// Models that were withdrawn.
    pub gone: u64,
}

pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("plain data always serialises")
}

pub(super) fn decode<'a, T: Deserialize<'a>>(table: &'static str, bytes: &'a [u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|error| StoreError::corrupt(table, error))
}

/// A lineage as it is kept by seq.
pub(super) fn lineage(bytes: &[u8]) -> Result<Lineage, StoreError> {
    let bytes = bytes
        .try_into()
        .map_err(|_| StoreError::corrupt("lineages-1", "not four bytes"))?;
    Ok(Lineage(u32::from_be_bytes(bytes)))
}
