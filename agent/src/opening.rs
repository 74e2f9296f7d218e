//! Opening the store and the replica on it.

use crate::replica::{Replica, ReplicaConfig};
use crate::rescue;
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
use redb::Database;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
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

impl OpeningError {
    /// Whether the file was a store once, and is not whole any more.
    fn is_damage(&self) -> bool {
        match self {
            Self::File(error) => matches!(error, OpenError::Damaged { .. }),
            Self::Store(StoreError::Corrupt { .. }) => true,
            Self::Store(StoreError::Engine(error)) => matches!(**error, redb::Error::Corrupted(_)),
            Self::Store(_) | Self::Random(_) | Self::Missing(_) => false,
        }
    }
}

impl From<OpeningError> for Failure {
    fn from(error: OpeningError) -> Self {
        match error {
            OpeningError::File(OpenError::Damaged { .. }) => Self::failed(format!(
                "{error}; start `headland-agent run`, which moves it aside and begins anew with what was written here"
            )),
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
    group_commits: bool,
    budget: Option<NonZeroU64>,
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
            group_commits: settings.manners().group_commits,
            budget: settings.link.budget_bytes_per_day,
        }
    }

    /// Opens the store, checked as a whole, or makes it.
    pub(crate) fn store(&self) -> Result<Store, OpeningError> {
        let open = || store_file::open_checked(&self.path, self.cache_bytes);
        self.store_on(store_file::when_let_go(open)?)
    }

    fn store_on(&self, database: Database) -> Result<Store, OpeningError> {
        let random = getrandom::u64().map_err(OpeningError::Random)?;
        let (path, cache_bytes) = (self.path.clone(), self.cache_bytes);
        let first = Mutex::new(Some(database));
        let open = move || match first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(database) => Ok(database),
            None => store_file::open(&path, cache_bytes).map_err(again),
        };
        Ok(Store::open(open, &self.name, random)?)
    }

    /// Makes a new store beside the one that is there, for `fill` to fill before it is closed.
    pub(crate) fn make_aside<T>(&self, fill: impl FnOnce(&Store) -> Result<T, StoreError>) -> Result<T, OpeningError> {
        let store = self.store_on(store_file::make_aside(&self.path, self.cache_bytes)?)?;
        Ok(fill(&store)?)
    }

    /// Opens the replica on the store, or on a new one if that is damaged: see [`crate::rescue`].
    pub(crate) fn replica_in_any_case(&self) -> Result<Replica, OpeningError> {
        let open = || self.store().and_then(|store| self.replica(store));
        match open() {
            Err(error) if error.is_damage() => {
                rescue::begin_anew(self, &error)?;
                open()
            }
            other => other,
        }
    }

    /// The store file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the store for someone who only wants to look: one that is not there is not made. It is not checked, which
    /// takes several syncs of the disk.
    pub(crate) fn store_that_exists(&self) -> Result<Store, OpeningError> {
        match self.path.try_exists() {
            Ok(false) => Err(OpeningError::Missing(self.path.clone())),
            // What hinders the look will be told better by the opening.
            Ok(true) | Err(_) => self.store_on(store_file::open(&self.path, self.cache_bytes)?),
        }
    }

    /// Opens the replica on its store.
    pub(crate) fn replica(&self, store: Store) -> Result<Replica, OpeningError> {
        let seed = getrandom::u64().map_err(OpeningError::Random)?;
        let mut replica = Replica::open(store, self.config.clone(), seed, now())?;
        replica.describe(&self.device);
        if self.group_commits {
            replica.group_commits();
        }
        if let Some(limit) = self.budget {
            replica.keep_within(limit, now())?;
        }
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
