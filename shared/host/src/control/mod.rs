//! The control socket: HTTP/1 and JSON over a Unix socket, between a daemon and its command line.
//!
//! Who may use it is decided by the file: its owner and its group. The same API may be reached over TCP as well, on this
//! machine alone and with a token.

mod access;
mod client;
mod connections;
mod download;
mod loopback;
mod seats;
mod server;
mod serving;
mod settings;

pub use access::{SocketAccess, SocketAccessError, SocketGroup, SocketMode};
pub use client::{
    ControlError, RESPONSE_BYTES_MAX, request, request_blocking, request_bytes, request_with, request_with_blocking,
};
pub use download::{download, download_blocking};
pub use loopback::{LoopbackError, LoopbackListener, LoopbackSettings, TokenError};
pub use server::{ControlSocket, ServeError};
pub use settings::ApiSettings;
