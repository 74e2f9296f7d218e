//! The same API over TCP, on this machine alone, for programs that cannot use a Unix socket: a bearer token takes the
//! place of the file's owner and group.

mod token;

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::serve::Listener;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ServeError;
use super::serving::serve_until;
use crate::loopback_address::LoopbackAddress;
use token::Token;
pub use token::TokenError;

/// The most connections at a time. Every user of the machine can connect; whoever does must not take the files that the
/// program needs, nor its memory.
const CONNECTIONS_MAX: usize = 64;

/// The keys below `api`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
    address: LoopbackAddress,
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
        Ok(Some(LoopbackListener {
            listener,
            address,
            token,
        }))
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
    ///
    /// # Errors
    ///
    /// When the port fails while it is served.
    pub async fn serve(self, router: Router, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let router = router.layer(from_fn_with_state(self.token, token::demand));
        let listener = Bounded {
            listener: self.listener,
            room: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        };
        let served = serve_until(listener, router, shutdown).await;
        served.map_err(|reason| ServeError::ServeTcp {
            address: self.address,
            reason,
        })
    }
}

/// A listener that takes so many connections and no more: the others wait in the kernel.
struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Connection, Self::Addr) {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.expect("nobody closes the semaphore");
        // This one waits for a moment and tries again when the machine has no file left.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Without it an answer in two pieces may wait for the other side's acknowledgement; it works all the same.
        let _ = stream.set_nodelay(true);
        (Connection { stream, _room: room }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection, and its room until it ends.
struct Connection {
    stream: TcpStream,
    _room: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
