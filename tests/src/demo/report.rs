//! The report: what a newcomer should take away, and what a script can check.

use serde::Serialize;

/// What one release brought.
#[derive(Debug, Clone, Serialize)]
pub struct ReleaseReport {
    /// Its name.
    pub name: String,
    /// Models that were new.
    pub new: u64,
    /// Models of which an attribute changed.
    pub changed: u64,
    /// Models that were withdrawn.
    pub removed: u64,
}

/// What the demo saw.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Models at the end.
    pub records: u64,
    /// Agents.
    pub agents: usize,
    /// Agents of these whose link was cut.
    pub agents_cut_off: usize,
    /// The releases that came while links were cut.
    pub releases: Vec<ReleaseReport>,
    /// Bytes to each agent since the links were cut, everything on the TCP connection counted.
    pub bytes_down_per_agent: Vec<u64>,
    /// Bytes from each agent, likewise.
    pub bytes_up_per_agent: Vec<u64>,
    /// What the same releases cost an agent as whole JSON files with zstd.
    pub bytes_full_json_zstd: u64,
    /// Seconds from the return of the links until all were equal.
    pub seconds_to_converge: f64,
    /// Notes that cut-off agents wrote.
    pub annotations_written: u64,
    /// Notes of these that the hub has.
    pub annotations_at_hub: u64,
    /// Notes of these that every agent shows.
    pub annotations_at_agents: u64,
    /// Uses counted by cut-off agents.
    pub usage_counted: u64,
    /// Uses of these that the hub has.
    pub usage_at_hub: u64,
    /// Withdrawn models that an agent still showed at the end.
    pub resurrected: u64,
    /// Models read at the agents throughout.
    pub models_read: u64,
    /// Reads of these in which a model showed a mixture of two releases.
    pub bad_views: u64,
    /// The hub's digest.
    pub digest: String,
    /// Whether every agent's digest is the hub's.
    pub digests_equal: bool,
    /// Whether everything is equal, nothing lost and nothing back.
    pub converged: bool,
    /// Seconds of the whole demo.
    pub seconds: f64,
    /// Commands to try on the running fleet.
    #[serde(skip)]
    pub try_these: Vec<String>,
}

impl Report {
    /// Whether the demo showed what it promises.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.converged
            && self.digests_equal
            && self.resurrected == 0
            && self.bad_views == 0
            && self.annotations_at_hub == self.annotations_written
            && self.annotations_at_agents == self.annotations_written
            && self.usage_at_hub == self.usage_counted
    }
}

/// Bytes as people say them.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1_000.0),
        _ => format!("{:.1} MB", count as f64 / 1_000_000.0),
    }
}
