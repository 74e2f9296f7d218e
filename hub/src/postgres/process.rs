//! A process of the server, which answers one connection.

use super::connection::{Connection, Purpose};
use super::error::PgError;
use super::server::Server;

/// The process at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(i32);

impl Process {
    /// Which one answers here.
    pub(crate) async fn of(connection: &mut Connection) -> Result<Self, PgError> {
        let rows = connection.query("SELECT pg_backend_pid()").await?;
        let process = rows.first().and_then(|row| row.first()?.as_deref()?.parse().ok());
        process
            .map(Self)
            .ok_or_else(|| PgError::protocol("the server does not say which process it is"))
    }

    /// Whether it is at what it was asked for, as another process of the server says.
    pub(crate) async fn is_busy(self, server: &Server) -> Result<bool, PgError> {
        let mut connection = Connection::open(server, Purpose::Queries).await?;
        let sql = format!(
            "SELECT 1 FROM pg_stat_activity WHERE pid = {} AND usename = current_user AND state = 'active'",
            self.0
        );
        let rows = connection.query(&sql).await?;
        connection.close().await;
        Ok(!rows.is_empty())
    }
}
