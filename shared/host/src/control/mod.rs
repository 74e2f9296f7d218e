//! The control socket: HTTP/1 and JSON over a Unix socket, between a daemon and its command line.
//!
//! Who may use it is decided by the file: its owner and its group. The same API may be reached over TCP as well, on this
//! machine alone and with a token.

mod client;
mod download;
mod loopback;
mod server;
mod serving;

pub use client::{ControlError, RESPONSE_BYTES_MAX, request, request_blocking, request_bytes};
pub use download::{download, download_blocking};
pub use loopback::{LoopbackError, LoopbackListener, LoopbackSettings, TokenError};
pub use server::{ControlSocket, ServeError};
