//! The hub's store: its region's replica in one redb file.
//!
//! Every table is described in `docs/storage.md`.

mod rows;
mod snapshot;
mod tables;

pub use rows::{
    AgentRow, AttributeRow, Bridged, CommitRow, ExpectedRow, Followed, Guard, Numbers, Origin, Outlet, Progress,
    PutRow, RequestRow, RequestStage, ScopeRow, Undo, WrittenBack,
};
pub use snapshot::{Rows, Snapshot, fill};
pub use tables::{ChangeRow, REQUESTS_MAX, Tables, UNSCOPED, Views, Writing};

use headland_host::database::RecoveringDatabase;
use headland_host::tables::{Migration, StoreError, migrate};
use headland_shared::defect::{Defect, planted};
use headland_shared::epoch::{Epoch, Life};
use redb::{Database, ReadableTable};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The store's migrations, in order.
const MIGRATIONS: &[Migration] = &[
    Migration::breaks(tables::create),
    Migration::breaks(tables::index_unscoped),
    Migration::breaks(tables::add_proofs),
    Migration::breaks(tables::add_devices),
    Migration::breaks(tables::add_rows),
    Migration::adds(tables::add_requests),
];

/// The open store.
#[derive(Debug, Clone)]
pub struct Store {
    database: Arc<RecoveringDatabase<Views>>,
    /// Counts [`Self::write`]s.
    writes: Arc<AtomicU64>,
}

impl Store {
    /// Opens the database by `open`, which is called again should the storage engine fail later; brings it to the newest format, and begins its first life if it is new.
    ///
    /// `random` becomes the identity of a new hub, and of its embedded registry.
    pub fn open(
        open: impl Fn() -> Result<Database, StoreError> + Send + Sync + 'static,
        random: u64,
    ) -> Result<Self, StoreError> {
        let database = RecoveringDatabase::open(open, tables::views)?;
        database.with(|database| migrate(database, MIGRATIONS))?;
        database.with(tables::count_where_other)?;
        let store = Self {
            database: Arc::new(database),
            writes: Arc::default(),
        };
        if store.read()?.epoch()?.is_none() {
            let epoch = Epoch {
                hub: random,
                number: 1,
                nonce: (random >> 32) as u32 ^ random as u32,
            };
            store.write(|tables| {
                tables.set_epoch(&epoch)?;
                let numbers = Numbers {
                    life: Life::numbered(1, random as u32),
                    ..Numbers::default()
                };
                tables.set_numbers(&numbers)
            })?;
        }
        Ok(store)
    }

    /// All tables, as they are now, for reading.
    pub fn read(&self) -> Result<Arc<Views>, StoreError> {
        self.database.read()
    }

    /// Changes tables in one transaction: all of it is durable when this returns, or nothing of it has happened.
    pub fn write<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut Tables<Writing<'_>>) -> Result<T, E>,
    ) -> Result<T, E> {
        let durability = match planted(Defect::AcknowledgedBeforeSync) {
            false => redb::Durability::Immediate,
            true => redb::Durability::None,
        };
        let result = self.transact(durability, change);
        // Also when it failed: an error of the disk does not say whether the transaction counts.
        self.writes.fetch_add(1, Ordering::Release);
        result
    }

    /// Grows with each [`Self::write`]: what was read before still holds as long as this is the same, but for what is
    /// only noted.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }

    /// Changes tables without waiting for the disk: what a crash may undo, since it can be learnt again.
    pub fn note<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut Tables<Writing<'_>>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transact(redb::Durability::None, change)
    }

    fn transact<T, E: From<StoreError>>(
        &self,
        durability: redb::Durability,
        change: impl FnOnce(&mut Tables<Writing<'_>>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.database
            .write(durability, |transaction| change(&mut tables::writing(transaction)?))
    }
}

/// Reads a single value.
fn meta(table: &impl ReadableTable<&'static [u8], &'static [u8]>, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(table.get(name)?.map(|value| value.value().to_vec()))
}
