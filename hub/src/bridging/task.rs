//! The task: session after session, until the program ends.

use super::ending::{Ending, Recopy};
use super::silence::Silence;
use super::start::{Known, Start, start};
use super::streaming::STATUS_MS;
use super::{Answered, Database, Told};
use crate::driver::{Inlet, Input};
use crate::following::{Asked, Follower, Leader, Reporter, State};
use crate::postgres::{Connection, Purpose, Response, Streaming, examine, identify, silence_max};
use crate::registrar::Ledger;
use crate::registry::bridge::{BridgeApplied, Lsn, Mapping};
use crate::store::{Bridged, Store};
use headland_host::backoff::Backoff;
use std::sync::Arc;
use std::sync::mpsc::TrySendError;
use std::time::Duration;
use tokio::sync::oneshot;

/// How soon a full inbox is tried again, in milliseconds.
const FULL_MS: u64 = 20;

/// Follows the tables of a database until the program ends.
#[derive(Debug)]
pub(crate) struct Bridge {
    pub(super) database: Database,
    pub(super) mapping: Arc<Mapping>,
    store: Store,
    pub(super) inlet: Inlet,
    pub(super) reporter: Reporter,
    recopy: Option<Recopy>,
    /// What became of requests to set something in the database.
    pub(super) ledger: Ledger,
}

impl Bridge {
    /// A task and what others see of it. Failures are waited out as `backoff` says.
    pub(crate) fn new(
        database: Database,
        store: Store,
        inlet: Inlet,
        backoff: Backoff,
        asked: Asked,
        ledger: Ledger,
    ) -> (Self, Follower) {
        let (reporter, follower) = Reporter::new(Leader::Database(database.server.to_string()), backoff, asked);
        reporter.show(|standing| standing.database.slot.clone_from(&database.plan.slot));
        let bridge = Self {
            mapping: Arc::new(database.mapping.clone()),
            database,
            store,
            inlet,
            reporter,
            recopy: None,
            ledger,
        };
        (bridge, follower)
    }

    /// Follows until the replica is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let Err(ending) = self.session().await else {
                continue;
            };
            match ending {
                Ending::Gone => return,
                Ending::Held(held) => {
                    self.reporter.tell(State::Held(held));
                    self.reporter.wait_for_release().await;
                }
                Ending::Halt(reason) => self.halt(reason).await,
                Ending::Refused(reason) => self.reporter.rest(Some(reason)).await,
                Ending::Recopy(recopy) => self.anew(recopy).await,
                Ending::Postgres(error) => match error.response() {
                    Response::Retry => self.reporter.rest(Some(error.to_string())).await,
                    Response::Person => self.halt(error.to_string()).await,
                    Response::Resync => {
                        let (why, diverged) = (error.to_string(), false);
                        self.anew(Recopy { why, diverged }).await;
                    }
                },
            }
        }
    }

    /// Somebody must mend something; whether they have is looked at again and again.
    async fn halt(&mut self, reason: String) {
        self.reporter.tell(State::Halted { reason });
        self.reporter.rest(None).await;
    }

    /// The next session begins with everything.
    async fn anew(&mut self, recopy: Recopy) {
        tracing::warn!("reading everything anew: {}", recopy.why);
        let diverged = recopy.diverged || self.recopy.as_ref().is_some_and(|before| before.diverged);
        self.recopy = Some(Recopy { diverged, ..recopy });
        self.reporter.rest(None).await;
    }

    /// One session: looks at everything, reads everything if need be, and follows.
    async fn session(&mut self) -> Result<(), Ending> {
        let mut connection = Connection::open(&self.database.server, Purpose::Replication).await?;
        self.reporter.show(|standing| standing.database.sessions += 1);
        let facts = examine(&mut connection, &self.database.plan).await?;
        if let Some(hindrance) = facts.hindrance() {
            return Err(Ending::Halt(format!(
                "{hindrance}; `headland-hub doctor` prints what would mend it"
            )));
        }
        let identity = identify(&mut connection).await?;
        let silence = Silence::of(silence_max(&mut connection).await?);
        let known = Known {
            numbers: self.read(|views| views.numbers())?,
            bridged: self.bridged()?,
            identity,
            slot: facts.slot.as_ref(),
            slot_name: &self.database.plan.slot,
            mapping: self.mapping.fingerprint(),
            recopy: self.recopy.as_ref(),
        };
        let (at, confirmed) = match start(known) {
            Start::GoOn(at) => {
                let confirmed = facts.slot.map_or(Lsn(at.durable), |slot| slot.confirmed);
                (at, confirmed)
            }
            Start::Copy { why, life } => {
                self.reporter.tell(State::Copying { rows: 0 });
                tracing::info!("reading everything: {why}");
                let at = self.copy(&mut connection, identity, life).await?;
                self.recopy = None;
                let confirmed = Lsn(at.durable);
                (at, confirmed)
            }
        };
        self.follow(connection, at, confirmed, silence).await
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&crate::store::Views) -> Result<T, headland_host::tables::StoreError>,
    ) -> Result<T, Ending> {
        let read = self.store.read().and_then(|views| read(&views));
        read.map_err(|error| Ending::Refused(error.to_string()))
    }

    /// Where this hub stands.
    pub(super) fn bridged(&self) -> Result<Option<Bridged>, Ending> {
        self.read(|views| views.bridged())
    }

    /// Has the replica apply something. Meanwhile the server hears that somebody is here.
    pub(super) async fn have_applied(
        &self,
        told: Box<Told>,
        mut alive: Option<(&mut Streaming, Lsn)>,
    ) -> Result<Answered, Ending> {
        let (answer, mut answered) = oneshot::channel();
        let mut input = Input::Bridge(told, answer);
        loop {
            match self.inlet.try_put(input) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return Err(Ending::Gone),
                Err(TrySendError::Full(full)) => input = full,
            }
            tokio::time::sleep(Duration::from_millis(FULL_MS)).await;
        }
        loop {
            match tokio::time::timeout(Duration::from_millis(STATUS_MS), &mut answered).await {
                Ok(answered) => return answered.map_err(|_| Ending::Gone),
                Err(_) => {
                    if let Some((streaming, durable)) = &mut alive {
                        streaming.confirm(*durable).await?;
                    }
                }
            }
        }
    }

    /// Shows what became of a commit.
    pub(super) fn note(&self, applied: &BridgeApplied) {
        let BridgeApplied { new, changed, gone, .. } = applied;
        if applied.seq.is_some() {
            tracing::debug!(new, changed, gone, "applied what the database said");
        }
        let (count, reasons) = &applied.left_out;
        if *count > 0 {
            tracing::warn!(count, "left out what the catalogue cannot hold: {}", reasons.join("; "));
            self.reporter.show(|standing| {
                standing.database.left_out += count;
                standing.database.left_out_last = reasons.last().cloned();
            });
        }
    }
}
