//! Setting elements in the database whose tables this hub follows: compare-and-swap by the user's own transactions.
//!
//! ```text
//!   lock the row --> barrier: all before is here --> is it what was seen? --> set, say the request, commit
//!        |                  |                              |                           |
//!        +-- out of reach --+--------- refused ------------+                 the answer is lost: unknown
//!              nothing happened                                              until the stream brings the
//!                                                                           request, or the server says
//!                                                                           that it was given up
//! ```
//!
//! While the row is locked nobody else changes it. So what this hub shows of it, once its stream has passed a barrier
//! that was asked for after the lock, is what the database says, and the tag that it has is the one to compare: also a
//! value that went away and came back is noticed.

mod attempt;
mod error;
mod ledger;
mod remembered;
mod request_id;
mod settling;

pub(crate) use error::SetError;
pub(crate) use ledger::{Landed, Ledger, Request, Stage};
pub(crate) use remembered::{Pending, RequestNote};
pub(crate) use request_id::RequestId;

use crate::bridging::Database;
use crate::following::{Presence, Waits};
use crate::postgres::Server;
use crate::read::Reader;
use crate::registry::bridge::{Mapping, Source};
use crate::registry::{Put, Word};
use crate::store::Store;
use attempt::Attempt;
use headland_host::tables::StoreError;
use headland_shared::key::RecordKey;
use headland_shared::query::{Catalogue, Elements};
use settling::settle;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Puts at once: each has a connection of the user's database.
const PUTS_MAX: usize = 4;
/// How long a put waits for the barrier while it holds the row, in milliseconds.
const BARRIER_MS_MAX: u64 = 5_000;
/// How long all before the commit may take once there is a connection, in milliseconds: a lock, a barrier, a statement.
const CHANGE_MS_MAX: u64 = 20_000;
/// How long a commit may take, in milliseconds: what the tables' owner does at commits, and the standbys.
const COMMIT_MS_MAX: u64 = 10_000;
/// How long the answer waits for what was committed to come here, in milliseconds.
const SHOW_MS_MAX: u64 = 10_000;
/// How long the answer waits for an outcome that is unknown, in milliseconds.
const UNKNOWN_MS_MAX: u64 = 2_000;

/// Sets elements in a database.
#[derive(Debug, Clone)]
pub(crate) struct Registrar {
    server: Server,
    mapping: Arc<Mapping>,
    store: Store,
    presence: Presence,
    waits: Waits,
    ledger: Ledger,
    puts: Arc<Semaphore>,
}

/// A put that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) request: RequestId,
    pub(crate) outcome: Outcome,
}

/// What it has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The registry says it, and this hub shows it.
    Shown {
        /// What it says.
        word: Word,
        /// The commit's seq; nothing when nothing visible has changed.
        seq: Option<u64>,
    },
    /// It is committed, and this hub does not show it yet.
    Committed,
}

impl Registrar {
    /// Also finds out what became of those of which a hub before this one did not hear the end.
    pub(crate) fn start(
        database: &Database,
        store: Store,
        (presence, waits): (Presence, Waits),
        (ledger, pending): (Ledger, Vec<Pending>),
    ) -> Self {
        let registrar = Self {
            server: database.server.clone(),
            mapping: Arc::new(database.mapping.clone()),
            store,
            presence,
            waits,
            ledger,
            puts: Arc::new(Semaphore::new(PUTS_MAX)),
        };
        for one in pending {
            settle(registrar.clone(), one);
        }
        registrar
    }

    fn elements(&self, record: &RecordKey) -> Result<Option<Elements>, SetError> {
        let moment = Reader::new(self.store.clone()).moment();
        let elements = moment.and_then(|moment| moment.elements(record));
        elements.map_err(|error: StoreError| SetError::Put(error.into()))
    }

    /// What is known of requests.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Sets an element as the request of this name. Of a request that was made before it tells what became of it.
    pub(crate) async fn set(&self, put: Put, request: RequestId) -> Result<Done, SetError> {
        let cell = self.mapping.cell(&put.record, &put.assertion.element())?;
        let value = attempt::value_of(&put.assertion)?;
        let outcome = match self.ledger.begin(&request, &put)? {
            Some(before) => self.again(&request, &put, before)?,
            None => {
                let permit = self.puts.clone().try_acquire_owned();
                let Ok(permit) = permit else {
                    self.ledger.forget(&request);
                    return Err(SetError::Busy);
                };
                let attempt = Attempt {
                    registrar: self.clone(),
                    put,
                    cell,
                    value,
                    request: request.clone(),
                };
                // Whoever asked may go; what was begun is brought to its end, so that it can be told.
                let attempted = tokio::spawn(async move {
                    let outcome = attempt.run().await;
                    drop(permit);
                    outcome
                });
                attempted.await.unwrap_or(Err(SetError::Busy))?
            }
        };
        Ok(Done { request, outcome })
    }

    /// The same request once more: it is told, and not done again.
    fn again(&self, request: &RequestId, put: &Put, before: Stage) -> Result<Outcome, SetError> {
        match before {
            Stage::Landed(landed) => Ok(Outcome::Shown {
                word: Word {
                    value: put.assertion.value(),
                    position: landed.position,
                },
                seq: landed.seq,
            }),
            Stage::Committed | Stage::Superseded => Ok(Outcome::Committed),
            Stage::Running => Err(SetError::Running(request.clone())),
            Stage::Unknown { reason } => Err(SetError::Unknown {
                request: request.clone(),
                reason,
            }),
            Stage::NotDone { reason } => Err(SetError::NotDone { reason }),
        }
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Which history this hub follows.
fn followed(store: &Store) -> Option<Source> {
    let bridged = store.read().and_then(|views| views.bridged()).ok()??;
    Some(Source {
        system: bridged.system,
        timeline: bridged.timeline,
    })
}
