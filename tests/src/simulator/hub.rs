//! A simulated hub: its disk and, while it runs, its replica.

use super::reference::{Catalogue, HERE, records};
use crate::disk::Disk;
use headland_hub::registry::{ImportOptions, Removals, import};
use headland_hub::replica::{CommitError, Output, Replica, ReplicaConfig};
use headland_hub::store::Store;
use headland_shared::actor::ActorId;
use headland_shared::epoch::Position;
use headland_shared::name::{AttributeName, Region, ReplicaName};
use headland_shared::schema::{Declaration, Kind, Priority, Residency, Rule, Tier, Writers};
use headland_shared::session::lanes::LaneTimes;
use headland_shared::session::{Jitter, Ms, Now};
use headland_shared::view::Model;
use std::collections::BTreeMap;

const CACHE_BYTES: usize = 1024 * 1024;
/// Shorter than the longest cut: some agents return from below the floor.
pub(super) const RETENTION_MS: u64 = 90_000;

/// The hub that leads: the registry's own.
pub(super) const LEADER: usize = 0;
/// The hub that follows the registry of the other one.
pub(super) const FOLLOWER: usize = 1;
/// The regions that they serve, which are their names here.
pub(super) const REGIONS: [&str; 2] = ["north", "south"];

/// Up to which dot a hub has said of each actor that all is durable there.
pub(super) type Acknowledged = BTreeMap<ActorId, u64>;

/// What a hub was like when its disk was copied.
#[derive(Debug, Clone)]
struct Image {
    disk: Disk,
    holds: Option<usize>,
    acknowledged: Acknowledged,
    catalogue: Catalogue,
}

#[derive(Debug)]
pub(super) struct Hub {
    /// Which hub this is.
    number: usize,
    pub(super) disk: Disk,
    pub(super) replica: Option<Replica>,
    pub(super) starts_at: Ms,
    /// The commit of the registry whose state it holds; nothing while it has heard of none.
    pub(super) holds: Option<usize>,
    pub(super) acknowledged: Acknowledged,
    image: Option<Image>,
}

impl Hub {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            disk: Disk::default(),
            replica: None,
            starts_at: 0,
            holds: None,
            acknowledged: Acknowledged::new(),
            image: None,
        }
    }

    pub(super) fn region(&self) -> Region {
        region(self.number)
    }

    pub(super) fn now(now: Ms) -> Now {
        Now {
            mono: now,
            wall_ms: 1_790_000_000_000 + now,
        }
    }

    pub(super) fn start(&mut self, now: Ms, jitter: &mut Jitter) -> Result<(), String> {
        let disk = self.disk.clone();
        let open = move || {
            Ok(redb::Database::builder()
                .set_cache_size(CACHE_BYTES)
                .create_with_backend(disk.open())?)
        };
        let store = Store::open(open, jitter.next_u64()).map_err(|error| error.to_string())?;
        let config = ReplicaConfig {
            region: self.region(),
            lanes: LaneTimes::default(),
            heartbeat_ms: 5_000,
            live_bytes_max: 65_536,
            retention_ms: RETENTION_MS,
            boot: jitter.next_u64(),
        };
        let replica = Replica::open(store, config, jitter.next_u64(), Self::now(now));
        let mut replica = replica.map_err(|error| error.to_string())?;
        if self.number == FOLLOWER {
            replica.registry_known(0);
        }
        declare(&mut replica, now).map_err(|error| error.to_string())?;
        self.replica = Some(replica);
        Ok(())
    }

    pub(super) fn crash(&mut self, jitter: &mut Jitter) {
        self.disk.crash(|| jitter.up_to(1) == 0);
        self.replica = None;
    }

    /// Everything that the hub had is gone.
    pub(super) fn wipe(&mut self) {
        self.replica = None;
        self.disk = Disk::default();
        self.holds = None;
        self.acknowledged.clear();
    }

    /// Copies the disk, and notes what the registry held then.
    pub(super) fn copy(&mut self, catalogue: &Catalogue) {
        self.image = Some(Image {
            disk: self.disk.image(),
            holds: self.holds,
            acknowledged: self.acknowledged.clone(),
            catalogue: catalogue.clone(),
        });
    }

    /// The disk is as it was when it was copied; gives what the registry held then.
    pub(super) fn go_back(&mut self) -> Option<Catalogue> {
        let image = self.image.clone()?;
        self.replica = None;
        self.disk = image.disk.image();
        self.holds = image.holds;
        self.acknowledged = image.acknowledged;
        Some(image.catalogue)
    }

    /// Where the registry stands that it holds.
    pub(super) fn registry(&self) -> Result<Position, String> {
        let Some(replica) = &self.replica else {
            return Ok(Position::default());
        };
        let numbers = replica.store().read().and_then(|views| views.numbers());
        let numbers = numbers.map_err(|error| error.to_string())?;
        Ok(match numbers.revision {
            // The life in which it would begin says nothing yet.
            0 => Position::default(),
            _ => numbers.registry(),
        })
    }

    /// Everything that it holds.
    pub(super) fn models(&self) -> Result<Vec<Model>, String> {
        let replica = self
            .replica
            .as_ref()
            .ok_or_else(|| format!("hub {} is down", self.number))?;
        let reader = headland_hub::read::Reader::new(replica.store().clone());
        let models = reader.models(&headland_hub::read::Wanted::all(None));
        models.map(|page| page.models).map_err(|error| error.to_string())
    }

    /// A person has looked at what was restored, and at who spoke twice.
    pub(super) fn confirm(&mut self) -> Result<(), String> {
        match &mut self.replica {
            Some(replica) => replica
                .confirm_restored()
                .map(|_| ())
                .map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// A person has switched one of two devices off.
    pub(super) fn unfence(&mut self, agent: &ReplicaName) -> Result<(), String> {
        match &mut self.replica {
            Some(replica) => replica.unfence(agent).map(|_| ()).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    pub(super) fn import(&mut self, catalogue: &Catalogue, now: Ms) -> Result<bool, String> {
        let Some(replica) = &mut self.replica else {
            return Ok(false);
        };
        let options = ImportOptions {
            removals: Removals::Allowed,
            register: true,
            dry_run: false,
            origin: "simulator".to_owned(),
        };
        let report = import(replica, records(catalogue), &options, Self::now(now));
        report
            .map(|report| report.seq.is_some())
            .map_err(|error| error.to_string())
    }

    pub(super) fn outputs(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        if let Some(replica) = &mut self.replica {
            outputs.extend(std::iter::from_fn(|| replica.poll()));
        }
        outputs
    }
}

pub(super) fn region(hub: usize) -> Region {
    Region::new(REGIONS[hub]).expect("a plain word is a valid region")
}

/// Declares the count that stays in the region where it was made, as whoever sets a hub up does.
fn declare(replica: &mut Replica, now: Ms) -> Result<(), CommitError> {
    let declaration = Declaration {
        kind: Kind::Number,
        rule: Rule::Counter,
        tier: Tier::Eventual,
        priority: Priority::P2,
        residency: Residency::Region,
        writers: Writers::Devices,
    };
    let name = AttributeName::new(HERE).expect("a plain word is a valid name");
    replica
        .commit(Hub::now(now), |commit| commit.declare(&name, declaration))
        .map(|_| ())
}
