//! The thread that owns the replica: everything that happens to it comes through one bounded inbox.

use crate::opening::now;
use crate::operation::{ImportWish, OperationError, RevertWish, perform_import, perform_revert};
use crate::registry::{ImportReport, RevertReport};
use crate::replica::{Counts, INBOX_MAX, Output, Replica};
use crate::store::Store;
use headland_host::link::{LinkBusy, LinkEvent, LinkHandle, Qos};
use headland_host::log::{Limited, Verdict};
use headland_shared::topic;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Inputs that wait for the replica: as many as one flush works off.
const INBOX_INPUTS_MAX: usize = INBOX_MAX;
/// Lines of one kind in the log, per interval.
const LINES_MAX: u32 = 5;
const LINES_INTERVAL_MS: u64 = 60_000;

/// How often a frame is offered to a link whose queue is full, and how long to wait between: together two seconds, in
/// which a broker that lives takes thousands of frames.
const OFFERS_MAX: u32 = 1_000;
const OFFER_EVERY: Duration = Duration::from_millis(2);

/// What happens to the replica.
#[derive(Debug)]
pub(crate) enum Input {
    /// The link tells something.
    Link(LinkEvent),
    /// Somebody imports.
    Import(ImportWish, oneshot::Sender<Result<ImportReport, OperationError>>),
    /// Somebody reverts.
    Revert(RevertWish, oneshot::Sender<Result<RevertReport, OperationError>>),
    /// Nothing: look at the stop flag.
    Wake,
}

/// What others may know of the replica between commits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    /// The broker, while the link is up.
    pub(crate) broker: Option<String>,
    /// What was counted.
    pub(crate) counts: Counts,
    /// What went wrong last.
    pub(crate) trouble: Option<String>,
}

/// Puts inputs into the driver's inbox.
#[derive(Debug, Clone)]
pub(crate) struct Inlet {
    inputs: SyncSender<Input>,
    stop: Arc<AtomicBool>,
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
}

/// The replica and what it takes to run it.
#[derive(Debug)]
pub(crate) struct Driver {
    replica: Replica,
    inlet: Inlet,
    inbox: Receiver<Input>,
    live: watch::Sender<Live>,
    refused_lines: Limited,
    store_lines: Limited,
    link_lines: Limited,
}

impl Driver {
    pub(crate) fn new(replica: Replica) -> Self {
        let (inputs, inbox) = sync_channel(INBOX_INPUTS_MAX);
        let limited = || Limited::new(LINES_MAX, LINES_INTERVAL_MS);
        Self {
            replica,
            inlet: Inlet {
                inputs,
                stop: Arc::default(),
            },
            inbox,
            live: watch::channel(Live::default()).0,
            refused_lines: limited(),
            store_lines: limited(),
            link_lines: limited(),
        }
    }

    pub(crate) fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    pub(crate) fn live(&self) -> watch::Receiver<Live> {
        self.live.subscribe()
    }

    pub(crate) fn store(&self) -> Store {
        self.replica.store().clone()
    }

    /// Runs until somebody asks it to stop.
    pub(crate) fn run(mut self, link: &LinkHandle) {
        while !self.inlet.stop.load(Ordering::Acquire) {
            let wait = self.replica.deadline().saturating_sub(now().mono);
            match self.inbox.recv_timeout(Duration::from_millis(wait)) {
                Ok(input) => self.take_all(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let flushed = self.replica.flush(now());
            self.after(flushed);
            let passed = self.replica.handle_timeout(now());
            self.after(passed);
            self.send_outputs(link);
            let counts = self.replica.counts();
            self.live
                .send_if_modified(|live| std::mem::replace(&mut live.counts, counts) != counts);
        }
    }

    /// Takes what waits, so that all of it shares one wait for the disk.
    fn take_all(&mut self, first: Input) {
        self.take(first);
        for _ in 1..INBOX_MAX {
            match self.inbox.try_recv() {
                Ok(input) => self.take(input),
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Link(LinkEvent::Up { broker, .. }) => {
                tracing::info!(region = %self.replica.region(), %broker, "hub ready");
                self.live.send_modify(|live| live.broker = Some(broker.to_string()));
            }
            Input::Link(LinkEvent::Down {
                broker,
                reason,
                retry_in_ms,
            }) => {
                if let Verdict::Write { suppressed } = self.link_lines.line(now().mono) {
                    tracing::warn!(%broker, %reason, retry_in_ms, suppressed, "no link to the broker");
                }
                self.live.send_modify(|live| live.broker = None);
            }
            Input::Link(LinkEvent::Frame { topic, payload }) => self.take_frame(&topic, payload),
            Input::Import(wish, answer) => {
                // Whoever asked may have gone; the import counts all the same.
                let _ = answer.send(perform_import(&mut self.replica, &wish, now()));
            }
            Input::Revert(wish, answer) => {
                let _ = answer.send(perform_revert(&mut self.replica, wish, now()));
            }
            Input::Wake => {}
        }
    }

    fn take_frame(&mut self, topic: &str, payload: Vec<u8>) {
        let Some(agent) = topic::agent_of(topic) else {
            return;
        };
        if let Err(refused) = self.replica.frame(agent, payload)
            && let Verdict::Write { suppressed } = self.refused_lines.line(now().mono)
        {
            tracing::warn!(suppressed, "{refused}");
        }
    }

    /// What a call on the replica left behind: nothing, or a store that failed. It recovers by itself.
    fn after<E: Display>(&mut self, result: Result<(), E>) {
        let Err(error) = result else {
            return;
        };
        self.live.send_modify(|live| live.trouble = Some(error.to_string()));
        if let Verdict::Write { suppressed } = self.store_lines.line(now().mono) {
            tracing::error!(suppressed, "{error}");
        }
    }

    fn send_outputs(&mut self, link: &LinkHandle) {
        while let Some(output) = self.replica.poll() {
            let (topic, frame, qos) = match output {
                Output::Send { topic, frame } => (topic, frame, Qos::AtLeastOnce),
                Output::Publish { topic, frame } => (topic, frame, Qos::AtMostOnce),
            };
            send(link, &topic, frame, qos);
        }
    }
}

/// Sends a frame, waiting for room: a catch-up for many agents is longer than the link's queue. What is lost all the
/// same is asked for again by the agent, and counted by the link.
fn send(link: &LinkHandle, topic: &str, frame: Vec<u8>, qos: Qos) {
    for _ in 0..OFFERS_MAX {
        match link.try_send(topic, frame.clone(), qos) {
            Err(LinkBusy::Full) => std::thread::sleep(OFFER_EVERY),
            Err(error @ (LinkBusy::TooLarge { .. } | LinkBusy::Topic)) => return tracing::error!("{error}"),
            Ok(()) | Err(LinkBusy::Down) => return,
        }
    }
}
