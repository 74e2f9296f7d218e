//! One transaction that looks at a cell under a lock, and sets it. Whoever made it can tell later what became of it.

use super::connection::{Connection, Purpose, Row};
use super::error::PgError;
use super::server::Server;
use super::{literal, quoted};
use crate::registry::bridge::{Absent, Cell, Source};
use std::time::Duration;
use tokio::time::timeout;

/// How long another transaction may have the row, in milliseconds.
const LOCK_MS_MAX: u64 = 4_000;
/// How long a statement may take, in milliseconds: it concerns one row, and what the tables' owner does on changes.
const STATEMENT_MS_MAX: u64 = 10_000;
/// How long the row stays locked when this hub is gone within the transaction, in milliseconds.
const IDLE_MS_MAX: u64 = 15_000;

/// How long the server may take to hear that nothing is to be done, in milliseconds.
const GIVE_UP_MS_MAX: u64 = 1_000;

/// What a cell holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is no such row.
    NoRow,
    /// NULL.
    Null,
    /// A value, as text.
    Text(String),
}

/// The number of a transaction, which the server does not give again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TransactionId(pub(crate) u64);

/// What became of a transaction, as its server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has not ended.
    Open,
    Committed,
    Aborted,
    /// The server does not know any more.
    Forgotten,
}

/// A transaction that has begun.
#[derive(Debug)]
pub(crate) struct Swap<'c> {
    connection: Connection,
    cell: &'c Cell,
}

impl<'c> Swap<'c> {
    /// Begins. Also says which history the server has.
    pub(crate) async fn begin(server: &Server, cell: &'c Cell) -> Result<(Self, Source), PgError> {
        let mut connection = Connection::open(server, Purpose::Queries).await?;
        let source = source(&mut connection).await?;
        let begin = format!(
            "BEGIN; SET LOCAL lock_timeout = {LOCK_MS_MAX}; SET LOCAL statement_timeout = {STATEMENT_MS_MAX}; \
             SET LOCAL idle_in_transaction_session_timeout = {IDLE_MS_MAX}"
        );
        connection.query(&begin).await?;
        Ok((Self { connection, cell }, source))
    }

    /// Locks the row: nobody else changes it before this ends.
    pub(crate) async fn lock(&mut self) -> Result<Found, PgError> {
        let column = quoted(&self.cell.column);
        let sql = format!(
            "SELECT {column}::text FROM {} WHERE {} FOR UPDATE",
            self.table(),
            self.keyed()
        );
        let rows = self.connection.query(&sql).await?;
        match rows.as_slice() {
            [] => Ok(Found::NoRow),
            [row] => Ok(row.first().cloned().flatten().map_or(Found::Null, Found::Text)),
            _ => Err(PgError::protocol(format!(
                "several rows of table {} have the key that should name one; give it a primary key",
                self.cell.table
            ))),
        }
    }

    /// Sets the cell where it was found so. Whether it was; a row that came meanwhile is left alone.
    pub(crate) async fn set(&mut self, found: &Found, value: &str) -> Result<bool, PgError> {
        let (table, column) = (self.table(), quoted(&self.cell.column));
        let value = literal(value);
        let sql = match (found, self.cell.absent) {
            (Found::NoRow, Absent::Refused) => return Ok(false),
            (Found::NoRow, Absent::Added) => {
                let columns: Vec<String> = self.cell.keys.iter().map(|(column, _)| quoted(column)).collect();
                let values: Vec<String> = self.cell.keys.iter().map(|(_, value)| literal(value)).collect();
                let (columns, values) = (columns.join(", "), values.join(", "));
                format!(
                    "INSERT INTO {table} ({columns}, {column}) VALUES ({values}, {value}) ON CONFLICT ({columns}) DO NOTHING RETURNING 1"
                )
            }
            (Found::Null | Found::Text(_), _) => {
                let before = match found {
                    Found::Text(text) => literal(text),
                    Found::Null | Found::NoRow => "NULL".to_owned(),
                };
                format!(
                    "UPDATE {table} SET {column} = {value} WHERE {} AND {column}::text IS NOT DISTINCT FROM {before} RETURNING 1",
                    self.keyed()
                )
            }
        };
        Ok(!self.connection.query(&sql).await?.is_empty())
    }

    /// Has the transaction say something in the log, and gives its number.
    pub(crate) async fn say(&mut self, prefix: &str, content: &str) -> Result<TransactionId, PgError> {
        let sql = format!(
            "SELECT pg_current_xact_id(), pg_logical_emit_message(true, {}, {})",
            literal(prefix),
            literal(content)
        );
        let rows = self.connection.query(&sql).await?;
        let number = text(&rows, 0).and_then(|text| text.parse().ok());
        let number = number.ok_or_else(|| PgError::protocol("the server gives the transaction no number"))?;
        Ok(TransactionId(number))
    }

    /// Ends it for good. When this fails it may have been committed all the same: see [`is_certain`].
    pub(crate) async fn commit(mut self) -> Result<(), PgError> {
        self.connection.wait_for("COMMIT").await?;
        self.connection.close().await;
        Ok(())
    }

    /// Ends it without a trace.
    pub(crate) async fn give_up(mut self) {
        // One that cannot say so is ended by the server.
        let ended = timeout(Duration::from_millis(GIVE_UP_MS_MAX), self.connection.query("ROLLBACK"));
        if matches!(ended.await, Ok(Ok(_))) {
            self.connection.close().await;
        }
    }

    fn table(&self) -> String {
        format!("{}.{}", quoted(&self.cell.schema), quoted(&self.cell.table))
    }

    fn keyed(&self) -> String {
        let keys = self.cell.keys.iter();
        let keys: Vec<String> = keys
            .map(|(column, value)| format!("{} = {}", quoted(column), literal(value)))
            .collect();
        keys.join(" AND ")
    }
}

/// Whether an error that a commit ended with says that nothing was committed. A session that was ended, or an answer
/// that was lost, says nothing.
pub(crate) fn is_certain(error: &PgError) -> bool {
    match error {
        PgError::Server { code, .. } => !["08", "57", "58", "XX"].iter().any(|class| code.starts_with(class)),
        _ => false,
    }
}

/// What became of a transaction of a server with this history; nothing where the server has another one by now.
pub(crate) async fn fate(server: &Server, of: Source, transaction: TransactionId) -> Result<Option<Fate>, PgError> {
    let mut connection = Connection::open(server, Purpose::Queries).await?;
    let here = source(&mut connection).await?;
    if here != of {
        return Ok(None);
    }
    let sql = format!("SELECT pg_xact_status('{}')", transaction.0);
    let rows = connection.query(&sql).await?;
    connection.close().await;
    Ok(Some(match text(&rows, 0) {
        Some("committed") => Fate::Committed,
        Some("aborted") => Fate::Aborted,
        Some(_) => Fate::Open,
        None => Fate::Forgotten,
    }))
}

/// Which history the server has. A standby refuses to say.
async fn source(connection: &mut Connection) -> Result<Source, PgError> {
    // The name of the log's file begins with the timeline that is written now.
    let sql =
        "SELECT system_identifier, substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) FROM pg_control_system()";
    let rows = connection.query(sql).await?;
    let system = text(&rows, 0).and_then(|text| text.parse::<i64>().ok());
    let timeline = text(&rows, 1).and_then(|text| u32::from_str_radix(text, 16).ok());
    let (system, timeline) = system
        .zip(timeline)
        .ok_or_else(|| PgError::protocol("the server does not say which one it is"))?;
    Ok(Source {
        // All 64 bits of it are a number without a sign; SQL has none such.
        system: system as u64,
        timeline,
    })
}

fn text(rows: &[Row], column: usize) -> Option<&str> {
    rows.first().and_then(|row| row.get(column)?.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_of_a_living_session_says_that_nothing_was_committed() {
        let server = |code: &str| PgError::Server {
            code: code.to_owned(),
            message: String::new(),
            hint: String::new(),
        };
        for code in ["23505", "40001", "P0001", "55P03", "42501"] {
            assert!(is_certain(&server(code)), "{code}");
        }
        for code in ["57P01", "57P02", "57014", "08006", "XX000"] {
            assert!(!is_certain(&server(code)), "{code}");
        }
        assert!(!is_certain(&PgError::Silent(5)));
    }
}
