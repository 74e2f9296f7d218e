//! A database that recovers by itself.
//!
//! After a failed write, as on a full disk, the storage engine takes nothing more until it is closed
//! and opened again. This does so, so that reads go on at once and writes as soon as there is room.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use redb::Database;

use crate::tables::StoreError;

type Open = dyn Fn() -> Result<Database, StoreError> + Send + Sync;

/// An open database, and how to open it again.
pub struct RecoveringDatabase {
    current: RwLock<Option<Database>>,
    open: Box<Open>,
}

impl fmt::Debug for RecoveringDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoveringDatabase").finish_non_exhaustive()
    }
}

impl RecoveringDatabase {
    /// Opens the database by `open`, which is called again after a failure.
    ///
    /// # Errors
    ///
    /// What `open` says.
    pub fn open(open: impl Fn() -> Result<Database, StoreError> + Send + Sync + 'static) -> Result<Self, StoreError> {
        let current = RwLock::new(Some(open()?));
        Ok(Self {
            current,
            open: Box::new(open),
        })
    }

    /// Uses the database. If the engine fails, it is opened anew before the failure is told.
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

    /// Closes the database and opens it anew, as after a failure that was seen elsewhere.
    pub fn reopen(&self) {
        self.close();
        // Should this fail, the next use tries again.
        let _ = self.ensure_open();
    }

    fn close(&self) {
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
