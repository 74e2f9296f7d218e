//! The local API: who may use its socket, and where it is reached over TCP.

use headland_host::control::{LoopbackSettings, SocketAccess, SocketGroup, SocketMode};
use headland_host::loopback_address::LoopbackAddress;
use serde::Deserialize;
use std::path::PathBuf;

/// The keys below `api`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiSettings {
    pub(crate) socket_mode: SocketMode,
    pub(crate) socket_group: Option<SocketGroup>,
    listen: Option<LoopbackAddress>,
    token_file: Option<PathBuf>,
}

impl ApiSettings {
    /// Who may use the socket.
    pub(crate) fn access(&self) -> SocketAccess {
        SocketAccess {
            mode: self.socket_mode,
            group: self.socket_group.clone(),
        }
    }

    /// Where it is reached over TCP.
    pub(crate) fn loopback(&self) -> LoopbackSettings {
        LoopbackSettings {
            listen: self.listen,
            token_file: self.token_file.clone(),
        }
    }
}
