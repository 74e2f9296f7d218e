//! What the agent answers, to programs over its socket and to people: one shape for both.
//!
//! A model is generic: the agent answers with [`headland_shared::view::Model`], a reader takes what it needs.

mod build;
mod watching;

pub(crate) use build::{Answers, WALL_CLOCK_SET_MS};
pub use headland_api::demand::{Consistency, OnStale};
pub(crate) use headland_api::demand::{Demand, Stale};
pub(crate) use watching::{Told, Watching};

use serde::{Deserialize, Serialize};

/// Where the session with the hub stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PhaseName {
    /// No link.
    Offline,
    /// A link, and no answer yet.
    Greeting,
    /// What was missed is coming.
    CatchingUp,
    /// In step with the hub, as far as is known.
    Live,
}

/// What an age was measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AgeBasis {
    /// A clock that never goes back: the answer is never older than it says.
    Monotonic,
    /// The wall clock, across a boot: as right as that clock.
    WallClock,
}

/// How far an answer can be trusted to be new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Freshness {
    /// Milliseconds since this was last known to be the registry's state; null when that is not known.
    pub age_ms: Option<u64>,
    /// What the age was measured by.
    pub age_basis: Option<AgeBasis>,
    /// Where the session with the hub stands.
    pub phase: PhaseName,
    /// The moment at which this was last known to be the registry's state, by this device's clock, in UTC; null when
    /// the age is not known or the clock was not set.
    #[serde(default)]
    pub as_of: Option<String>,
    /// The region of the hub from which this is; null before the first contact.
    #[serde(default)]
    pub source: Option<String>,
    /// How fresh an answer was asked for.
    #[serde(default)]
    pub consistency: Consistency,
    /// The greatest age that was asked for, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_staleness_ms: Option<u64>,
    /// Whether the answer is as fresh as was asked for.
    #[serde(default = "yes")]
    pub bound_holds: bool,
    /// Why it is not, where an answer was wanted all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

const fn yes() -> bool {
    true
}

/// One model, and how fresh that is.
pub type One<M> = headland_api::answer::One<M, Freshness>;
/// A page of models, and how fresh that is.
pub type Listing<M> = headland_api::answer::Listing<M, Freshness>;
/// Part of a model, and how fresh that is.
pub type Facts<P> = headland_api::answer::Facts<P, Freshness>;

/// A note that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct NoteWritten {
    /// Its name.
    pub id: String,
}

/// What this device has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counted {
    /// What it added up.
    pub added: u64,
    /// What it took back.
    pub removed: u64,
}

/// What this device has said of a model's availability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reported {
    /// What; null when it took back what it had said.
    pub reported: Option<String>,
}

/// The hub that the link is up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Hub {
    /// Its broker's address.
    pub broker: String,
    /// Its region.
    pub region: String,
}

/// Why there is no link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Lost {
    /// The broker that was tried.
    pub broker: String,
    /// What went wrong.
    pub reason: String,
    /// When it is tried again, in milliseconds from now.
    pub retry_in_ms: u64,
}

/// How much of the budget of bytes is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BudgetStatus {
    /// Bytes that any 24 hours may carry, both ways.
    pub bytes_per_day: u64,
    /// Bytes that the last 24 hours of running time have carried, rounded up to hours.
    pub carried_bytes: u64,
    /// What there is enough for.
    pub allows: Allows,
    /// For how long notes have to wait, in milliseconds; null if they need not.
    pub notes_wait_ms: Option<u64>,
    /// For how long all else has to wait that is not urgent, in milliseconds; null if it need not.
    pub rest_wait_ms: Option<u64>,
    /// How often something was held back since the start.
    pub held: u64,
}

/// What a budget of bytes has enough for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Allows {
    /// Everything.
    Everything,
    /// All but notes, and questions whether all is the same.
    NotNotes,
    /// What is urgent alone.
    UrgentOnly,
}

/// One part of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ScopeStatus {
    /// Namespace and task.
    pub scope: String,
    /// Up to where it is applied, in the hub's order of changes.
    pub cursor: u64,
    /// The digest of what is held of it, in hexadecimal.
    pub digest: String,
}

/// What the hub last said of the state that this agent acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProofStatus {
    /// Whether it is the hub's own.
    pub equal: bool,
    /// How long ago it said so, in milliseconds.
    pub ms_ago: u64,
}

/// A store that was found damaged, and what came of the own writes in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RescuedStatus {
    /// When, by this device's clock, in milliseconds since 1970.
    pub at_ms: u64,
    /// What the damaged file is called now, beside the store.
    pub file: String,
    /// Own writes that were carried over into this store.
    pub writes: u64,
    /// Rows of own writes that could not be understood. Those that could not even be found are not counted.
    pub unreadable: u64,
}

/// What was counted since the agent started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CountsStatus {
    /// Messages that could not be used.
    pub frames_refused: u64,
    /// Catch-ups that were applied.
    pub catch_ups: u64,
    /// Catch-ups of these that brought everything.
    pub snapshots: u64,
    /// Catch-ups of these that sent only what a comparison found to differ.
    #[serde(default)]
    pub repairs: u64,
    /// Times the hub held something else where it should hold the same.
    #[serde(default)]
    pub digest_mismatches: u64,
    /// Times this store went back in time, or was found to be a copy, and began a new life.
    #[serde(default)]
    pub lives: u64,
    /// Live changes that were applied, in groups.
    pub live_groups: u64,
    /// Records that changed, came or went.
    pub records_changed: u64,
    /// Resyncs put off since they would have deleted much.
    pub resyncs_held: u64,
    /// Urgent facts that were known ahead of the feed.
    pub urgent: u64,
    /// Urgent facts that were left to the feed for want of room.
    pub urgent_left: u64,
}

/// What the link carried since the agent started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LinkStatus {
    /// Times it came up.
    pub sessions: u64,
    /// Frames that arrived.
    pub frames_in: u64,
    /// Bytes in those frames.
    pub bytes_in: u64,
    /// Frames that were sent.
    pub frames_out: u64,
    /// Bytes in those frames.
    pub bytes_out: u64,
    /// Frames that arrived and found no room.
    pub dropped_in: u64,
    /// Frames that could not be sent.
    pub dropped_out: u64,
    /// Bytes both ways with all that MQTT, TCP and IP add, as far as a program can know them.
    #[serde(default)]
    pub wire_bytes: u64,
}

/// How the agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status {
    /// The device's name.
    pub name: String,
    /// Who writes here: the name, and which life of the store.
    pub actor: String,
    /// The program's version.
    pub version: String,
    /// Whether the agent runs; if not, this was read from its store.
    pub running: bool,
    /// Milliseconds since it started.
    pub uptime_ms: Option<u64>,
    /// How old the catalogue may be.
    #[serde(flatten)]
    pub freshness: Freshness,
    /// How long the phase lasts, in milliseconds.
    pub phase_for_ms: Option<u64>,
    /// Whether everything known of is here, and everything written here is there.
    pub settled: bool,
    /// What the hub last said of the state here; nothing before it has said anything.
    #[serde(default)]
    pub proof: Option<ProofStatus>,
    /// Whether the hub takes no writes from this name, since two stores speak under it.
    #[serde(default)]
    pub fenced: bool,
    /// What became of a store before this one that was found damaged; nothing where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rescued: Option<RescuedStatus>,
    /// The hub that the link is up to.
    pub hub: Option<Hub>,
    /// Why there is no link.
    pub lost: Option<Lost>,
    /// The kind of link that the agent behaves for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// In how many milliseconds the device wakes, while it sleeps between contacts.
    #[serde(default)]
    pub wakes_in_ms: Option<u64>,
    /// How much of the budget of bytes is left; null without a budget.
    #[serde(default)]
    pub budget: Option<BudgetStatus>,
    /// What went wrong last, until all is well again.
    pub trouble: Option<String>,
    /// What is followed.
    pub follow: Vec<String>,
    /// Of that, the models that are held whole; nothing: all.
    pub filter: Option<String>,
    /// Models held.
    pub models: u64,
    /// Models that are followed, and left out by the filter.
    pub left_out: u64,
    /// Urgent facts held ahead of the feed.
    pub urgent_ahead: u64,
    /// Elements written here that the hub has not stored yet.
    pub pending_writes: u64,
    /// The sum of the digests of all scopes that are followed, in hexadecimal.
    pub digest: String,
    /// The scopes that are followed.
    pub scopes: Vec<ScopeStatus>,
    /// The hub's history that this follows.
    pub epoch: Option<String>,
    /// The latest change applied, in the hub's order of changes.
    pub head: Option<u64>,
    /// How often the catalogue has changed since the start.
    pub changes: u64,
    /// What was counted.
    pub counts: CountsStatus,
    /// What the link carried.
    pub link: LinkStatus,
}

/// What one round with the hub brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Synced {
    /// The hub's broker.
    pub hub: String,
    /// Models that changed, came or went.
    pub records_changed: u64,
    /// Models held now.
    pub models: u64,
    /// Elements written here that the hub has stored now.
    pub writes_delivered: u64,
    /// Bytes that arrived.
    pub bytes_in: u64,
    /// Bytes that were sent.
    pub bytes_out: u64,
    /// How old the catalogue may be.
    #[serde(flatten)]
    pub freshness: Freshness,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}
