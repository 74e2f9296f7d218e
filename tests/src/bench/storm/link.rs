//! The one point through which all links run: a proxy on a thread of its own.

use super::super::BenchError;
use super::super::process::threads_cpu_s;
use crate::ports::free_port;
use crate::proxy::Proxy;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::runtime::{Builder, Runtime};

/// The thread's name, by which its processor time is found.
const THREAD: &str = "storm-proxy";

/// A proxy, and the thread that carries.
#[derive(Debug)]
pub(super) struct SharedLink {
    pub(super) proxy: Proxy,
    // Taken when it ends.
    runtime: Option<Runtime>,
}

impl SharedLink {
    /// Listens on a free port, and carries to `upstream`.
    pub(super) fn start(upstream: SocketAddr) -> Result<Self, BenchError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(THREAD)
            .enable_all()
            .build()?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let proxy = {
            let _within = runtime.enter();
            Proxy::start(listen, upstream)?
        };
        Ok(Self {
            proxy,
            runtime: Some(runtime),
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.proxy.listen().port()
    }

    /// Processor time that carrying has taken.
    pub(super) fn cpu_s(&self) -> Result<f64, BenchError> {
        Ok(threads_cpu_s(std::process::id(), THREAD)?)
    }
}

impl Drop for SharedLink {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for it is not allowed within another runtime.
            runtime.shutdown_background();
        }
    }
}
