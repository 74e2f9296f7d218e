//! The local API's socket.

use headland_host::control::{SocketAccess, SocketGroup, SocketMode};
use serde::Deserialize;

/// The keys below `api`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ApiSettings {
    pub(crate) socket_mode: SocketMode,
    pub(crate) socket_group: Option<SocketGroup>,
}

impl ApiSettings {
    /// Who may use the socket.
    pub(crate) fn access(&self) -> SocketAccess {
        SocketAccess {
            mode: self.socket_mode,
            group: self.socket_group.clone(),
        }
    }
}
