//! Making a store out of a backup.

use super::About;
use super::file::{BackupFileError, Reading};
use crate::opening::now;
use crate::replica::begin_again;
use crate::settings::Settings;
use crate::store::{Store, fill};
use headland_host::exit::Failure;
use headland_host::store_file::{self, OpenError};
use headland_host::tables::StoreError;
use headland_shared::epoch::{Epoch, Life};
use redb::Database;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What becomes of a store that is there and holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and nothing is restored.
    Keep,
    /// The restored one takes its place.
    Replace,
}

/// Why nothing was restored. The store that was there is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The backup cannot be read.
    #[error(transparent)]
    File(#[from] BackupFileError),
    /// The store that is there is not empty.
    #[error("restoring into {}: it holds a hub's state already; pass --replace to have the backup take its place", .0.display())]
    NotEmpty(PathBuf),
    /// A file is there that cannot be opened as a store.
    #[error("restoring into {}: what is there cannot be opened ({reason}); pass --replace to have the backup take its place", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: OpenError,
    },
    /// Another process has the store.
    #[error("restoring into {}: another process has it; stop the hub first", .0.display())]
    InUse(PathBuf),
    /// The backup is of another region.
    #[error("restoring: the backup is of region {of}, and this hub serves {here}; set region, or name another backup")]
    OtherRegion {
        /// The backup's.
        of: String,
        /// What the settings say.
        here: String,
    },
    /// The new store cannot be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new store cannot be written, or the backup holds no store that this version can use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The machine gives no random numbers.
    #[error("restoring: this machine gives no random numbers ({0}); check its kernel")]
    Random(getrandom::Error),
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Open(error) => error.into(),
            RestoreError::Store(StoreError::Newer { .. }) => Self::bad_input(error),
            RestoreError::Store(_) | RestoreError::Random(_) => Self::failed(error),
            _ => Self::bad_input(error),
        }
    }
}

/// Makes the store out of a backup. It begins a new life, which agents know for a later one: so they say again all that
/// was lost.
pub(crate) fn restore(settings: &Settings, from: &Path, existing: Existing) -> Result<(About, Epoch), RestoreError> {
    let mut reading = Reading::begin(from)?;
    if reading.about.region != settings.region.as_str() {
        return Err(RestoreError::OtherRegion {
            of: reading.about.region,
            here: settings.region.to_string(),
        });
    }
    // Held to the end, so that no hub starts on it meanwhile.
    let held = hold(settings, existing)?;
    let aside = Aside::beside(&settings.store)?;
    let database = store_file::open(&aside.0, settings.cache_bytes)?;
    fill(&database, || Ok::<_, RestoreError>(reading.next()?))?;
    let epoch = revive(settings, database)?;
    store_file::put_in_place(&aside.0, &settings.store)?;
    drop(held);
    Ok((reading.about, epoch))
}

/// The store that is there, if it may be replaced.
fn hold(settings: &Settings, existing: Existing) -> Result<Option<Store>, RestoreError> {
    let path = &settings.store;
    if !path.try_exists().unwrap_or(true) {
        return Ok(None);
    }
    let database = match (store_file::open(path, settings.cache_bytes), existing) {
        (Ok(database), _) => database,
        (Err(OpenError::InUse { path }), _) => return Err(RestoreError::InUse(path)),
        (Err(_), Existing::Replace) => return Ok(None),
        (Err(reason), Existing::Keep) => {
            let path = path.clone();
            return Err(RestoreError::Unreadable { path, reason });
        }
    };
    let store = open(database)?;
    let views = store.read()?;
    let is_empty = views.numbers()?.head.seq.0 == 0 && views.agent_count()? == 0;
    match (is_empty, existing) {
        (true, _) | (false, Existing::Replace) => Ok(Some(store)),
        (false, Existing::Keep) => Err(RestoreError::NotEmpty(path.clone())),
    }
}

/// A store on a database that is open, and is not opened again.
fn open(database: Database) -> Result<Store, RestoreError> {
    let random = getrandom::u64().map_err(RestoreError::Random)?;
    let once = Mutex::new(Some(database));
    let open = move || {
        let database = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        database.ok_or(StoreError::Closed)
    };
    Ok(Store::open(open, random)?)
}

/// Begins the restored store's new life, and closes it.
fn revive(settings: &Settings, database: Database) -> Result<Epoch, RestoreError> {
    let store = open(database)?;
    let random = getrandom::u64().map_err(RestoreError::Random)?;
    let before = store.read()?.epoch()?.unwrap_or_default();
    let epoch = Epoch {
        number: before.number.saturating_add(1),
        nonce: random as u32,
        ..before
    };
    // Another's registry did not go back with this store.
    let views = store.read()?;
    let owned = settings.leader().is_none() && views.followed()?.is_none() && views.bridged()?.is_none();
    let next = views.numbers()?.life.number().saturating_add(1);
    let registry = owned.then(|| Life::numbered(next, (random >> 32) as u32));
    begin_again(&store, &epoch, registry, now())?;
    Ok(epoch)
}

/// Where the new store is made; gone when it was not put in its place.
#[derive(Debug)]
struct Aside(PathBuf);

impl Aside {
    fn beside(path: &Path) -> Result<Self, RestoreError> {
        let mut aside = OsString::from(path);
        aside.push(".restored");
        let aside = PathBuf::from(aside);
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(OpenError::Io {
                path: aside,
                reason: error.to_string(),
            }
            .into()),
            _ => Ok(Self(aside)),
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // After it was put in its place nothing is here.
        let _ = fs::remove_file(&self.0);
    }
}
