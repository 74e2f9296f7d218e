//! The same API over TCP, on this machine alone, for programs that cannot use a Unix socket: a bearer token takes the
//! place of the file's owner and group.

mod token;

use std::future::Future;
use std::path::PathBuf;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use super::serving::serve_until;
use crate::loopback_address::LoopbackAddress;
use token::Token;
pub use token::TokenError;

/// Where the API is reached over TCP, and with which token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoopbackSettings {
    /// Where to listen; nowhere when unset.
    pub listen: Option<LoopbackAddress>,
    /// The file that holds the token.
    pub token_file: Option<PathBuf>,
}

/// Why the API cannot be reached over TCP.
#[derive(Debug, thiserror::Error)]
pub enum LoopbackError {
    /// No token file is named.
    #[error("reading the configuration: api.listen is set and api.token_file is not; name a file that holds a token")]
    NoTokenFile,
    /// The token cannot be had.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The port cannot be had.
    #[error("listening on api.listen {address}: {reason}; free the port, or name another")]
    Bind {
        /// The address.
        address: LoopbackAddress,
        /// What the machine said.
        reason: String,
    },
}

/// A port on which nobody is answered yet.
#[derive(Debug)]
pub struct LoopbackListener {
    listener: TcpListener,
    token: Token,
}

impl LoopbackSettings {
    /// Reads the token and takes the port, if the API shall be reached over TCP. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// See [`LoopbackError`].
    pub async fn bind(&self) -> Result<Option<LoopbackListener>, LoopbackError> {
        let Some(address) = self.listen else {
            return Ok(None);
        };
        let path = self.token_file.as_deref().ok_or(LoopbackError::NoTokenFile)?;
        let token = Token::read(path)?;
        let bound = TcpListener::bind(address.get()).await;
        let listener = bound.map_err(|error| LoopbackError::Bind {
            address,
            reason: error.to_string(),
        })?;
        tracing::info!(%address, "answering over TCP");
        Ok(Some(LoopbackListener { listener, token }))
    }

    /// Checks what can be checked without taking the port.
    ///
    /// # Errors
    ///
    /// When there is no token.
    pub fn check(&self) -> Result<(), LoopbackError> {
        match (self.listen, &self.token_file) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(LoopbackError::NoTokenFile),
            (Some(_), Some(path)) => Ok(Token::read(path).map(|_| ())?),
        }
    }
}

impl LoopbackListener {
    /// Answers requests that carry the token by `router` until `shutdown` is ready, then lets those under way finish for
    /// a moment.
    pub async fn serve(self, router: Router, shutdown: impl Future<Output = ()>) {
        let router = router.layer(from_fn_with_state(self.token, token::demand));
        // Without it an answer in two pieces may wait for the other side's acknowledgement; it works all the same.
        let listener = self.listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        serve_until(listener, router, shutdown).await;
    }
}
