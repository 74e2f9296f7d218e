//! A way to the database by a proxy, which can be cut, or swallow what goes over it.

use headland_fleet::ports::free_port;
use headland_fleet::proxy::Proxy;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::runtime::Runtime;

/// The way. To be dropped before what is at its end.
pub(crate) struct Detour {
    /// Where it begins.
    pub(crate) port: u16,
    pub(crate) proxy: Proxy,
    runtime: Runtime,
}

impl Detour {
    /// To a port of this machine.
    pub(crate) fn to(end: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let port = free_port().unwrap();
        let proxy = runtime.block_on(async { Proxy::start(at(port), at(end)).unwrap() });
        Self { port, proxy, runtime }
    }
}

impl Drop for Detour {
    fn drop(&mut self) {
        let _guard = self.runtime.enter();
        self.proxy.cut();
    }
}
