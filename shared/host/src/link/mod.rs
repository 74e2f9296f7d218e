//! The link to an MQTT broker.
//!
//! One task keeps one connection to one broker of an ordered list, and tells a sink when it is up,
//! when it is down, and what arrives. The link promises no delivery: what cannot be sent or taken
//! at once is dropped and counted, and the protocol above repairs the loss. What it does promise
//! is that no frame given to it before a loss is sent after it, and that the sink learns of every
//! change between up and down.

mod connection;
mod counters;
mod event;
mod handle;
mod keeper;
mod unanswered;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::broker_address::BrokerAddress;
pub use counters::LinkCounts;
pub use event::{Delivery, LinkEvent, LinkSink};
pub use handle::{LinkBusy, LinkHandle};

use handle::Outlet;
use keeper::Keeper;

/// How long a link may take to say goodbye to its broker. The broker notices the closed connection
/// anyway, so a network that hangs must not keep a program from stopping.
pub const GOODBYE_MS_MAX: u64 = 1_000;

/// How long a broker on a quick line may owe an answer, in seconds: one that is under load takes its time, and a link
/// that is left for that makes for more of it.
pub const ANSWER_S_MAX: u16 = 60;

/// The smallest limit on a packet, in bytes: below it not even a subscription fits.
pub const PACKET_BYTES_MIN: usize = 1024;

/// The largest packet of MQTT 3.1.1, in bytes: what its four digits of length can say, and the
/// fixed header before them.
pub const PACKET_BYTES_CEILING: usize = 268_435_455 + 5;

/// How much the broker is to do for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qos {
    /// Pass it on once or not at all.
    AtMostOnce,
    /// Acknowledge it, and pass it on once or more while the connection lasts.
    AtLeastOnce,
}

/// One topic filter to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The filter, with MQTT's wildcards.
    pub filter: String,
    /// The most the broker is to do for a frame that matches.
    pub qos: Qos,
}

/// What to subscribe to at a broker, which may depend on its region.
pub type Subscriptions = Box<dyn Fn(&BrokerAddress) -> Vec<Subscription> + Send>;

/// How a link is to behave.
pub struct LinkConfig {
    /// The brokers in order of preference. Each failure to connect goes on to the next; each loss
    /// of a connection that was up starts again from the first. [`LinkHandle::go_on_to_next`] goes on as well.
    pub brokers: Vec<BrokerAddress>,
    /// The client identifier, which must be unique at the broker: a second connection with the
    /// same one ends the first.
    pub client_id: String,
    /// What to subscribe to; a link is up only once the broker granted all of it.
    pub subscriptions: Subscriptions,
    /// The largest MQTT packet sent or taken, in bytes, headers included. A larger one that
    /// arrives ends the connection.
    pub packet_bytes_max: usize,
    /// Seconds of silence after which the broker is asked for a sign of life; at least 1. After
    /// twice as long without one, the connection counts as lost.
    pub keep_alive_s: u16,
    /// Seconds for which a broker may say nothing at all while it owes an answer; after that, the connection counts as
    /// lost. At least 1. On a slow line the longest frame must be through by then.
    pub answer_s_max: u16,
    /// The longest wait after a first failure, in milliseconds. A round of the whole list of
    /// brokers in which none could be reached doubles it.
    pub backoff_ms_base: u64,
    /// The longest wait after any failure, in milliseconds.
    pub backoff_ms_max: u64,
}

/// Why a link cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The list of brokers is empty.
    #[error("starting the link: there is no broker to connect to; name at least one")]
    NoBroker,
    /// The client identifier is empty.
    #[error("starting the link: the client identifier is empty; name one that no other client has")]
    NoClientId,
    /// The limit on packets is out of range.
    #[error(
        "starting the link: a packet limit of {0} bytes is out of range; use {PACKET_BYTES_MIN} to {PACKET_BYTES_CEILING}"
    )]
    PacketBytes(usize),
    /// No time to answer.
    #[error("starting the link: 0 s are no time for a broker to answer; use at least 1")]
    NoTimeToAnswer,
    /// The keep-alive is zero.
    #[error("starting the link: a keep-alive of 0 s never notices a loss; use at least 1")]
    NoKeepAlive,
}

/// A running link. Dropping it ends the link without waiting for its goodbye.
#[derive(Debug)]
pub struct Link {
    handle: LinkHandle,
    stop: watch::Sender<bool>,
    keeper: JoinHandle<()>,
}

impl Link {
    /// Starts the task that keeps the link and reports to `sink`. Must be called within a runtime.
    ///
    /// # Errors
    ///
    /// When the configuration cannot work; see [`StartError`].
    pub fn start(config: LinkConfig, sink: impl LinkSink + 'static) -> Result<Self, StartError> {
        if config.brokers.is_empty() {
            return Err(StartError::NoBroker);
        }
        if config.client_id.is_empty() {
            return Err(StartError::NoClientId);
        }
        if !(PACKET_BYTES_MIN..=PACKET_BYTES_CEILING).contains(&config.packet_bytes_max) {
            return Err(StartError::PacketBytes(config.packet_bytes_max));
        }
        if config.keep_alive_s == 0 {
            return Err(StartError::NoKeepAlive);
        }
        if config.answer_s_max == 0 {
            return Err(StartError::NoTimeToAnswer);
        }
        let outlet = Arc::new(Outlet::new(config.packet_bytes_max));
        let handle = LinkHandle::new(Arc::clone(&outlet));
        let (stop, stopped) = watch::channel(false);
        let keeper = Keeper::new(config, Box::new(sink), outlet, stopped);
        Ok(Self {
            handle,
            stop,
            keeper: tokio::spawn(keeper.run()),
        })
    }

    /// A handle to send frames by and to read the counters from.
    #[must_use]
    pub fn handle(&self) -> LinkHandle {
        self.handle.clone()
    }

    /// Sends what is queued, says goodbye to the broker and ends the link, within
    /// [`GOODBYE_MS_MAX`]. The sink hears nothing of it.
    pub async fn shutdown(mut self) {
        // A keeper that is gone has nothing left to stop.
        let _ = self.stop.send(true);
        let goodbye = Duration::from_millis(GOODBYE_MS_MAX);
        if tokio::time::timeout(goodbye, &mut self.keeper).await.is_err() {
            self.keeper.abort();
        }
    }
}
