//! The task that keeps a link: which broker next, when, and what the sink is told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::connection::{Connection, Early};
use super::handle::Outlet;
use super::{Delivery, LinkConfig, LinkEvent, LinkSink};
use crate::backoff::Backoff;
use crate::broker_address::BrokerAddress;

/// How soon a change between up and down is offered again to a sink that had no room. Short beside
/// any keep-alive, and long enough to cost nothing.
const OFFER_AGAIN_MS: u64 = 20;

/// How long a session must last to count as a success. Two clients that share an identifier put
/// each other out at once; without this they would do so at the shortest delay for ever.
const STABLE_SESSION_MS_MIN: u64 = 10_000;

pub(super) struct Keeper {
    config: LinkConfig,
    sink: Box<dyn LinkSink>,
    outlet: Arc<Outlet>,
    stopped: watch::Receiver<bool>,
}

/// Why a session is over.
enum End {
    /// The link is to end.
    Stop,
    /// The broker could not be reached, did not grant what was asked, or is of no use to whoever has the link.
    Unreachable(String),
    /// The link was up, for this long, and was lost.
    Lost(String, Duration),
}

/// The link is to end.
struct Stop;

impl Keeper {
    pub(super) fn new(
        config: LinkConfig,
        sink: Box<dyn LinkSink>,
        outlet: Arc<Outlet>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self {
            config,
            sink,
            outlet,
            stopped,
        }
    }

    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.backoff_ms_base, self.config.backoff_ms_max);
        let mut turn = 0;
        loop {
            let broker = self.config.brokers[turn].clone();
            let end = self.session(&broker).await;
            self.outlet.set(None);
            let (reason, next_turn, round_failed) = match end {
                End::Stop => return,
                End::Unreachable(reason) => {
                    let next = (turn + 1) % self.config.brokers.len();
                    (reason, next, next == 0)
                }
                End::Lost(reason, lasted) => {
                    let stable = lasted >= Duration::from_millis(STABLE_SESSION_MS_MIN);
                    if stable {
                        backoff.reset();
                    }
                    (reason, 0, !stable)
                }
            };
            turn = next_turn;
            let retry_in_ms = backoff.delay_ms(random());
            if round_failed {
                backoff.lengthen();
            }
            tracing::debug!(%broker, %reason, retry_in_ms, "link down");
            let down = LinkEvent::Down {
                broker,
                reason,
                retry_in_ms,
            };
            let retry_at = Instant::now() + Duration::from_millis(retry_in_ms);
            if self.tell(down).await.is_err() || self.wait_until(retry_at).await.is_err() {
                return;
            }
        }
    }

    async fn session(&mut self, broker: &BrokerAddress) -> End {
        let mut connection = Connection::new(&self.config, broker);
        let established = tokio::select! {
            biased;
            () = stop_of(&mut self.stopped) => return End::Stop,
            established = connection.establish() => established,
        };
        let early = match established {
            Ok(early) => early,
            Err(reason) => return End::Unreachable(reason),
        };
        let since = Instant::now();
        // Before the sink is told, so that it can send at once.
        self.outlet.set(Some(connection.client()));
        let session = self.outlet.counters.session();
        tracing::debug!(%broker, session, "link up");
        let up = LinkEvent::Up {
            broker: broker.clone(),
            session,
        };
        if self.tell(up).await.is_err() || self.pass_early(early).is_err() {
            return self.leave(connection).await;
        }
        loop {
            let frame = tokio::select! {
                biased;
                () = stop_of(&mut self.stopped) => return self.leave(connection).await,
                () = self.outlet.go_on.notified() => {
                    return End::Unreachable("left for the next broker".to_owned());
                }
                frame = connection.frame() => frame,
            };
            let passed = match frame {
                Ok(frame) => self.pass(frame),
                Err(reason) => return End::Lost(reason, since.elapsed()),
            };
            if passed.is_err() {
                return self.leave(connection).await;
            }
        }
    }

    /// Says goodbye; [`super::Link::shutdown`] bounds how long that may take.
    async fn leave(&mut self, connection: Connection) -> End {
        self.outlet.set(None);
        let goodbye = Duration::from_millis(super::GOODBYE_MS_MAX);
        if tokio::time::timeout(goodbye, connection.goodbye()).await.is_err() {
            tracing::debug!("link ended without goodbye");
        }
        End::Stop
    }

    fn pass_early(&self, early: Early) -> Result<(), Stop> {
        for _ in 0..early.dropped {
            self.outlet.counters.dropped_in();
        }
        early.frames.into_iter().try_for_each(|one| self.pass(one))
    }

    /// Hands a frame to the sink, if it has room.
    fn pass(&self, frame: LinkEvent) -> Result<(), Stop> {
        let payload_bytes = match &frame {
            LinkEvent::Frame { payload, .. } => payload.len(),
            LinkEvent::Up { .. } | LinkEvent::Down { .. } => 0,
        };
        match self.sink.deliver(frame) {
            Delivery::Taken => self.outlet.counters.took(payload_bytes),
            Delivery::Dropped => self.outlet.counters.dropped_in(),
            Delivery::Closed => return Err(Stop),
        }
        Ok(())
    }

    /// Offers a change between up and down until the sink takes it.
    ///
    /// The connection rests meanwhile: to a program that cannot take so much as this, a broker
    /// that gives up on it is no loss.
    async fn tell(&mut self, change: LinkEvent) -> Result<(), Stop> {
        loop {
            match self.sink.deliver(change.clone()) {
                Delivery::Taken => return Ok(()),
                Delivery::Closed => return Err(Stop),
                Delivery::Dropped => {
                    let again = Instant::now() + Duration::from_millis(OFFER_AGAIN_MS);
                    self.wait_until(again).await?;
                }
            }
        }
    }

    async fn wait_until(&mut self, instant: Instant) -> Result<(), Stop> {
        tokio::select! {
            biased;
            () = stop_of(&mut self.stopped) => Err(Stop),
            () = tokio::time::sleep_until(instant) => Ok(()),
        }
    }
}

async fn stop_of(stopped: &mut watch::Receiver<bool>) {
    // A link that was dropped stops as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

fn random() -> u64 {
    // Without randomness the delay is the longest: late is better than all at once.
    getrandom::u64().unwrap_or(u64::MAX)
}
