//! Opening the store and the replica on it.

use crate::replica::{Replica, ReplicaConfig};
use crate::settings::Settings;
use crate::store::Store;
use headland_host::clock::{BootClock, wall_ms};
use headland_host::exit::Failure;
use headland_host::store_file::{self, OpenError};
use headland_host::tables::StoreError;
use headland_shared::session::Now;
use redb::Database;
use redb::backends::InMemoryBackend;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

const MS_PER_DAY: u64 = 86_400_000;

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
    /// Nothing was ever imported here.
    #[error("opening store {}: there is none yet; start `headland-hub serve`, or `headland-hub import` a file", .0.display())]
    Missing(PathBuf),
    /// Another process has the store, and its socket is silent.
    #[error(
        "opening store {store}: another process has it, and nobody listens on control socket {socket}; name the socket of the hub that runs, or stop that process"
    )]
    Silent {
        /// The store.
        store: String,
        /// The socket.
        socket: String,
    },
}

impl From<OpeningError> for Failure {
    fn from(error: OpeningError) -> Self {
        match error {
            OpeningError::File(error) => error.into(),
            OpeningError::Missing(_) | OpeningError::Store(StoreError::Newer { .. }) => Self::bad_input(error),
            // Whoever has it may be done soon.
            OpeningError::Silent { .. } | OpeningError::Store(_) | OpeningError::Random(_) => Self::failed(error),
        }
    }
}

/// Opens the store, or makes it.
pub(crate) fn store(settings: &Settings) -> Result<Store, OpeningError> {
    let random = getrandom::u64().map_err(OpeningError::Random)?;
    let (path, cache_bytes) = (settings.store.clone(), settings.cache_bytes);
    // The first opening has errors of its own, which tell more than a store's.
    let first =
        store_file::when_let_go(|| store_file::open(&path, cache_bytes)).map_err(|error| explain(error, settings))?;
    let first = Mutex::new(Some(first));
    let open = move || match first.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(database) => Ok(database),
        None => store_file::open(&path, cache_bytes).map_err(again),
    };
    Ok(Store::open(open, random)?)
}

/// Opens the store for someone who only looks, or takes back: one that is not there is not made.
pub(crate) fn store_that_exists(settings: &Settings) -> Result<Store, OpeningError> {
    match settings.store.try_exists() {
        Ok(false) => Err(OpeningError::Missing(settings.store.clone())),
        // What hinders the look will be told better by the opening.
        Ok(true) | Err(_) => store(settings),
    }
}

/// The store for someone who only tries: where there is none, one that is gone afterwards.
pub(crate) fn store_to_try(settings: &Settings) -> Result<Store, OpeningError> {
    match settings.store.try_exists() {
        Ok(false) => {
            let random = getrandom::u64().map_err(OpeningError::Random)?;
            let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new())?);
            Ok(Store::open(open, random)?)
        }
        Ok(true) | Err(_) => store(settings),
    }
}

/// Opens the replica on its store.
pub(crate) fn replica(settings: &Settings, store: Store) -> Result<Replica, OpeningError> {
    let random = || getrandom::u64().map_err(OpeningError::Random);
    let config = ReplicaConfig {
        region: settings.region.clone(),
        lanes: settings.lanes(),
        heartbeat_ms: settings.feed.heartbeat_ms,
        live_bytes_max: settings.feed.live_bytes_max,
        retention_ms: settings.retention_days * MS_PER_DAY,
        boot: random()?,
    };
    let mut replica = Replica::open(store, config, random()?, now())?;
    if settings.leader().is_some() {
        // Until the leading registry is heard, all that is known is that it was before this machine's clock began.
        replica.registry_known(0);
    }
    Ok(replica)
}

fn explain(error: OpenError, settings: &Settings) -> OpeningError {
    if matches!(error, OpenError::InUse { .. }) {
        return OpeningError::Silent {
            store: settings.store.display().to_string(),
            socket: settings.socket.display().to_string(),
        };
    }
    error.into()
}

/// Why the store could not be opened again after it had failed.
fn again(error: OpenError) -> StoreError {
    match error {
        OpenError::OutOfSpace { .. } => StoreError::Full,
        // Readers that are not done yet hold the failed one.
        OpenError::InUse { .. } => StoreError::Closed,
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
