//! The simulated hub: its disk and, while it runs, its replica.

use super::promises::Promises;
use super::reference::{Catalogue, records};
use crate::disk::Disk;
use headland_hub::read::Reader;
use headland_hub::registry::{ImportOptions, Removals, import};
use headland_hub::replica::{Output, Replica, ReplicaConfig};
use headland_hub::store::Store;
use headland_shared::name::{Region, ReplicaName};
use headland_shared::session::lanes::LaneTimes;
use headland_shared::session::{Jitter, Ms, Now};
use headland_shared::view::Model;

const CACHE_BYTES: usize = 1024 * 1024;
/// Shorter than the longest cut: some agents return from below the floor.
pub(super) const RETENTION_MS: u64 = 90_000;

#[derive(Debug, Default)]
pub(super) struct Hub {
    pub(super) disk: Disk,
    pub(super) replica: Option<Replica>,
    pub(super) starts_at: Ms,
    /// A copy of the disk, and what the registry held then.
    pub(super) image: Option<(Disk, Catalogue)>,
    promises: Promises,
}

impl Hub {
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
            region: Region::new("main").expect("a plain word is a valid region"),
            lanes: LaneTimes::default(),
            heartbeat_ms: 5_000,
            live_bytes_max: 65_536,
            retention_ms: RETENTION_MS,
            boot: jitter.next_u64(),
        };
        let replica = Replica::open(store, config, jitter.next_u64(), Self::now(now));
        let replica = replica.map_err(|error| error.to_string())?;
        self.promises.check(&replica)?;
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
        self.promises = Promises::default();
    }

    /// Copies the disk.
    pub(super) fn copy(&mut self, catalogue: &Catalogue) {
        self.image = Some((self.disk.image(), catalogue.clone()));
    }

    /// The disk is as it was when it was copied; gives what the registry held then.
    pub(super) fn go_back(&mut self) -> Option<Catalogue> {
        let (disk, catalogue) = self.image.clone()?;
        self.replica = None;
        self.disk = disk.image();
        self.promises = Promises::default();
        Some(catalogue)
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

    /// Everything that it shows.
    pub(super) fn models(&self) -> Result<Vec<Model>, String> {
        let replica = self.replica.as_ref().ok_or("the hub is down at the end")?;
        let page = Reader::new(replica.store().clone()).models(None, None, usize::MAX, |_| true);
        page.map(|(models, _)| models).map_err(|error| error.to_string())
    }

    pub(super) fn outputs(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        if let Some(replica) = &mut self.replica {
            outputs.extend(std::iter::from_fn(|| replica.poll()));
        }
        for output in &outputs {
            self.promises.hear(output);
        }
        outputs
    }
}
