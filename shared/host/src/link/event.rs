//! What a link tells the program that owns it.

use crate::broker_address::BrokerAddress;

/// One thing that happened to a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEvent {
    /// The broker granted every subscription; frames can be sent.
    Up {
        /// The broker.
        broker: BrokerAddress,
        /// The number of this session, from 1.
        session: u64,
    },
    /// The link was lost, or an attempt to connect failed.
    Down {
        /// The broker.
        broker: BrokerAddress,
        /// Why, for people.
        reason: String,
        /// How long the link waits before its next attempt, in milliseconds.
        retry_in_ms: u64,
    },
    /// The link rests, as [`super::LinkHandle::rest`] asked, until it is roused.
    Rests,
    /// A frame arrived.
    Frame {
        /// Its topic.
        topic: String,
        /// Its payload.
        payload: Vec<u8>,
    },
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It was taken.
    Taken,
    /// There was no room. A frame is then dropped and counted; a change between up and down is
    /// offered again until it is taken.
    Dropped,
    /// Nobody will ever take an event again; the link ends.
    Closed,
}

/// Where the events of a link go.
///
/// Every closure of the right shape is one:
///
/// ```
/// use headland_host::link::{LinkEvent, LinkSink};
///
/// let (sender, inbox) = std::sync::mpsc::sync_channel::<LinkEvent>(16);
/// let sink = move |event| sender.try_send(event).into();
/// # fn takes(_: impl LinkSink) {}
/// # takes(sink);
/// ```
pub trait LinkSink: Send {
    /// Takes an event if there is room for it, at once: the link waits meanwhile.
    fn deliver(&self, event: LinkEvent) -> Delivery;
}

impl<F: Fn(LinkEvent) -> Delivery + Send> LinkSink for F {
    fn deliver(&self, event: LinkEvent) -> Delivery {
        self(event)
    }
}

impl<T> From<Result<(), std::sync::mpsc::TrySendError<T>>> for Delivery {
    fn from(sent: Result<(), std::sync::mpsc::TrySendError<T>>) -> Self {
        use std::sync::mpsc::TrySendError;
        match sent {
            Ok(()) => Self::Taken,
            Err(TrySendError::Full(_)) => Self::Dropped,
            Err(TrySendError::Disconnected(_)) => Self::Closed,
        }
    }
}

impl<T> From<Result<(), tokio::sync::mpsc::error::TrySendError<T>>> for Delivery {
    fn from(sent: Result<(), tokio::sync::mpsc::error::TrySendError<T>>) -> Self {
        use tokio::sync::mpsc::error::TrySendError;
        match sent {
            Ok(()) => Self::Taken,
            Err(TrySendError::Full(_)) => Self::Dropped,
            Err(TrySendError::Closed(_)) => Self::Closed,
        }
    }
}
