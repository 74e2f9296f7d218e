//! What goes wrong with PostgreSQL, and what is to be done about it.

use std::io;

/// Why PostgreSQL did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PgError {
    /// Nobody answers at the address.
    #[error("connecting to PostgreSQL at {address}: {source}; check that it runs, and registry.postgres.host and port")]
    Unreachable {
        /// Where.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// No trusted connection came about.
    #[error(
        "making a TLS connection to PostgreSQL at {address}: {reason}; check registry.postgres.root_certificates and the server's certificate"
    )]
    Tls {
        /// Where.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// The password cannot be read.
    #[error("reading the password in {path}: {source}; check registry.postgres.password_file")]
    Password {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server wants a proof that cannot be given.
    #[error("logging in to PostgreSQL: {0}")]
    Login(String),
    /// The server refused.
    #[error("PostgreSQL says: {message} (SQLSTATE {code}){hint}")]
    Server {
        /// The five characters of the SQL standard.
        code: String,
        /// What it said.
        message: String,
        /// What is known to help, with what goes before it.
        hint: String,
    },
    /// The connection is gone.
    #[error("speaking with PostgreSQL: {0}; it is tried again")]
    Lost(io::Error),
    /// What it said makes no sense.
    #[error("speaking with PostgreSQL: {0}; check which program serves this address")]
    Protocol(String),
    /// It says nothing.
    #[error("waiting for PostgreSQL: no answer within {0} s; it is tried again")]
    Silent(u64),
    /// Nothing comes over the stream, though the server was asked each second.
    #[error(
        "following PostgreSQL: nothing came for {0} s, though it was asked each second; the connection is taken for dead, and another one is made"
    )]
    StreamSilent(u64),
    /// The answer for which it was waited is lost.
    #[error("waiting for PostgreSQL: its answer was lost on the way; it is asked again")]
    AnswerLost,
}

/// What is to be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Response {
    /// It passes by itself.
    Retry,
    /// The slot is of no use any more: everything is to be read anew.
    Resync,
    /// Somebody must mend it.
    Person,
}

impl PgError {
    pub(crate) fn protocol(what: impl ToString) -> Self {
        Self::Protocol(what.to_string())
    }

    /// What is to be done.
    pub(crate) fn response(&self) -> Response {
        match self {
            Self::Unreachable { .. } | Self::Lost(_) | Self::Silent(_) | Self::StreamSilent(_) | Self::AnswerLost => {
                Response::Retry
            }
            Self::Tls { .. } | Self::Password { .. } | Self::Login(_) | Self::Protocol(_) => Response::Person,
            Self::Server { code, .. } => match code.as_str() {
                // Object in use is a slot that another process still has; the others pass when the server is up.
                "55006" | "57P01" | "57P02" | "57P03" | "53300" => Response::Retry,
                // The slot is lost or gone, or its publication was not there when the change was made.
                "55000" | "42704" | "58P01" => Response::Resync,
                other
                    if ["08", "40", "53", "58", "XX"]
                        .iter()
                        .any(|class| other.starts_with(class)) =>
                {
                    Response::Retry
                }
                _ => Response::Person,
            },
        }
    }

    /// What is known to help against an error of this code.
    pub(super) fn hint(code: &str) -> &'static str {
        match code {
            "28P01" | "28000" => "; check registry.postgres.user and password_file, and the server's pg_hba.conf",
            "3D000" => "; check registry.postgres.database",
            "42501" => "; `headland-hub doctor` prints what to grant",
            "55006" => "; another program uses the slot, it is tried again",
            "57P03" => "; it is tried again",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_its_response() {
        let response = |code: &str| {
            let (message, hint) = (String::new(), String::new());
            let code = code.to_owned();
            PgError::Server { code, message, hint }.response()
        };
        for code in ["57P03", "55006", "57P01", "08006", "53300"] {
            assert_eq!(response(code), Response::Retry, "{code}");
        }
        for code in ["55000", "42704"] {
            assert_eq!(response(code), Response::Resync, "{code}");
        }
        for code in ["28P01", "42501", "3D000", "42703"] {
            assert_eq!(response(code), Response::Person, "{code}");
        }
    }
}
