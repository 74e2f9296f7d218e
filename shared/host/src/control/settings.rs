//! The keys of a local API: who may use its socket, and where it is reached over TCP.

use std::path::PathBuf;

use serde::Deserialize;

use super::access::{SocketAccess, SocketGroup, SocketMode};
use super::loopback::LoopbackSettings;
use crate::loopback_address::LoopbackAddress;

/// The keys below `api`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSettings {
    socket_mode: SocketMode,
    socket_group: Option<SocketGroup>,
    listen: Option<LoopbackAddress>,
    token_file: Option<PathBuf>,
}

impl ApiSettings {
    /// Who may use the socket.
    #[must_use]
    pub fn access(&self) -> SocketAccess {
        SocketAccess {
            mode: self.socket_mode,
            group: self.socket_group.clone(),
        }
    }

    /// Where it is reached over TCP.
    #[must_use]
    pub fn loopback(&self) -> LoopbackSettings {
        LoopbackSettings {
            listen: self.listen,
            token_file: self.token_file.clone(),
        }
    }
}
