//! Headland's own tables in a database: rows of what the devices of this hub's region wrote, in batches.

mod statement;

use super::destination::{Destination, Outcome};
use super::gather::Looked;
use crate::edge::{Columns, SCHEMA, VERSION, VERSION_TABLE, may_leave, writes_of};
use crate::postgres::{Connection, PgError, Purpose, Server};
use crate::store::Outlet;
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::ReplicaName;
use statement::merging;
use std::collections::BTreeMap;

/// About how long one statement becomes at most, in bytes, unless a single row is longer: a second's work for a server.
const STATEMENT_BYTES_MAX: usize = 1024 * 1024;

/// Why rows were not written. They are tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum TablesError {
    /// The server does not take them.
    #[error("writing to schema {SCHEMA}: {0}")]
    Server(#[from] PgError),
    /// They have no place.
    #[error("writing to schema {SCHEMA}: {0}; run what `headland-hub registry init --print` prints")]
    Missing(String),
}

/// The tables. The connection is made when something is to be written.
#[derive(Debug)]
pub(super) struct OwnTables {
    server: Server,
    connection: Option<Connection>,
}

impl OwnTables {
    pub(super) fn new(server: Server) -> Self {
        let connection = None;
        Self { server, connection }
    }

    async fn connect(&self) -> Result<Connection, TablesError> {
        let mut connection = Connection::open(&self.server, Purpose::Queries).await?;
        let sql = format!("SELECT coalesce(max(version), 0) FROM {SCHEMA}.{VERSION_TABLE}");
        let rows = connection.query(&sql).await.map_err(explained)?;
        let version = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
        match version.unwrap_or(0) {
            version if version < VERSION => {
                let text = format!("it has version {version}, and this hub needs {VERSION}");
                Err(TablesError::Missing(text))
            }
            _ => Ok(connection),
        }
    }

    /// Merges rows into the table, in one transaction; says how many changed something.
    async fn merge(&mut self, rows: &[Columns]) -> Result<u64, TablesError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let merged = connection.query(&merging(rows)).await;
        // After an error of the server the connection is as good as before.
        if matches!(merged, Ok(_) | Err(PgError::Server { .. })) {
            self.connection = Some(connection);
        }
        let counted = merged.map_err(explained)?;
        let count = counted.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
        Ok(count.unwrap_or(0))
    }
}

impl Destination for OwnTables {
    type Write = Columns;
    type Error = TablesError;

    const OUTLET: Outlet = Outlet::Tables;

    fn writes_of(looked: &Looked<'_>, record: &RecordKey, blob: &[u8]) -> Result<Vec<Columns>, StoreError> {
        let corrupt = |error: DecodeError| StoreError::corrupt("records-1", error);
        let blob = Blob::parse(blob).map_err(corrupt)?;
        if blob.head.task.is_none() {
            return Ok(Vec::new());
        }
        let all = blob.head.entered > looked.base;
        // What hubs of other regions brought here is theirs to write.
        let mut ours: BTreeMap<ReplicaName, bool> = BTreeMap::new();
        let mut rows = Vec::new();
        for entry in blob.entries() {
            let entry = entry.map_err(corrupt)?;
            if !all && entry.seq <= looked.base {
                continue;
            }
            let key = ElementKey::decode(entry.key).map_err(corrupt)?;
            for (write, stands) in writes_of(key, State::decode(entry.state).map_err(corrupt)?) {
                let name = write.attribute();
                if name.is_some_and(|name| !looked.declared(name).is_some_and(may_leave)) {
                    continue;
                }
                let author = &write.actor().name;
                let of_this_region = match ours.get(author) {
                    Some(known) => *known,
                    None => {
                        let found = looked.views.has_stored_of(author)?;
                        ours.insert(author.clone(), found);
                        found
                    }
                };
                if of_this_region {
                    rows.push(Columns::of(record, &write, stands, looked.region));
                }
            }
        }
        Ok(rows)
    }

    async fn write(&mut self, rows: &[Columns]) -> Result<Outcome, TablesError> {
        let mut taken = fitting(rows);
        loop {
            let error = match self.merge(&rows[..taken]).await {
                Ok(written) => {
                    let passed_over = None;
                    return Ok(Outcome {
                        taken,
                        written,
                        passed_over,
                    });
                }
                Err(error) => error,
            };
            match refuses_a_row(&error) {
                // One of them is at fault, and must not hold up the others.
                true if taken > 1 => taken /= 2,
                true => {
                    let why = rows.first().map(|row| format!("{} of {}: {error}", row.id, row.model));
                    return Ok(Outcome {
                        taken,
                        written: 0,
                        passed_over: why,
                    });
                }
                false => return Err(error),
            }
        }
    }

    fn hang_up(&mut self) {
        self.connection = None;
    }
}

/// How many rows one statement takes.
fn fitting(rows: &[Columns]) -> usize {
    let mut bytes = 0;
    let within = rows.iter().take_while(|row| {
        bytes += row.bytes();
        bytes <= STATEMENT_BYTES_MAX
    });
    within.count().max(1)
}

/// Whether the server will never take a row as it is, such as one with a letter that its encoding has not.
fn refuses_a_row(error: &TablesError) -> bool {
    let TablesError::Server(PgError::Server { code, .. }) = error else {
        return false;
    };
    code.starts_with("22") || code.starts_with("23")
}

/// What is known to help where the tables are not there, or not as they should be.
fn explained(error: PgError) -> TablesError {
    match &error {
        PgError::Server { code, message, .. } if ["42P01", "3F000", "42703"].contains(&code.as_str()) => {
            TablesError::Missing(message.clone())
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests;
