//! The MQTT broker inside the hub: for a region that has no broker of its own.
//!
//! It runs on threads of its own, so that a storm of agents cannot starve the hub's work, and so
//! that the hub can stop and start it from plain code as well as from inside its own runtime.

mod access;
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use server::serve;

/// Threads that serve connections. Two keep one slow write from delaying everyone, and leave the
/// rest of a small machine to the hub.
const THREADS: usize = 2;

/// How long a start may take. It only binds a socket, so longer means a machine too loaded to
/// serve anyone.
const START_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a stop waits for the port to be free again. Tasks end at their next await, so longer
/// means a machine too loaded; the threads then end on their own.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// What the broker is told by the hub's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Where to listen. Only loopback, for nobody proves who they are yet.
    pub listen: SocketAddr,
    /// The largest packet taken from a client and sent to one; a client that sends more is
    /// disconnected. Clients have a limit of their own, which must not be lower.
    pub packet_bytes_max: u32,
    /// Clients at once, the hub's own included; further ones are told the broker is unavailable.
    pub connections_max: usize,
}

/// Why the broker did not start.
#[derive(Debug, Error)]
pub enum BrokerStartError {
    /// The address can be reached from other machines.
    #[error(
        "checking the broker's address {listen}: it is not a loopback address, and clients do not \
         prove who they are yet; set `broker.listen` in hub.toml to 127.0.0.1:PORT, or run a \
         broker of your own"
    )]
    NotLoopback {
        /// The address asked for.
        listen: SocketAddr,
    },
    /// The library takes zero to mean that there is no limit.
    #[error("checking the broker's limits: `broker.{setting}` is zero; set it to at least 1 in hub.toml")]
    LimitZero {
        /// The setting, as hub.toml names it.
        setting: &'static str,
    },
    /// Another program has the port.
    #[error(
        "listening on {listen} for the broker: another program already does; stop it, or choose \
         another port with `broker.listen` in hub.toml"
    )]
    AddressInUse {
        /// The address asked for.
        listen: SocketAddr,
    },
    /// The system refused the address for another reason.
    #[error("listening on {listen} for the broker; check `broker.listen` in hub.toml")]
    Listen {
        /// The address asked for.
        listen: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no threads.
    #[error("starting the broker's threads; check the limits on threads and open files")]
    Threads {
        /// What the system said.
        source: io::Error,
    },
    /// The broker's own threads did not get to it.
    #[error("starting the broker on {listen}: not done within {START_TIME_MAX:?}; is the machine overloaded?")]
    Stalled {
        /// The address asked for.
        listen: SocketAddr,
    },
}

/// A broker that serves until it is dropped.
#[derive(Debug)]
pub struct Broker {
    listen: SocketAddr,
    // Taken when the broker stops.
    runtime: Option<Runtime>,
    serving: JoinHandle<()>,
    // Its other end goes with the listening socket.
    closed: mpsc::Receiver<()>,
}

impl Broker {
    /// Starts a broker. It listens when this returns.
    ///
    /// May be called inside an async runtime: it blocks for as long as binding a socket takes.
    pub fn start(config: BrokerConfig) -> Result<Self, BrokerStartError> {
        config.check()?;
        let listen = config.listen;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("headland-broker")
            .enable_all()
            .build()
            .map_err(|source| BrokerStartError::Threads { source })?;
        let (listening, started) = mpsc::sync_channel(1);
        let (open, closed) = mpsc::channel();
        let serving = runtime.spawn(serve(config, listening, open));
        let broker = Self {
            listen,
            runtime: Some(runtime),
            serving,
            closed,
        };
        match started.recv_timeout(START_TIME_MAX) {
            Ok(Ok(())) => Ok(broker),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(BrokerStartError::Stalled { listen }),
        }
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Whether it still accepts connections: false only after a fault in the broker itself.
    pub fn is_serving(&self) -> bool {
        !self.serving.is_finished()
    }

    /// Stops it, as dropping it does: disconnects every client, and returns when the port is free.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        // Not a plain drop: that panics inside another runtime.
        runtime.shutdown_background();
        if self.closed.recv_timeout(STOP_TIME_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!(listen = %self.listen, "the broker has not let go of its port yet");
        }
    }
}

impl BrokerConfig {
    fn check(&self) -> Result<(), BrokerStartError> {
        if !self.listen.ip().is_loopback() {
            return Err(BrokerStartError::NotLoopback { listen: self.listen });
        }
        if self.packet_bytes_max == 0 {
            return Err(BrokerStartError::LimitZero {
                setting: "packet_bytes_max",
            });
        }
        if self.connections_max == 0 {
            return Err(BrokerStartError::LimitZero {
                setting: "connections_max",
            });
        }
        Ok(())
    }
}
