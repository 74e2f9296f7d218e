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
use crate::network::NetworkNews;

/// How soon a change between up and down is offered again to a sink that had no room. Short beside
/// any keep-alive, and long enough to cost nothing.
const OFFER_AGAIN_MS: u64 = 20;

/// How long a session must last to count as a success. Two clients that share an identifier put
/// each other out at once; without this they would do so at the shortest delay for ever.
const STABLE_SESSION_MS_MIN: u64 = 10_000;

/// Over how long those who hear of the same network spread their attempts: a site's devices all see its switch come
/// back.
const NEWS_SPREAD_MS: u64 = 400;

/// How soon news of the network may make for another attempt: a network that comes and goes is not to be asked at
/// its own speed.
const NEWS_EVERY_MS: u64 = 2_000;

pub(super) struct Keeper {
    config: LinkConfig,
    sink: Box<dyn LinkSink>,
    outlet: Arc<Outlet>,
    stopped: watch::Receiver<bool>,
    wanted: watch::Receiver<bool>,
    news: Option<NetworkNews>,
    /// Before this, news of the network make for no other attempt.
    news_count_at: Instant,
}

/// Why a session is over.
enum End {
    /// The link is to end.
    Stop,
    /// The broker could not be reached, did not grant what was asked, or is of no use to whoever has the link.
    Unreachable(String),
    /// The link was up, for this long, and was lost.
    Lost(String, Duration),
    /// Nobody wants the link for now.
    Unwanted,
}

/// The link is to end.
struct Stop;

/// Why it is time for another attempt.
enum Reason {
    /// The wait is over.
    Time,
    /// The network has changed, or somebody wants the link now.
    News,
}

impl Keeper {
    pub(super) fn new(
        config: LinkConfig,
        sink: Box<dyn LinkSink>,
        outlet: Arc<Outlet>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let wanted = outlet.wanted.subscribe();
        Self {
            config,
            sink,
            outlet,
            stopped,
            wanted,
            news: None,
            news_count_at: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new(self.config.backoff_ms_base, self.config.backoff_ms_max);
        let mut turn = 0;
        self.news = NetworkNews::open()
            .inspect_err(|error| tracing::warn!(%error, "the network is not watched: a link that comes back waits for the next attempt"))
            .ok();
        loop {
            let broker = self.config.brokers[turn].clone();
            self.forget_news();
            let end = self.session(&broker).await;
            self.outlet.set(None);
            let (reason, next_turn, round_failed) = match end {
                End::Stop => return,
                End::Unwanted => {
                    backoff.reset();
                    turn = 0;
                    if self.rest().await.is_err() {
                        return;
                    }
                    continue;
                }
                End::Unreachable(reason) => {
                    let next = (turn + 1) % self.config.brokers.len();
                    (reason, next, next == 0)
                }
                End::Lost(reason, lasted) => {
                    let stable = lasted >= Duration::from_millis(STABLE_SESSION_MS_MIN);
                    if stable {
                        backoff.reset();
                    }
                    // What came while the link was up says nothing of after.
                    self.forget_news();
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
            if self.tell(down).await.is_err() {
                return;
            }
            match self.wait_to_try(retry_at).await {
                Ok(Reason::Time) => {}
                // Through another network the first may be reached.
                Ok(Reason::News) => turn = 0,
                Err(Stop) => return,
            }
        }
    }

    async fn session(&mut self, broker: &BrokerAddress) -> End {
        let mut connection = Connection::new(&self.config, broker, Arc::clone(&self.outlet));
        let established = tokio::select! {
            biased;
            () = stop_of(&mut self.stopped) => return End::Stop,
            () = unwanted(&mut self.wanted) => return End::Unwanted,
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
            self.leave(connection).await;
            return End::Stop;
        }
        loop {
            let frame = tokio::select! {
                biased;
                () = stop_of(&mut self.stopped) => {
                    self.leave(connection).await;
                    return End::Stop;
                }
                () = unwanted(&mut self.wanted) => {
                    self.leave(connection).await;
                    return End::Unwanted;
                }
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
                self.leave(connection).await;
                return End::Stop;
            }
        }
    }

    /// Says goodbye; [`super::Link::shutdown`] bounds how long that may take.
    async fn leave(&mut self, connection: Connection) {
        self.outlet.set(None);
        let goodbye = Duration::from_millis(super::GOODBYE_MS_MAX);
        if tokio::time::timeout(goodbye, connection.goodbye()).await.is_err() {
            tracing::debug!("link ended without goodbye");
        }
    }

    /// Tells that the link rests, until it is wanted again.
    async fn rest(&mut self) -> Result<(), Stop> {
        tracing::debug!("link rests");
        self.tell(LinkEvent::Rests).await?;
        tokio::select! {
            biased;
            () = stop_of(&mut self.stopped) => Err(Stop),
            // A handle that is gone wants nothing; the link then stops.
            roused = self.wanted.wait_for(|wanted| *wanted) => roused.map(drop).map_err(|_| Stop),
        }
    }

    /// Waits for the next attempt: for its time, or for what makes it worth to try before.
    async fn wait_to_try(&mut self, retry_at: Instant) -> Result<Reason, Stop> {
        let outlet = Arc::clone(&self.outlet);
        let reason = tokio::select! {
            biased;
            () = stop_of(&mut self.stopped) => return Err(Stop),
            // The rest begins where the next session would.
            () = unwanted(&mut self.wanted) => return Ok(Reason::Time),
            () = outlet.try_now.notified() => return Ok(Reason::News),
            () = came(self.news.as_ref(), self.news_count_at) => Reason::News,
            () = tokio::time::sleep_until(retry_at) => Reason::Time,
        };
        if matches!(reason, Reason::News) {
            tracing::debug!("the network has changed; trying at once");
            let spread = Duration::from_millis(random() % NEWS_SPREAD_MS);
            self.news_count_at = Instant::now() + Duration::from_millis(NEWS_EVERY_MS);
            self.wait_until(Instant::now() + spread).await?;
        }
        Ok(reason)
    }

    fn forget_news(&self) {
        if let Some(news) = &self.news {
            news.forget();
        }
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
            LinkEvent::Up { .. } | LinkEvent::Down { .. } | LinkEvent::Rests => 0,
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

async fn unwanted(wanted: &mut watch::Receiver<bool>) {
    // Without a handle nobody says that the link is to rest.
    if wanted.wait_for(|wanted| !*wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for news of the network, not before `from`; for ever where the network is not watched.
async fn came(news: Option<&NetworkNews>, from: Instant) {
    tokio::time::sleep_until(from).await;
    let came = match news {
        Some(news) => news.came().await,
        None => Err(std::io::ErrorKind::Unsupported.into()),
    };
    if came.is_err() {
        std::future::pending::<()>().await;
    }
}

fn random() -> u64 {
    // Without randomness the delay is the longest: late is better than all at once.
    getrandom::u64().unwrap_or(u64::MAX)
}
