//! The thread that owns the replica: everything that happens to it comes through one bounded inbox.

mod live;
mod local_write;
mod manners;
mod tidying;

pub(crate) use live::{Live, LostLink};
pub(crate) use local_write::LocalWrite;

use crate::opening::{Opening, OpeningError, now};
use crate::replica::{Replica, WriteError};
use crate::settings::Settings;
use crate::store::{Request, Store, Written};
use crate::uplink::Listening;
use headland_host::broker_address::BrokerAddress;
use headland_host::link::{LinkBusy, LinkEvent, LinkHandle, Qos};
use headland_host::log::{Limited, Verdict};
use headland_host::service::Pulse;
use headland_host::tables::StoreError;
use headland_shared::name::{Region, ReplicaName};
use headland_shared::session::Now;
use headland_shared::topic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tidying::Tidying;
use tokio::sync::{oneshot, watch};

/// Inputs that wait for the replica: a hub's window of catch-up parts fits several times over, even cut into
/// pieces, and at the default length of frames a full inbox holds 8 MiB.
const INBOX_INPUTS_MAX: usize = 128;

/// Inputs that are taken before what is urgent of them is kept, as long as more are here: few, since each may wait for the
/// disk.
const BEFORE_URGENT_MAX: usize = 8;

/// How long the thread sleeps when nothing is due. Only a bound: every input wakes it.
const IDLE_MS: u64 = 60_000;

/// Lines of one kind in the log, per interval: enough to see what is wrong, few enough for a small flash.
const LINES_MAX: u32 = 5;
const LINES_INTERVAL_MS: u64 = 60_000;

/// What happens to the replica.
#[derive(Debug)]
pub(crate) enum Input {
    /// The link tells something.
    Link(LinkEvent),
    /// Somebody here writes, perhaps once however often it is sent; the answer goes back when the write is durable.
    Write(
        LocalWrite,
        Option<Box<Request>>,
        oneshot::Sender<Result<Written, WriteError>>,
    ),
    /// Somebody wants to know whether what is here is the present.
    AskHub,
    /// Somebody wants to be in step with the hub, though the device sleeps or waits to try again.
    Sync,
    /// Nothing: look at the flags.
    Wake,
}

/// Puts inputs into the driver's inbox.
#[derive(Debug, Clone)]
pub(crate) struct Inlet {
    inputs: SyncSender<Input>,
    stop: Arc<AtomicBool>,
    pulse: Pulse,
}

impl Inlet {
    pub(crate) fn try_put(&self, input: Input) -> Result<(), TrySendError<Input>> {
        self.inputs.try_send(input)
    }

    /// Asks the driver to finish what it is at and end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        // With a full inbox the driver is awake and sees the flag; one that is gone needs no waking.
        let _ = self.inputs.try_send(Input::Wake);
    }

    /// Asks the driver for a sign of life.
    pub(crate) fn ask_for_life(&self) {
        self.pulse.ask();
        // As for a stop: with a full inbox the driver is awake.
        let _ = self.inputs.try_send(Input::Wake);
    }
}

/// The replica and what it takes to run it.
#[derive(Debug)]
pub(crate) struct Driver {
    replica: Replica,
    name: ReplicaName,
    inlet: Inlet,
    inbox: Receiver<Input>,
    /// The input after the one that is taken, if it is here already.
    ahead: Option<Input>,
    /// Inputs since what is urgent was kept.
    since_urgent: usize,
    live: watch::Sender<Live>,
    /// The region of the hub that the link is up to.
    region: Option<Region>,
    /// What the link subscribes to.
    listening: Listening,
    /// A device that sleeps between contacts.
    sleeper: Option<manners::Sleeper>,
    /// What of the link's bytes counts already.
    carried: u64,
    /// Whether somebody wants the link now.
    hurries: bool,
    /// When the store's file is looked at.
    tidying: Tidying,
    refused_lines: Limited,
    store_lines: Limited,
}

impl Driver {
    /// Opens the replica. The caller learns at once when that fails.
    pub(crate) fn open(opening: &Opening, settings: &Settings) -> Result<Self, OpeningError> {
        let mut replica = opening.replica_in_any_case()?;
        let name = replica.actor().name.clone();
        let configured = &settings.name;
        if name != *configured {
            tracing::warn!(%name, %configured, "the store was begun under another name and keeps it; to change the name, begin a new store");
        }
        let (inputs, inbox) = sync_channel(INBOX_INPUTS_MAX);
        let listening = Listening::new(settings, &name, replica.spares(now()));
        let (live, _) = watch::channel(Live::of(&replica, now()));
        Ok(Self {
            replica,
            listening,
            sleeper: None,
            carried: 0,
            hurries: false,
            tidying: Tidying::default(),
            name,
            inlet: Inlet {
                inputs,
                stop: Arc::default(),
                pulse: Pulse::default(),
            },
            inbox,
            ahead: None,
            since_urgent: 0,
            live,
            region: None,
            refused_lines: Limited::new(LINES_MAX, LINES_INTERVAL_MS),
            store_lines: Limited::new(LINES_MAX, LINES_INTERVAL_MS),
        })
    }

    /// The name under which this device writes.
    pub(crate) fn name(&self) -> &ReplicaName {
        &self.name
    }

    /// What the link is to subscribe to.
    pub(crate) fn listening(&self) -> Listening {
        self.listening.clone()
    }

    /// Where inputs are put.
    pub(crate) fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    /// Where the replica stands, for whoever watches.
    pub(crate) fn live(&self) -> watch::Receiver<Live> {
        self.live.subscribe()
    }

    /// The store, for readers.
    pub(crate) fn store(&self) -> Store {
        self.replica.store().clone()
    }

    /// Runs until somebody asks it to stop; then saves what it knows about its age.
    pub(crate) fn run(mut self, link: &LinkHandle) {
        while !self.inlet.stop.load(Ordering::Acquire) {
            let input = match self.ahead.take() {
                Some(input) => Ok(input),
                None => self.inbox.recv_timeout(self.wait()),
            };
            match input {
                Ok(input) => self.take_before_others(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.pass_time();
            self.send_outputs(link);
            self.mind_the_link(link);
            let (replica, now) = (&self.replica, now());
            self.live.send_if_modified(|live| live.follow(replica, now));
            self.inlet.pulse.answer();
            self.tidy_when_quiet();
        }
        if let Err(error) = self.replica.link_down(now()) {
            tracing::warn!(%error, "the age of the cache was not saved; it will look older than it is");
        }
        if let Err(error) = self.replica.settle_budget(now()) {
            tracing::warn!(%error, "what the link carried last was not saved; it will look a little more than it was");
        }
        self.tidy_at_the_end();
    }

    fn wait(&self) -> Duration {
        let mono = now().mono;
        let ms = self
            .replica
            .deadline()
            .into_iter()
            .chain(self.wakes_or_sleeps_at())
            .chain(self.tidying.due())
            .min()
            .map_or(IDLE_MS, |due| due.saturating_sub(mono).min(IDLE_MS));
        Duration::from_millis(ms)
    }

    /// Takes an input. What is urgent of it may come again with the next one.
    fn take_before_others(&mut self, input: Input) {
        self.ahead = self.inbox.try_recv().ok();
        self.since_urgent += 1;
        let more = self.ahead.is_some() && self.since_urgent < BEFORE_URGENT_MAX;
        self.replica.more_waits(more);
        self.take(input);
        let changed = self.replica.counts().records_changed;
        self.tidying.disturb(changed, now().mono);
        if !more {
            self.since_urgent = 0;
            let kept = self.replica.keep_urgent();
            self.after(kept, now());
        }
    }

    fn take(&mut self, input: Input) {
        let now = now();
        match input {
            Input::Link(LinkEvent::Up { broker, session }) => self.link_up(broker, session, now),
            Input::Link(LinkEvent::Down {
                broker,
                reason,
                retry_in_ms,
            }) => {
                if self.region.take().is_some() {
                    tracing::info!(%broker, %reason, retry_in_ms, "link lost");
                }
                let retry_at = now.mono + retry_in_ms;
                self.live.send_modify(|live| {
                    live.lost(LostLink {
                        broker,
                        reason,
                        retry_at,
                    })
                });
                let saved = self.replica.link_down(now);
                self.after(saved, now);
            }
            Input::Link(LinkEvent::Rests) => {
                self.region = None;
                self.live.send_modify(|live| live.broker = None);
                let saved = self.replica.link_down(now);
                self.after(saved, now);
            }
            Input::Link(LinkEvent::Frame { payload, .. }) => {
                if let Err(refused) = self.replica.frame(payload, now) {
                    self.note_trouble(refused.to_string());
                    if let Verdict::Write { suppressed } = self.refused_lines.line(now.mono) {
                        tracing::warn!(suppressed, "{refused}");
                    }
                }
            }
            Input::Write(write, request, answer) => {
                let result = match request {
                    Some(request) => self.replica.once(*request, |replica| write.perform(replica, now)),
                    None => write.perform(&mut self.replica, now),
                };
                let written = result.is_ok();
                // Who asks for the status after the answer finds the write in it.
                let replica = &self.replica;
                self.live.send_if_modified(|live| live.follow(replica, now));
                // A writer that has gone away has its write all the same.
                let _ = answer.send(result);
                if written {
                    self.noted(now);
                    let flushed = self.replica.flush(now);
                    self.after(flushed, now);
                }
            }
            Input::AskHub => {
                let asked = self.replica.ask_hub(now);
                self.after(asked, now);
            }
            Input::Sync => self.wanted(now),
            Input::Wake => {}
        }
    }

    fn link_up(&mut self, broker: BrokerAddress, session: u64, now: Now) {
        tracing::info!(%broker, session, "link up");
        // What an address takes for a region is a valid name of one.
        self.region = Region::new(broker.region()).ok();
        self.live.send_modify(|live| live.linked(broker));
        if let Some(region) = self.region.clone() {
            let greeted = self.replica.link_up(region, now);
            self.after(greeted, now);
        }
    }

    fn pass_time(&mut self) {
        let now = now();
        if self.replica.deadline().is_some_and(|due| due <= now.mono) {
            let passed = self.replica.handle_timeout(now);
            self.after(passed, now);
        }
    }

    /// What a call on the replica left behind: nothing, or a store that failed. It recovers by itself, and the
    /// session asks again for what it could not keep.
    fn after(&mut self, result: Result<(), StoreError>, now: Now) {
        let Err(error) = result else {
            return;
        };
        self.note_trouble(error.to_string());
        if let Verdict::Write { suppressed } = self.store_lines.line(now.mono) {
            tracing::error!(suppressed, "{error}");
        }
    }

    fn note_trouble(&mut self, trouble: String) {
        self.live.send_modify(|live| live.trouble = Some(trouble));
    }

    fn send_outputs(&mut self, link: &LinkHandle) {
        while let Some(frame) = self.replica.poll() {
            let Some(region) = &self.region else {
                continue;
            };
            let sent = link.try_send(&topic::up(region, &self.name), frame, Qos::AtLeastOnce);
            // A frame that is lost is said again by the session, and counted by the link.
            if let Err(error @ (LinkBusy::TooLarge { .. } | LinkBusy::Topic)) = sent {
                tracing::error!("{error}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
