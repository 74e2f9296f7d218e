//! Messages: what agents and hubs say to each other.
//!
//! Bodies are postcard, whose varints and sequences are checked against the frame's length. postcard is not
//! self-describing: the fields of a released message never change; what a newer version adds goes into `more`, a list
//! of (tag, bytes) that older versions pass over.

use crate::actor::{ActorId, Incarnation};
use crate::delta::ScopeAlias;
use crate::digest::Digest;
use crate::epoch::{Epoch, EpochTag, Head, Mark, Position, Seq};
use crate::name::Region;
use crate::scope::Follow;
use crate::urgent::Urgent;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

mod live;
pub mod more;
mod resync;

pub use live::Live;
pub use resync::{Cells, Compared, Proof, Verdict};

/// Fields of newer versions.
pub type More = Vec<(u16, Vec<u8>)>;

/// In the `more` of a heartbeat: the registry position, a life and a revision, of what is published. An agent that lacks
/// nothing has then seen the registry there, also where that is told by nothing that it holds, such as a withdrawal.
pub const MORE_REGISTRY: u16 = 1;

/// Where an agent stands in a hub's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Whose history.
    pub epoch: Epoch,
    /// The latest commit that is applied in any scope, with its lineage.
    pub head: Head,
    /// Up to here every followed scope is applied.
    pub base: Seq,
    /// Scopes that are applied further than that.
    pub ahead: Vec<(ScopeAlias, Seq)>,
}

/// A catch-up that was broken off, whose parts are held durably.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// Of which epoch.
    pub epoch: EpochTag,
    /// Whether it was to replace everything.
    pub snapshot: bool,
    /// The hub's head when the catch-up began.
    pub started: Seq,
    /// Up to where the parts are held.
    pub to: Mark,
}

/// Agent to hub: here I am, there I stand, this is new from me.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Comes back in the answer, so that an old answer is not taken for a new one.
    pub nonce: u64,
    /// Who speaks.
    pub actor: ActorId,
    /// The longest frame that the agent takes, in bytes.
    pub frame_bytes_max: u32,
    /// What it follows.
    pub follow: Vec<Follow>,
    /// Where it stands; nothing when it is fresh.
    pub place: Option<Place>,
    /// What it holds of a catch-up that was broken off.
    pub staged: Option<Staged>,
    /// The registry position that it has seen: a hub that is behind it must not answer as if it were whole.
    pub registry: Position,
    /// Its new writes, as many as fit.
    pub upload: Option<Upload>,
    /// Fields of newer versions.
    pub more: More,
}

/// Agent to hub: writes of the agent's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Which life of the agent wrote.
    pub incarnation: Incarnation,
    /// The epoch whose numbers the body uses.
    pub epoch: EpochTag,
    /// Writes up to this dot went before.
    pub prev: u64,
    /// Writes up to this dot are in here; those that are not listed were overtaken by later ones.
    pub to: u64,
    /// The writes: see [`crate::upload`].
    pub body: Vec<u8>,
}

/// Agent to hub: writes of the agent's own, with what shows that its history is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chained {
    /// The writes.
    pub upload: Upload,
    /// Fields: [`more::Links`], and those of newer versions.
    pub more: More,
}

/// Agent to hub: applied and durable up to here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Whose history.
    pub epoch: EpochTag,
    /// Up to here every followed scope is applied.
    pub base: Seq,
    /// Scopes that are applied further than that.
    pub ahead: Vec<(ScopeAlias, Seq)>,
    /// The sum of the digests of all followed scopes.
    pub digest: Digest,
    /// Fields of newer versions.
    pub more: More,
}

/// Agent to hub: go on with the catch-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoOn {
    /// The nonce of the hello that began it.
    pub nonce: u64,
    /// Parts up to here are held.
    pub staged_to: Mark,
    /// Whether parts after that were lost and must be sent again.
    pub again: bool,
}

/// What an agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Up {
    /// Here I am.
    Hello(Hello),
    /// My writes.
    Upload(Upload),
    /// Applied and durable.
    Applied(Applied),
    /// Go on with the catch-up.
    GoOn(GoOn),
    /// What is held here, to be compared.
    Cells(Cells),
    /// My writes, and that they are of one history.
    Chained(Chained),
}

/// How a hub brings an agent up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Plan {
    /// By what changed since the agent's cursors.
    Delta,
    /// By everything; what the hub does not send, the agent drops.
    Snapshot,
    /// Not now: the hub itself is behind what the agent has seen.
    Behind {
        /// When to ask again, in milliseconds.
        retry_ms: u32,
    },
    /// By what differs, once the two have been compared: the agent sends a sketch of what it holds. Only for an agent
    /// whose hello says that it can ([`more::Holds`]).
    Compare {
        /// With which it is hashed.
        salt: u64,
        /// How many cells it sends at first.
        cells: u32,
    },
}

/// Hub to agent: the answer to a hello. The parts of the catch-up follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The hello's.
    pub nonce: u64,
    /// This life of the hub.
    pub epoch: Epoch,
    /// This run of the hub.
    pub boot: u64,
    /// The hub's monotonic clock, in milliseconds.
    pub hub_ms: u64,
    /// On that clock, when the hub last knew the registry's head.
    pub as_of_ms: u64,
    /// The region that the hub serves.
    pub region: Region,
    /// The registry position that the hub has reached.
    pub registry: Position,
    /// Whether the hub has all that the registry has: only then may a resync delete much.
    pub complete: bool,
    /// How often the hub sends heartbeats, in milliseconds.
    pub heartbeat_ms: u32,
    /// The longest live batch, in bytes; an agent with smaller frames asks instead.
    pub live_bytes_max: u32,
    /// What comes.
    pub plan: Plan,
    /// The head at which this catch-up began, perhaps in an earlier session.
    pub started: Seq,
    /// Parts up to here are taken to be held by the agent already.
    pub resume: Mark,
    /// What became of the upload.
    pub stored: Option<Stored>,
    /// Fields of newer versions.
    pub more: More,
}

/// Hub to agent: your writes are durable here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Of which life of the agent.
    pub incarnation: Incarnation,
    /// All dots up to this one are stored.
    pub through: u64,
    /// Dots that were not taken, since the schema or a limit forbids them.
    pub refused: Vec<u64>,
    /// Fields of newer versions.
    pub more: More,
}

/// Hub to agent: one part of a catch-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The hello's.
    pub nonce: u64,
    /// It follows on what is held up to here.
    pub from: Mark,
    /// It brings what is held up to here.
    pub to: Mark,
    /// On the last part alone: where the catch-up ends.
    pub end: Option<Head>,
    /// The delta.
    pub delta: Vec<u8>,
}

/// Hub to everybody: what changed in one scope, live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Whose history.
    pub epoch: EpochTag,
    /// The scope.
    pub scope: ScopeAlias,
    /// It holds all changes after this one ...
    pub prev: Seq,
    /// ... up to this one, with its lineage.
    pub to: Head,
    /// The other scopes that the same commits touched, each with the `prev` of its batch.
    pub touched: Vec<(ScopeAlias, Seq)>,
    /// Other scopes that changed since `prev`, with their heads: what an agent follows of them it must have first, so
    /// that it never sees a later commit without an earlier one.
    pub after: Vec<(ScopeAlias, Seq)>,
    /// The delta; nothing when it is too long for a live batch and must be asked for.
    pub delta: Option<Vec<u8>>,
}

/// Hub to everybody: alive, and this is where I stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Whose history.
    pub epoch: EpochTag,
    /// This run of the hub.
    pub boot: u64,
    /// The hub's monotonic clock, in milliseconds.
    pub hub_ms: u64,
    /// On that clock, when the hub last knew the registry's head.
    pub as_of_ms: u64,
    /// The seq of the last change that was published in each scope.
    pub heads: Vec<(ScopeAlias, Seq)>,
    /// Fields of newer versions.
    pub more: More,
}

/// Why a hub does not do what an agent asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No catch-up with that nonce is under way: say hello.
    UnknownTransfer,
    /// The upload does not follow on what is stored, or uses numbers of another epoch: see `through`.
    UploadGap,
}

/// Hub to agent: not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why.
    pub refusal: Refusal,
    /// All dots of the agent up to this one are stored.
    pub through: u64,
}

/// What a hub says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Down {
    /// The answer to a hello.
    Welcome(Welcome),
    /// A part of a catch-up.
    Part(Part),
    /// Your writes are durable.
    Stored(Stored),
    /// What changed, live, as earlier hubs said it.
    Batch(Batch),
    /// What changed, live.
    Live(Live),
    /// Alive.
    Heartbeat(Heartbeat),
    /// Not so.
    Refused(Refused),
    /// What became of a comparison.
    Compared(Compared),
    /// Whether an acknowledged state is the hub's.
    Proof(Proof),
    /// What is urgent, ahead of its batch.
    Urgent(Urgent),
}
