//! Where PostgreSQL is, and how to get in.

use super::error::PgError;
use crate::credential;
use std::fmt;
use std::path::PathBuf;

/// A database of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    /// A name, an address, or the directory of a Unix socket.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) user: String,
    /// A whole path, or the name of a credential of the service.
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) tls: TlsMode,
    /// What a server's monitoring shows of this connection.
    pub(crate) application: String,
}

/// Whether the way to the server is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// The server must prove its name by a certificate that one of these roots has signed; without a file, one of the
    /// system's.
    VerifyFull(Option<PathBuf>),
    /// It is on this machine.
    Local,
}

impl Server {
    /// The path of the Unix socket, if it is one.
    pub(super) fn socket(&self) -> Option<PathBuf> {
        let directory = self.host.strip_prefix('/').map(|_| PathBuf::from(&self.host))?;
        Some(directory.join(format!(".s.PGSQL.{}", self.port)))
    }

    /// The host and port, for errors.
    pub(super) fn address(&self) -> String {
        match self.socket() {
            Some(socket) => socket.display().to_string(),
            None if self.host.contains(':') => format!("[{}]:{}", self.host, self.port),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    /// Reads the password, which may have changed since the last time. Nothing when there is none.
    pub(super) fn password(&self) -> Result<Option<String>, PgError> {
        let Some(named) = &self.password_file else {
            return Ok(None);
        };
        let read = credential::read(named);
        read.map(Some)
            .map_err(|(path, source)| PgError::Password { path, source })
    }
}

/// As a URL without its password, for status and log.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.socket() {
            Some(_) => write!(f, "postgresql:///{}?host={}", self.database, self.host),
            None => write!(f, "postgresql://{}/{}", self.address(), self.database),
        }
    }
}
