//! The agent's store: the discovery cache in one redb file.
//!
//! Every table is described in `docs/storage.md`. The store is the state: the replica keeps no second copy of the
//! catalogue in memory.

mod answered;
mod changes;
mod finding;
mod overlay;
mod own;
mod rescue;
mod room;
mod rows;
mod tables;

pub use answered::{ANSWERED_MAX, Answered, Request, Written};
pub use changes::{CHANGED_KEYS_MAX, Position, Since};
pub use finding::Hit;
pub use overlay::{Ahead, OVERLAY_MAX};
pub use own::{OWN_WRITES_MAX, OwnWrite, Standing};
pub use rescue::{RESCUED_TABLES, Rescued, RescuedRows};
pub use room::{Compaction, Room, Tidied};
pub use rows::{Placed, ScopeRow, StagedHead};
pub use tables::{Tables, Views};

use changes::{Changes, Touched};
use headland_host::database::RecoveringDatabase;
use headland_host::tables::{META, Migration, StoreError, migrate};
use headland_shared::actor::{ActorId, Incarnation};
use headland_shared::name::ReplicaName;
use redb::{Database, ReadableTable};
use std::sync::Arc;

/// The store's migrations, in order.
const MIGRATIONS: &[Migration] = &[
    Migration::breaks(tables::create),
    Migration::breaks(overlay::create),
    Migration::breaks(tables::add_lives),
];

/// When a transaction is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// When it is made.
    Now,
    /// With the next one that is durable when it is made.
    WithTheNext,
}

/// The open store.
#[derive(Debug, Clone)]
pub struct Store {
    database: Arc<RecoveringDatabase<Views>>,
    changes: Arc<Changes>,
}

impl Store {
    /// Opens the database by `open`, which is called again should the storage engine fail later; brings it to the newest format, and gives it an actor if it has none yet.
    ///
    /// `random` becomes the incarnation of a new store, and tells this run's positions from those of others.
    pub fn open(
        open: impl Fn() -> Result<Database, StoreError> + Send + Sync + 'static,
        name: &ReplicaName,
        random: u64,
    ) -> Result<Self, StoreError> {
        Self::open_by(MIGRATIONS, open, name, random)
    }

    /// Opens the database as the version with these migrations.
    fn open_by(
        migrations: &[Migration],
        open: impl Fn() -> Result<Database, StoreError> + Send + Sync + 'static,
        name: &ReplicaName,
        random: u64,
    ) -> Result<Self, StoreError> {
        let database = RecoveringDatabase::open(open, Views::open)?;
        database.with(|database| migrate(database, migrations))?;
        database.with(tables::make_stubs_where_missing)?;
        database.with(tables::count_where_other)?;
        database.with(finding::build_where_missing)?;
        database.with(answered::make_where_missing)?;
        let store = Self {
            database: Arc::new(database),
            changes: Arc::new(Changes::new(random)),
        };
        store.adopt_name(name, random)?;
        Ok(store)
    }

    /// The actor of this store, for ever: its writes carry that name, so a device that is renamed keeps writing under
    /// the one that its store began with.
    fn adopt_name(&self, name: &ReplicaName, random: u64) -> Result<(), StoreError> {
        if self.read()?.actor()?.is_some() {
            return Ok(());
        }
        let actor = ActorId {
            name: name.clone(),
            incarnation: Incarnation(random),
        };
        let mut bytes = Vec::new();
        actor.encode(&mut bytes);
        self.database.write(redb::Durability::Immediate, |transaction| {
            transaction.open_table(META)?.insert(rows::ACTOR, bytes.as_slice())?;
            Ok(())
        })
    }

    /// All tables, as they are now, for reading.
    pub fn read(&self) -> Result<Arc<Views>, StoreError> {
        self.database.read()
    }

    /// Changes tables in one transaction: all of it is durable when this returns, or nothing of it has happened.
    pub fn write<T, E: From<StoreError>>(&self, change: impl FnOnce(&mut Tables<'_>) -> Result<T, E>) -> Result<T, E> {
        self.transact(redb::Durability::Immediate, change)
    }

    /// Changes tables in one transaction, which is durable when that is said.
    pub fn commit<T, E: From<StoreError>>(
        &self,
        commit: Commit,
        change: impl FnOnce(&mut Tables<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match commit {
            Commit::Now => self.write(change),
            Commit::WithTheNext => self.note(change),
        }
    }

    /// Changes tables without waiting for the disk: what a crash may undo, since it can be learnt again.
    pub fn note<T, E: From<StoreError>>(&self, change: impl FnOnce(&mut Tables<'_>) -> Result<T, E>) -> Result<T, E> {
        self.transact(redb::Durability::None, change)
    }

    fn transact<T, E: From<StoreError>>(
        &self,
        durability: redb::Durability,
        change: impl FnOnce(&mut Tables<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut touched = Touched::default();
        let mut made = false;
        let result = self.database.write(durability, |transaction| {
            let mut tables = Tables::open(transaction)?;
            let result = change(&mut tables);
            made = result.is_ok();
            touched = std::mem::take(&mut tables.touched);
            result
        });
        if made && result.is_err() {
            // The commit failed, and what of it has become of the file nobody knows.
            touched.everything();
        }
        if made {
            self.changes.tell(touched);
        }
        result
    }

    /// Up to where all changes are in what is read from now on.
    #[must_use]
    pub fn position(&self) -> Position {
        self.changes.position()
    }

    /// Which records have changed since a position, at most `count` of them.
    #[must_use]
    pub fn changed_since(&self, position: Position, count: usize) -> Since {
        self.changes.since(position, count)
    }

    /// Wakes whoever waits for changes.
    #[must_use]
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// Reads a single value.
fn meta(table: &impl ReadableTable<&'static [u8], &'static [u8]>, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(table.get(name)?.map(|value| value.value().to_vec()))
}

#[cfg(test)]
mod rollback;
