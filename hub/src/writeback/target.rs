//! Where the registry is that is written to.

use axum::http::Uri;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// The longest address, in bytes: far longer than a host and a path.
const URL_BYTES_MAX: usize = 1_024;

/// An MLflow server, and how it is spoken with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whether over TLS.
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// What stands before the paths of the API: empty, or from a "/" on and without one at the end.
    pub(super) prefix: String,
    /// Whoever the server knows by a password, which is in the file; without one the file holds a token.
    pub(crate) user: Option<String>,
    /// A whole path, or the name of a credential of the service.
    pub(crate) token_file: Option<PathBuf>,
    /// The roots that count; without a file, the system's.
    pub(crate) root_certificates: Option<PathBuf>,
}

/// An address that cannot be written to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    /// It is no address.
    #[error(
        "{0:?} is no address of a server; write it as \"https://mlflow.farm.example\" or \"http://127.0.0.1:5000\""
    )]
    Address(String),
    /// Everybody on the way could read and change what is said.
    #[error("{0:?} is not on this machine and has no TLS; use https://")]
    Open(String),
}

impl Target {
    /// Reads an address.
    pub(crate) fn parse(url: &str) -> Result<Self, TargetError> {
        let none = || TargetError::Address(url.chars().take(80).collect());
        let uri: Uri = match url.len() <= URL_BYTES_MAX {
            true => url.parse().map_err(|_| none())?,
            false => return Err(none()),
        };
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(none()),
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        // A password here would be shown wherever the address is.
        if authority.contains('@') || uri.query().is_some() {
            return Err(none());
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(none());
        }
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if !tls && !here {
            return Err(TargetError::Open(url.to_owned()));
        }
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self {
            tls,
            host,
            port,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            user: None,
            token_file: None,
            root_certificates: None,
        })
    }

    /// Host and port, as a header names them.
    pub(super) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown_with_its_port() {
        for (url, shown) in [
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
            ("http://localhost/", "http://localhost:80"),
            ("http://[::1]:5000/", "http://[::1]:5000"),
            ("https://mlflow.farm.example", "https://mlflow.farm.example:443"),
            ("https://farm.example:8443/mlflow/", "https://farm.example:8443/mlflow"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(target.to_string(), shown);
            assert_eq!(Target::parse(shown).unwrap(), target);
        }
    }

    #[test]
    fn only_this_machine_is_written_to_without_tls() {
        for url in ["http://mlflow.farm.example", "http://10.0.0.1:5000"] {
            assert_eq!(Target::parse(url), Err(TargetError::Open(url.to_owned())));
        }
        let long = format!("https://{}", "a".repeat(2_000));
        for url in [
            "",
            "127.0.0.1:5000",
            "mlflow",
            "ftp://127.0.0.1",
            "http://",
            "https://a:b@c",
            "https://a/?b=c",
            &long,
        ] {
            assert!(matches!(Target::parse(url), Err(TargetError::Address(_))), "{url}");
        }
    }
}
