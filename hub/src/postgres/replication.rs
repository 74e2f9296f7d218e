//! Replication: slots, and the stream of changes.

use super::connection::{Connection, Copied};
use super::error::PgError;
use super::{literal, quoted};
use crate::registry::bridge::Lsn;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use postgres_protocol::message::frontend::CopyData;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds from 1970 to 2000, from when PostgreSQL counts.
const EPOCH_S: u64 = 946_684_800;

/// Which history a server has, and where in it it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Made with the cluster; its upper half is when that was, in seconds since 1970.
    pub(crate) system: u64,
    /// Counts promotions and restores to a point in time.
    pub(crate) timeline: u32,
    /// What is flushed.
    pub(crate) at: Lsn,
}

/// Asks a server which one it is.
pub(crate) async fn identify(connection: &mut Connection) -> Result<Identity, PgError> {
    let rows = connection.query("IDENTIFY_SYSTEM").await?;
    let field = |index: usize| rows.first().and_then(|row| row.get(index)?.as_deref());
    let identity = (|| {
        Some(Identity {
            system: field(0)?.parse().ok()?,
            timeline: field(1)?.parse().ok()?,
            at: field(2)?.parse().ok()?,
        })
    })();
    identity.ok_or_else(|| PgError::protocol("the server does not say which one it is"))
}

/// Makes a slot within a transaction that has read nothing yet: what the transaction then reads is exactly what comes
/// before the slot's first change. Gives that position.
pub(crate) async fn create_slot(connection: &mut Connection, slot: &str) -> Result<Lsn, PgError> {
    // The older spelling, which every version takes.
    let command = format!("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput USE_SNAPSHOT", quoted(slot));
    let rows = connection.query(&command).await?;
    let point = rows.first().and_then(|row| row.get(1)?.as_deref());
    let point = point.and_then(|text| text.parse().ok());
    point.ok_or_else(|| PgError::protocol("the server does not say where the slot begins"))
}

/// Removes a slot that nobody uses. One that is not there is no error.
pub(crate) async fn drop_slot(connection: &mut Connection, slot: &str) -> Result<(), PgError> {
    let name = literal(slot);
    let command =
        format!("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = {name}");
    connection.query(&command).await.map(|_| ())
}

/// For how long the server bears silence of whoever follows; nothing where it bears it for ever.
pub(crate) async fn silence_max(connection: &mut Connection) -> Result<Option<Duration>, PgError> {
    let sql = "SELECT setting FROM pg_settings WHERE name = 'wal_sender_timeout'";
    let rows = connection.query(sql).await?;
    let ms = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
    Ok(ms.filter(|ms| *ms > 0).map(Duration::from_millis))
}

/// What comes over the stream.
#[derive(Debug)]
pub(crate) enum Streamed {
    /// A message of the output plugin.
    Data(Bytes),
    /// Up to here there is nothing that was not sent.
    KeepAlive {
        /// The position.
        end: Lsn,
    },
    /// The server ends the stream.
    Done,
}

/// A connection over which changes come.
#[derive(Debug)]
pub(crate) struct Streaming {
    connection: Connection,
}

impl Streaming {
    /// Begins where the slot was confirmed last: positions are never told to the server that it might not have.
    pub(crate) async fn start(mut connection: Connection, slot: &str, publication: &str) -> Result<Self, PgError> {
        let command = format!(
            "START_REPLICATION SLOT {} LOGICAL 0/0 (proto_version '1', publication_names {}, messages 'true')",
            quoted(slot),
            literal(&quoted(publication))
        );
        connection.copy_both(&command).await?;
        Ok(Self { connection })
    }

    /// What comes next. Nothing is lost when this is given up halfway.
    pub(crate) async fn next(&mut self) -> Result<Streamed, PgError> {
        let cut = || PgError::protocol("a message of the replication is cut short");
        let mut data = match self.connection.copied().await? {
            Copied::Data(data) => data,
            Copied::Done => return Ok(Streamed::Done),
        };
        match data.try_get_u8().map_err(|_| cut())? {
            b'w' => {
                // Where it is in the log, how far the log goes, and when that was.
                if data.len() < 24 {
                    return Err(cut());
                }
                data.advance(24);
                Ok(Streamed::Data(data))
            }
            b'k' => {
                let end = Lsn(data.try_get_u64().map_err(|_| cut())?);
                Ok(Streamed::KeepAlive { end })
            }
            _ => Err(PgError::protocol("a message of the replication is of an unknown kind")),
        }
    }

    /// Tells the server that everything up to here is durable, and need not be kept for this slot.
    pub(crate) async fn confirm(&mut self, durable: Lsn) -> Result<(), PgError> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let us = since.as_micros() as u64;
        let mut update = BytesMut::with_capacity(34);
        update.put_u8(b'r');
        for _ in ["written", "flushed", "applied"] {
            update.put_u64(durable.0);
        }
        update.put_u64(us.saturating_sub(EPOCH_S * 1_000_000));
        // The answer says how far the stream is.
        update.put_u8(1);
        let data = CopyData::new(update.freeze()).map_err(PgError::protocol)?;
        let sent = self.connection.send(|out| {
            data.write(out);
            Ok(())
        });
        sent.await
    }

    /// Ends it.
    pub(crate) async fn close(self) {
        self.connection.close().await;
    }
}
