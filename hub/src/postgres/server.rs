//! Where PostgreSQL is, and how to get in.

use super::error::PgError;
use std::fmt;
use std::path::PathBuf;

/// The longest password taken, in bytes: the server's own bound for a message is higher, and no real one comes near.
const PASSWORD_BYTES_MAX: usize = 4_096;
/// Where the service manager puts what it was told to hand over.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

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
        let path = match std::env::var_os(CREDENTIALS) {
            Some(directory) if named.is_relative() => PathBuf::from(directory).join(named),
            _ => named.clone(),
        };
        let failed = |source| PgError::Password {
            path: path.display().to_string(),
            source,
        };
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        let password = text.strip_suffix('\n').unwrap_or(&text);
        if password.is_empty() || password.len() > PASSWORD_BYTES_MAX || password.contains('\0') {
            let reason = "it is empty, too long or no text";
            return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidData, reason)));
        }
        Ok(Some(password.to_owned()))
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
