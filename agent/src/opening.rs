//! Opening the store and the replica on it.

use crate::replica::{Replica, ReplicaConfig};
use crate::settings::Settings;
use crate::store::Store;
use headland_host::clock::{BootClock, wall_ms};
use headland_host::exit::Failure;
use headland_host::store_file::{self, OpenError};
use headland_host::tables::StoreError;
use headland_shared::digest::hash_128;
use headland_shared::name::ReplicaName;
use headland_shared::resolve::Description;
use headland_shared::session::Now;
use headland_shared::session::agent::Timing;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// What the kernel draws anew at each boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Why there is no replica.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpeningError {
    /// The file cannot be opened.
    #[error(transparent)]
    File(#[from] OpenError),
    /// What the file holds cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine gives no random numbers.
    #[error("opening the store: this machine gives no random numbers ({0}); check its kernel")]
    Random(getrandom::Error),
    /// Nothing was ever synced or written here.
    #[error("opening store {}: there is none yet; start `headland-agent run`, or run `headland-agent sync` once", .0.display())]
    Missing(PathBuf),
}

impl From<OpeningError> for Failure {
    fn from(error: OpeningError) -> Self {
        match error {
            OpeningError::File(error) => error.into(),
            OpeningError::Missing(_) | OpeningError::Store(StoreError::Newer { .. }) => Self::bad_input(error),
            OpeningError::Store(_) | OpeningError::Random(_) => Self::failed(error),
        }
    }
}

/// How to open this device's store.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    path: PathBuf,
    cache_bytes: usize,
    name: ReplicaName,
    device: Description,
    config: ReplicaConfig,
}

impl Opening {
    pub(crate) fn new(settings: &Settings, timing: Timing) -> Self {
        Self {
            path: settings.store.clone(),
            cache_bytes: settings.cache_bytes,
            name: settings.name.clone(),
            device: settings.device.clone(),
            config: ReplicaConfig {
                follow: settings.follow.clone(),
                filter: settings.filter.clone(),
                frame_bytes_max: settings.frame_bytes_max,
                timing,
                boot: boot(),
            },
        }
    }

    /// Opens the store, or makes it.
    pub(crate) fn store(&self) -> Result<Store, OpeningError> {
        let random = getrandom::u64().map_err(OpeningError::Random)?;
        let (path, cache_bytes) = (self.path.clone(), self.cache_bytes);
        let first = Mutex::new(Some(store_file::open(&path, cache_bytes)?));
        let open = move || match first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(database) => Ok(database),
            None => store_file::open(&path, cache_bytes).map_err(again),
        };
        Ok(Store::open(open, &self.name, random)?)
    }

    /// Opens the store for someone who only wants to look: one that is not there is not made.
    pub(crate) fn store_that_exists(&self) -> Result<Store, OpeningError> {
        match self.path.try_exists() {
            Ok(false) => Err(OpeningError::Missing(self.path.clone())),
            // What hinders the look will be told better by the opening.
            Ok(true) | Err(_) => self.store(),
        }
    }

    /// Opens the replica on its store.
    pub(crate) fn replica(&self, store: Store) -> Result<Replica, OpeningError> {
        let seed = getrandom::u64().map_err(OpeningError::Random)?;
        let mut replica = Replica::open(store, self.config.clone(), seed, now())?;
        replica.describe(&self.device);
        Ok(replica)
    }

    /// Which boot of the machine this is.
    pub(crate) fn boot(&self) -> u64 {
        self.config.boot
    }
}

/// Why the store could not be opened again after it had failed.
fn again(error: OpenError) -> StoreError {
    match error {
        OpenError::OutOfSpace { .. } => StoreError::Full,
        other => StoreError::Engine(Box::new(redb::Error::Io(std::io::Error::other(other)))),
    }
}

/// The present by this machine's clocks.
pub(crate) fn now() -> Now {
    Now {
        mono: BootClock.now_ms(),
        wall_ms: wall_ms(),
    }
}

/// Which boot of the machine this is; 0 where the kernel does not say.
fn boot() -> u64 {
    let id = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
    if id.is_empty() {
        0
    } else {
        hash_128(&[id.trim().as_bytes()]) as u64
    }
}
