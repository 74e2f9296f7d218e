//! The control socket: HTTP/1 and JSON over a Unix socket, between a daemon and its command line.
//!
//! Who may use it is decided by the file: its owner and its group.

mod access;
mod client;
mod connections;
mod seats;
mod server;

pub use access::{SocketAccess, SocketAccessError, SocketGroup, SocketMode};
pub use client::{
    ControlError, RESPONSE_BYTES_MAX, request, request_blocking, request_bytes, request_with, request_with_blocking,
};
pub use server::{ControlSocket, ServeError};
