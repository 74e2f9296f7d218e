//! What the hub answers, to programs over its socket and to people: one shape for both.

mod following;

pub(crate) use following::{DatabaseStanding, Follow, FollowState, WriteBack, WriteBacks};
use headland_api::demand::Consistency;
use headland_shared::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How fresh an answer about models is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Freshness {
    /// Milliseconds since this was last known to be the registry's state; 0 where the registry is this hub's own, null
    /// when it is not known.
    pub(crate) age_ms: Option<u64>,
    /// The region of this hub.
    pub(crate) source: String,
    /// This life of the hub's store.
    pub(crate) epoch: String,
    /// The latest change in this, in the hub's order of changes.
    pub(crate) head: u64,
    /// How fresh an answer was asked for.
    #[serde(default)]
    pub(crate) consistency: Consistency,
    /// Whether it is so fresh.
    pub(crate) bound_holds: bool,
    /// Why not, where that was asked for as a warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<String>,
}

/// The registry, as this hub holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Registry {
    /// Which life of it.
    pub(crate) life: u32,
    /// Its latest revision.
    pub(crate) revision: u64,
}

/// One part of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Scope {
    /// Namespace and task.
    pub(crate) scope: String,
    /// Models that it holds.
    pub(crate) models: u64,
    /// Its latest change, in the hub's order of changes.
    pub(crate) head: u64,
    /// Up to where something was forgotten: who is further behind copies everything.
    pub(crate) floor: u64,
    /// The digest of what it holds, in hexadecimal.
    pub(crate) digest: String,
    /// Agents that follow it.
    pub(crate) agents: u64,
    /// Agents of these that are proven to hold what the hub holds.
    pub(crate) agents_proven_in_sync: u64,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Agent {
    /// Its name.
    pub(crate) name: String,
    /// The cursor: up to here all that it follows is applied and durable there, in the hub's order of changes.
    pub(crate) acknowledged: u64,
    /// The lag: changes of the hub since then.
    pub(crate) behind: u64,
    /// Whether what it last acknowledged was what the hub holds, by digest; null while that is not known.
    pub(crate) proven: Option<bool>,
    /// Milliseconds since the hub last heard of it.
    pub(crate) heard_ms_ago: u64,
    /// What it follows: patterns of namespace and task.
    pub(crate) follow: Vec<String>,
    /// What its device says of itself: `labels` and `facts`.
    pub(crate) device: serde_json::Value,
    /// Milliseconds since two stores were found to speak under this name, so that the hub takes no writes from it.
    pub(crate) fenced_ms_ago: Option<u64>,
}

/// A page of agents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Agents {
    /// The agents, by name.
    pub(crate) agents: Vec<Agent>,
    /// What to ask for the next page with; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_page_token: Option<String>,
    /// How many agents there are in all.
    pub(crate) enrolled: u64,
}

/// One agent by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OneAgent {
    /// The agent.
    pub(crate) agent: Agent,
}

/// One commit of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Commit {
    /// Its place in the hub's order of changes; what a revert names.
    pub(crate) seq: u64,
    /// Its place in the registry's own order.
    pub(crate) revision: u64,
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// `import`, `put`, `revert`, `follow` or `database`.
    pub(crate) kind: String,
    /// Of what: files, an element of a model, a seq, a seq of the leading hub, or a position of the database's log.
    pub(crate) of: String,
    /// Models that were new.
    pub(crate) new: u64,
    /// Models that changed.
    pub(crate) changed: u64,
    /// Models that were withdrawn.
    pub(crate) gone: u64,
}

/// What the registry says of one element, by the name that a body has it under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum ElementValue {
    /// The version that is meant; of an alias a list of versions and labels too.
    Version(Value),
    /// The outcome of an approval.
    Status(Value),
}

/// What the registry says of one element, with the tag that setting it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ElementTold {
    #[serde(flatten)]
    pub(crate) value: ElementValue,
    /// The tag, as the header `ETag` has it.
    pub(crate) etag: String,
}

/// An element that was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WasPut {
    /// Whose model.
    pub(crate) namespace: String,
    /// The model's name.
    pub(crate) name: String,
    /// What the registry says now.
    #[serde(flatten)]
    pub(crate) part: ElementTold,
    /// The commit's place in the hub's order of changes; null when the registry said this already.
    pub(crate) seq: Option<u64>,
}

/// How far a request is that sets something in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RequestState {
    /// It is under way.
    Running,
    /// It is committed, and this hub does not show it yet.
    Committed,
    /// It is committed, and shown.
    Done,
    /// It was not done, and will not be.
    NotDone,
    /// Nobody knows whether it was done.
    Unknown,
}

/// What became of a request that sets something in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RequestTold {
    /// Its name.
    pub(crate) request: String,
    /// How far it is.
    pub(crate) state: RequestState,
    /// Why, where that needs a word.
    pub(crate) detail: Option<String>,
    /// Whose model; null of a request that was made elsewhere.
    pub(crate) namespace: Option<String>,
    /// The model.
    pub(crate) name: Option<String>,
    /// What of the model.
    pub(crate) element: Option<String>,
    /// The tag of what it set, once it is done; null when something else was said since and that is not known.
    pub(crate) etag: Option<String>,
    /// The commit's place in the hub's order of changes; null before it is done, and when nothing visible has changed.
    pub(crate) seq: Option<u64>,
}

/// The registry's commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct History {
    /// The commits, the latest first.
    pub(crate) commits: Vec<Commit>,
}

/// A note, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Note {
    /// Whose model.
    pub(crate) namespace: String,
    /// The model's name.
    pub(crate) name: String,
    /// The note's name.
    pub(crate) id: String,
    /// Who wrote it.
    pub(crate) author: String,
    /// When, in milliseconds since 1970 by the author's clock.
    pub(crate) at_ms: u64,
    /// What of the model it is about.
    pub(crate) subject: Option<String>,
    /// The note.
    pub(crate) text: String,
}

/// Notes on all models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Notes {
    /// The notes, the latest first.
    pub(crate) annotations: Vec<Note>,
}

/// What was counted since the hub started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct CountsStatus {
    /// Frames that could not be used.
    pub(crate) frames_refused: u64,
    /// Greetings of agents that were answered.
    pub(crate) hellos: u64,
    /// Greetings that were put off, since more agents greeted than could be answered soon.
    pub(crate) hellos_put_off: u64,
    /// Greetings that were passed over for later ones of the same agent.
    pub(crate) hellos_overtaken: u64,
    /// Greetings that wanted the registry's present state and were answered with it.
    #[serde(default)]
    pub(crate) hellos_present: u64,
    /// Greetings that wanted it and were answered without, since it could not be had in time.
    #[serde(default)]
    pub(crate) hellos_present_late: u64,
    /// Catch-ups that bring everything.
    pub(crate) snapshots: u64,
    /// Catch-ups that sent only what a comparison found to differ.
    pub(crate) repairs: u64,
    /// Records that comparisons have found to differ.
    pub(crate) records_found_to_differ: u64,
    /// Agents that were told that their store went back in time or is a copy.
    pub(crate) agents_went_back: u64,
    /// Names under which two stores were found to speak.
    pub(crate) names_fenced: u64,
    /// Times this hub found that it went back in time.
    pub(crate) times_restored: u64,
    /// Writes of agents that were stored.
    pub(crate) writes: u64,
    /// Writes of agents that the schema or a limit forbade.
    pub(crate) writes_refused: u64,
    /// Live batches that were published.
    pub(crate) batches: u64,
    /// Frames of urgent facts that were published.
    pub(crate) urgent: u64,
    /// Acknowledgements whose digest was not the hub's.
    pub(crate) digest_mismatches: u64,
    /// Frames that found no room, on their way in or out.
    pub(crate) frames_dropped: u64,
}

/// What the link to the broker carried since the hub started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LinkStatus {
    /// Times it came up.
    pub(crate) sessions: u64,
    /// Frames that arrived.
    pub(crate) frames_in: u64,
    /// Bytes in those frames.
    pub(crate) bytes_in: u64,
    /// Frames that were sent.
    pub(crate) frames_out: u64,
    /// Bytes in those frames.
    pub(crate) bytes_out: u64,
}

/// What waits for the replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Queue {
    /// Frames that are taken and not worked off.
    pub(crate) frames: u64,
    /// Bytes in frames that are not worked off.
    pub(crate) bytes: u64,
}

/// What there is to say of a hub that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Running {
    /// The broker, while the link to it is up.
    pub(crate) broker: Option<String>,
    /// What went wrong with the store last, until it works again.
    pub(crate) trouble: Option<String>,
    /// Milliseconds since the hub started.
    pub(crate) uptime_ms: u64,
    /// What was counted.
    pub(crate) counts: CountsStatus,
    /// What the link carried.
    pub(crate) link: LinkStatus,
    /// What waits for the replica.
    pub(crate) queue: Queue,
    /// What came of requests to set an element since the hub started: how many of each outcome, which is `done`, `accepted`
    /// or the kind of the problem.
    #[serde(default)]
    pub(crate) puts: BTreeMap<String, u64>,
    /// How long all of them took, in milliseconds.
    #[serde(default)]
    pub(crate) puts_ms: u64,
    /// How often the registry's present state was wanted since the hub started, and what came of that.
    #[serde(default)]
    pub(crate) present: Vec<PresentWaits>,
}

/// How often the registry's present state was wanted for something, and what came of that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PresentWaits {
    /// For what: `read`, a strong read at this hub; `put`, setting an element in a database; `hub`, a hub that follows this one.
    pub(crate) wanted_for: String,
    /// How often it was had.
    pub(crate) had: u64,
    /// How often it could not be had.
    pub(crate) refused: u64,
    /// How long all those took that had it, in milliseconds.
    pub(crate) had_ms: u64,
}

/// How the hub is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Status {
    /// The region that it serves.
    pub(crate) region: String,
    /// Whether it runs; if not, this was read from its store.
    pub(crate) running: bool,
    /// The program's version.
    pub(crate) version: String,
    /// This life of the hub's store.
    pub(crate) epoch: String,
    /// The latest change, in the hub's order of changes.
    pub(crate) head: u64,
    /// The registry.
    pub(crate) registry: Registry,
    /// How the following of another hub's registry stands; absent where the registry is this hub's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) follow: Option<Follow>,
    /// How what devices wrote reaches the registry; absent where it is not written back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) writeback: Option<WriteBack>,
    /// How what devices wrote reaches Headland's own tables; absent where it is not written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tables: Option<WriteBack>,
    /// Models held.
    pub(crate) models: u64,
    /// The digest of all that is held, in hexadecimal.
    pub(crate) digest: String,
    /// The parts of the catalogue.
    pub(crate) scopes: Vec<Scope>,
    /// The agents, by name.
    pub(crate) agents: Vec<Agent>,
    /// Agents that are proven to hold what the hub holds.
    pub(crate) agents_proven_in_sync: u64,
    /// Milliseconds since this hub found that it went back in time, while nobody has confirmed what it holds.
    pub(crate) restored_ms_ago: Option<u64>,
    /// What there is to say of a hub that runs; absent of one that does not.
    #[serde(flatten)]
    pub(crate) live: Option<Running>,
}
