//! Looking at the database beside the stream: how far its log is, and how the slot is.

use super::Database;
use crate::opening::now;
use crate::postgres::{Connection, PgError, Purpose, SlotFacts, counts_as_standby, slot_facts};
use crate::registry::bridge::Lsn;
use headland_shared::session::Ms;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked at, in milliseconds: nobody can know better how old an answer is.
const WATCH_MS: u64 = 1_000;
/// How long after a failure, in milliseconds: the stream notices a server that is gone.
const RETRY_MS: u64 = 10_000;

/// What was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// On this hub's clock, when it was asked: everything committed before is before [`Self::at`].
    pub(super) asked_at: Ms,
    /// How far the log was.
    pub(super) at: Lsn,
    /// Whether commits wait for standbys, and are visible to this hub before they are to anybody else.
    pub(super) synchronous: bool,
    /// Whether commits wait for this hub as for one of the standbys.
    pub(super) waited_for: bool,
    /// The slot.
    pub(super) slot: Option<SlotFacts>,
}

/// Looks again and again over a connection of its own, until nobody wants to know.
pub(super) fn watch(database: &Database) -> watch::Receiver<Option<Seen>> {
    let (sender, receiver) = watch::channel(None);
    let (server, slot) = (database.server.clone(), database.plan.slot.clone());
    tokio::spawn(async move {
        let looking = async {
            loop {
                if let Ok(mut connection) = Connection::open(&server, Purpose::Queries).await {
                    while let Ok(seen) = look(&mut connection, &slot).await {
                        sender.send_replace(Some(seen));
                        tokio::time::sleep(Duration::from_millis(WATCH_MS)).await;
                    }
                }
                tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
            }
        };
        tokio::select! {
            () = looking => {}
            () = sender.closed() => {}
        }
    });
    receiver
}

async fn look(connection: &mut Connection, slot: &str) -> Result<Seen, PgError> {
    let asked_at = now().mono;
    let sql = "SELECT pg_current_wal_lsn(), current_setting('synchronous_standby_names'), current_setting('application_name')";
    let rows = connection.query(sql).await?;
    let field = |index: usize| rows.first().and_then(|row| row.get(index)?.as_deref());
    let at = field(0).and_then(|text| text.parse().ok());
    let (names, application) = (field(1).unwrap_or_default(), field(2).unwrap_or_default());
    let (synchronous, waited_for) = (!names.is_empty(), counts_as_standby(names, application));
    let at = at.ok_or_else(|| PgError::protocol("the server does not say how far its log is"))?;
    let slot = slot_facts(connection, slot).await?;
    Ok(Seen {
        asked_at,
        at,
        synchronous,
        waited_for,
        slot,
    })
}
