//! A database that recovers by itself.
//!
//! After a failed write, as on a full disk, the storage engine takes nothing more until it is closed
//! and opened again. This does so, so that reads go on at once and writes as soon as there is room.

mod latest;
mod room;

pub use room::{Compaction, Room};

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use latest::Latest;
use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};

use crate::tables::StoreError;

type Open = dyn Fn() -> Result<Database, StoreError> + Send + Sync;

/// An open database, how to open it again, and its tables opened for reading, `V`.
pub struct RecoveringDatabase<V> {
    // Dropped before the database that it reads.
    latest: Latest<V>,
    current: RwLock<Option<Database>>,
    open: Box<Open>,
    view: fn(&ReadTransaction) -> Result<V, StoreError>,
}

impl<V> fmt::Debug for RecoveringDatabase<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveringDatabase").finish_non_exhaustive()
    }
}

impl<V> RecoveringDatabase<V> {
    /// Opens the database by `open`, which is called again after a failure; `view` opens its tables for reading.
    ///
    /// # Errors
    ///
    /// What `open` says.
    pub fn open(
        open: impl Fn() -> Result<Database, StoreError> + Send + Sync + 'static,
        view: fn(&ReadTransaction) -> Result<V, StoreError>,
    ) -> Result<Self, StoreError> {
        let current = RwLock::new(Some(open()?));
        Ok(Self {
            latest: Latest::default(),
            current,
            open: Box::new(open),
            view,
        })
    }

    /// All tables as they are now, for reading. While nothing is written they are opened once, for all who read.
    ///
    /// # Errors
    ///
    /// Why a table could not be opened.
    pub fn read(&self) -> Result<Arc<V>, StoreError> {
        self.latest
            .get(|| self.with(|database| (self.view)(&database.begin_read()?)))
    }

    /// Uses the database, but for writing to it once it has been read ([`Self::write`]). If the engine fails, it is
    /// opened anew before the failure is told.
    ///
    /// # Errors
    ///
    /// What `action` says, or why the database could not be opened anew.
    pub fn with<T>(&self, action: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.ensure_open()?;
        let result = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            let Some(database) = current.as_ref() else {
                return Err(StoreError::Closed);
            };
            action(database)
        };
        if matches!(&result, Err(StoreError::Full | StoreError::Engine(_))) {
            self.reopen();
        }
        result
    }

    /// Changes the database in one transaction: all of it has happened when this returns, or nothing of it. With
    /// [`Durability::Immediate`] it is durable as well; with [`Durability::None`] a crash may undo it.
    ///
    /// # Errors
    ///
    /// What `change` says, or why the transaction could not be made.
    pub fn write<T, E: From<StoreError>>(
        &self,
        durability: Durability,
        change: impl FnOnce(&WriteTransaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut broken = false;
        // What is kept for readers would keep the engine from using the pages that it has done with.
        self.latest.outdate();
        let result = self.with(|database| {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(durability)?;
            let result = change(&transaction);
            if result.is_ok() {
                transaction.commit()?;
            } else {
                // An engine that cannot even abort has failed before: within the change.
                broken = transaction.abort().is_err();
            }
            Ok(result)
        });
        self.latest.outdate();
        if broken {
            self.reopen();
        }
        result?
    }

    /// Closes the database and opens it anew, as after a failure that was seen elsewhere.
    fn reopen(&self) {
        self.close();
        // Should this fail, the next use tries again.
        let _ = self.ensure_open();
    }

    fn close(&self) {
        self.latest.outdate();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = None;
    }

    fn ensure_open(&self) -> Result<(), StoreError> {
        if self.current.read().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.is_none() {
            *current = Some((self.open)()?);
        }
        Ok(())
    }
}
