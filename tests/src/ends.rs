//! The two ends of a conversation as tests begin with them that carry the frames themselves: the replicas of a hub and
//! an agent, always the same ones.

use headland_agent::replica::ReplicaConfig as AgentConfig;
use headland_hub::replica::{Replica as Hub, ReplicaConfig as HubConfig};
use headland_hub::store::Store as HubStore;
use headland_shared::name::Region;
use headland_shared::session::agent::Timing;
use headland_shared::session::lanes::LaneTimes;
use headland_shared::session::{Ms, Now};
use redb::Database;
use redb::backends::InMemoryBackend;

/// An empty database in memory.
#[must_use]
pub fn memory() -> Database {
    let created = Database::builder().create_with_backend(InMemoryBackend::new());
    created.expect("memory has room for an empty database")
}

/// So many milliseconds after the beginning.
#[must_use]
pub const fn at(ms: Ms) -> Now {
    Now {
        mono: 1_000 + ms,
        wall_ms: 1_760_000_000_000 + ms,
    }
}

/// A hub's configuration.
#[must_use]
pub fn hub_config() -> HubConfig {
    HubConfig {
        region: Region::new("main").expect("a plain word is a valid region"),
        lanes: LaneTimes::default(),
        heartbeat_ms: 5_000,
        live_bytes_max: 65_536,
        retention_ms: 1_000_000,
        boot: 1,
    }
}

/// The configuration of an agent that follows these scopes.
#[must_use]
pub fn agent_config(follow: &[&str]) -> AgentConfig {
    let scope = |scope: &&str| scope.parse().expect("a test names valid scopes");
    AgentConfig {
        follow: follow.iter().map(scope).collect(),
        filter: None,
        frame_bytes_max: 65_536,
        timing: Timing::default(),
        boot: 1,
    }
}

/// A hub with a new store in memory. `random` becomes its identity, and its registry's.
#[must_use]
pub fn open_hub(config: HubConfig, random: u64, seed: u64, now: Now) -> Hub {
    let store = HubStore::open(|| Ok(memory()), random).expect("a store in memory opens");
    Hub::open(store, config, seed, now).expect("a hub opens on a new store")
}
