//! The thread that owns the replica: everything that happens to it comes through one bounded inbox.

mod outbox;
mod pace;
#[cfg(test)]
mod tests;
mod waiting;

use crate::answer::Queue;
use crate::bridging::{Answered, Told};
use crate::following::{Asked, Heard};
use crate::opening::now;
use crate::operation::{
    Decided, Decision, OperationError, ReadImport, RevertWish, perform_decision, perform_import, perform_put,
    perform_revert,
};
use crate::registrar::RequestNote;
use crate::registry::bridge::{self, BridgeError};
use crate::registry::follow::{self, Applied, FollowError};
use crate::registry::{ImportReport, Put, PutReport, RevertReport};
use crate::replica::{Counts, INBOX_MAX, Looks, Replica};
use crate::report;
use crate::store::{Outlet, Store, WrittenBack};
use crate::writeback::Standing;
use headland_host::link::{Delivery, LinkEvent, LinkHandle};
use headland_host::log::{Limited, Verdict};
use headland_host::service::Pulse;
use headland_host::tables::StoreError;
use headland_shared::epoch::Position;
use headland_shared::frame::is_hello;
use headland_shared::session::Ms;
use headland_shared::topic;
use outbox::Outbox;
use pace::Pace;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use waiting::Waiting;

/// Inputs that wait for the replica: a large import holds it for a second, and after a broker's restart a whole region
/// greets in about that time. What finds no room is said again by its agent.
const INBOX_INPUTS_MAX: usize = 8 * INBOX_MAX;
/// Bytes in frames that wait. Greetings have a few hundred; this bounds the memory when many agents upload much.
const INBOX_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Frames worked off together. Each may be a hello, and all that answers it, a welcome and a window of parts, is made
/// before the first of it is sent: at the default length of frames 40 MiB for all.
const FLUSH_FRAMES_MAX: usize = 64;
/// Agents that are put off after one flush. Their answers are short.
const PUT_OFF_FRAMES_MAX: usize = 256;
/// How soon a full link is offered the next frame again: it takes hundreds in that time.
const OFFER_AGAIN_MS: u64 = 2;
/// Lines of one kind in the log, per interval.
const LINES_MAX: u32 = 5;
const LINES_INTERVAL_MS: u64 = 60_000;

/// What happens to the replica.
#[derive(Debug)]
pub(crate) enum Input {
    /// The link tells something.
    Link(LinkEvent),
    /// Somebody imports.
    Import(ReadImport, oneshot::Sender<Result<ImportReport, OperationError>>),
    /// Somebody reverts.
    Revert(RevertWish, oneshot::Sender<Result<RevertReport, OperationError>>),
    /// Somebody puts one element.
    Put(Box<Put>, oneshot::Sender<Result<PutReport, OperationError>>),
    /// Somebody decides.
    Decide(Decision, oneshot::Sender<Result<Decided, OperationError>>),
    /// The hub whose registry this one follows has said something.
    Follow(Box<Heard>, oneshot::Sender<Result<Applied, FollowError>>),
    /// A hub that follows the registry of this one holds this of it.
    HeldElsewhere(Position),
    /// The database whose tables this hub follows has said something.
    Bridge(Box<Told>, oneshot::Sender<Answered>),
    /// What is held here was the registry's state at this moment.
    Known(Ms),
    /// Up to here what devices wrote is in the registry that it is written to.
    WrittenBack(Outlet, WrittenBack),
    /// Something became of a request that sets something in a database.
    Request(Box<RequestNote>, Option<oneshot::Sender<Result<(), StoreError>>>),
    /// Nothing: look at the flags.
    Wake,
}

/// What others may know of the replica between commits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Live {
    /// The broker, while the link is up.
    pub(crate) broker: Option<String>,
    /// What was counted.
    pub(crate) counts: Counts,
    /// Frames that a link that was up did not take.
    pub(crate) frames_dropped: u64,
    /// Grows whenever the registry may have said something: for followers who wait for that.
    pub(crate) registry_moves: u64,
    /// What went wrong with the store last, until it works again.
    pub(crate) trouble: Option<String>,
    /// How the writing back stands, on each way that there is.
    pub(crate) write_backs: Vec<(Outlet, watch::Receiver<Standing>)>,
}

/// Puts inputs into the driver's inbox.
#[derive(Debug, Clone)]
pub(crate) struct Inlet {
    inputs: SyncSender<Input>,
    bytes: Arc<AtomicUsize>,
    /// Frames that the driver has taken and not worked off.
    frames: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    pulse: Pulse,
}

impl Inlet {
    /// Puts in what the link tells, if there is room.
    pub(crate) fn put_event(&self, event: LinkEvent) -> Delivery {
        let bytes = match &event {
            LinkEvent::Frame { payload, .. } => payload.len(),
            LinkEvent::Up { .. } | LinkEvent::Down { .. } | LinkEvent::Rests => 0,
        };
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let delivery = match bytes > 0 && before + bytes > INBOX_BYTES_MAX {
            true => Delivery::Dropped,
            false => self.try_put(Input::Link(event)).into(),
        };
        if delivery != Delivery::Taken {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        delivery
    }

    /// One whose inputs nobody takes.
    #[cfg(test)]
    pub(crate) fn to_nobody() -> Self {
        Self {
            inputs: sync_channel(1).0,
            bytes: Arc::default(),
            frames: Arc::default(),
            stop: Arc::default(),
            pulse: Pulse::default(),
        }
    }

    pub(crate) fn try_put(&self, input: Input) -> Result<(), TrySendError<Input>> {
        self.inputs.try_send(input)
    }

    /// What waits for the replica.
    pub(crate) fn queue(&self) -> Queue {
        Queue {
            frames: self.frames.load(Ordering::Relaxed) as u64,
            bytes: self.bytes.load(Ordering::Relaxed) as u64,
        }
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
    inlet: Inlet,
    inbox: Receiver<Input>,
    /// Frames that wait for the answers to earlier ones to be sent.
    waiting: Waiting,
    pace: Pace,
    outbox: Outbox,
    live: watch::Sender<Live>,
    /// Whoever follows the registry, where that is elsewhere: looks when asked.
    asked: Option<Asked>,
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
                bytes: Arc::default(),
                frames: Arc::default(),
                stop: Arc::default(),
                pulse: Pulse::default(),
            },
            inbox,
            waiting: Waiting::default(),
            pace: Pace::default(),
            outbox: Outbox::default(),
            live: watch::channel(Live::default()).0,
            asked: None,
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

    /// Agents that want the present wait until whoever follows the registry has looked.
    pub(crate) fn look_when_asked(&mut self, asked: Asked) {
        self.asked = Some(asked);
    }

    /// Lets the others know how the writing back on one way stands.
    pub(crate) fn show_write_back(&self, outlet: Outlet, standing: watch::Receiver<Standing>) {
        self.live.send_modify(|live| live.write_backs.push((outlet, standing)));
    }

    pub(crate) fn store(&self) -> Store {
        self.replica.store().clone()
    }

    /// Runs until somebody asks it to stop.
    pub(crate) fn run(mut self, link: &LinkHandle) {
        while !self.inlet.stop.load(Ordering::Acquire) {
            match self.inbox.recv_timeout(self.wait()) {
                Ok(input) => self.take_all(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.note_reach();
            self.work_off();
            self.look();
            self.inlet.frames.store(self.waiting.len(), Ordering::Relaxed);
            let passed = self.replica.handle_timeout(now());
            self.after(&passed);
            self.outbox.send(&mut self.replica, link, now().mono);
            let (counts, dropped) = (self.replica.counts(), self.outbox.dropped());
            self.live.send_if_modified(|live| {
                let changed = (live.counts, live.frames_dropped) != (counts, dropped);
                (live.counts, live.frames_dropped) = (counts, dropped);
                changed
            });
            self.inlet.pulse.answer();
        }
    }

    /// While the registry is out of reach nobody waits for a look at it.
    fn note_reach(&mut self) {
        if let Some(asked) = &self.asked {
            self.replica.registry_looks(match asked.is_in_vain() {
                true => Looks::Never,
                false => Looks::WhenAsked,
            });
        }
    }

    /// Answers those who wait for the present, and has it looked at for those who came since.
    fn look(&mut self) {
        if self.outbox.is_blocked() {
            return;
        }
        let answered = self.replica.answer_parked(now());
        self.after(&answered);
        if let Some(asked) = self.asked.as_ref().filter(|_| self.replica.take_look_wanted()) {
            asked.ask();
        }
    }

    fn wait(&self) -> Duration {
        if self.outbox.is_blocked() {
            return Duration::from_millis(OFFER_AGAIN_MS);
        }
        if !self.waiting.is_empty() {
            return Duration::ZERO;
        }
        Duration::from_millis(self.replica.deadline().saturating_sub(now().mono))
    }

    /// Takes what waits in the inbox, but not what comes meanwhile.
    fn take_all(&mut self, first: Input) {
        self.take(first);
        for _ in 1..INBOX_INPUTS_MAX {
            match self.inbox.try_recv() {
                Ok(_) if self.inlet.stop.load(Ordering::Acquire) => return,
                Ok(input) => self.take(input),
                Err(_) => return,
            }
        }
    }

    /// Works frames off with one wait for the disk, unless answers to earlier ones still wait for the link.
    fn work_off(&mut self) {
        if self.outbox.is_blocked() || self.waiting.is_empty() {
            return;
        }
        self.pace.begins(Instant::now());
        let mut hellos = 0;
        for (agent, frame) in self.waiting.take(FLUSH_FRAMES_MAX) {
            hellos += usize::from(is_hello(&frame));
            self.inlet.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
            if let Err(refused) = self.replica.frame(agent, frame)
                && let Verdict::Write { suppressed } = self.refused_lines.line(now().mono)
            {
                tracing::warn!(suppressed, "{refused}");
            }
        }
        let flushed = self.replica.flush(now());
        self.after(&flushed);
        if flushed.is_ok() {
            self.live.send_if_modified(|live| live.trouble.take().is_some());
        }
        self.pace.answered(hellos, self.waiting.greeting(), Instant::now());
        self.put_off();
    }

    /// Tells those who would wait too long when their turn is. They would ask again meanwhile, and be in the way.
    fn put_off(&mut self) {
        let surplus = self.pace.surplus(self.waiting.greeting()).min(PUT_OFF_FRAMES_MAX);
        for _ in 0..surplus {
            let Some((agent, frame)) = self.waiting.take_last_hello() else {
                return;
            };
            self.inlet.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
            let wait = self.pace.put_off(self.waiting.greeting(), Instant::now());
            let result = self.replica.put_off(&agent, &frame, wait.as_millis() as u32, now());
            self.after(&result);
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Link(LinkEvent::Up { broker, session: 1 }) => {
                let models = report::models_held(self.replica.store()).unwrap_or(0);
                let (region, host, port) = (self.replica.region(), broker.host(), broker.port());
                tracing::info!("hub ready: region {region}, broker {host}:{port}, {models} models");
                self.live.send_modify(|live| live.broker = Some(broker.to_string()));
            }
            Input::Link(LinkEvent::Up { broker, session }) => {
                tracing::info!(%broker, session, "link up again");
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
            // A hub's link never rests.
            Input::Link(LinkEvent::Rests) => {}
            Input::Link(LinkEvent::Frame { topic, payload }) => self.take_frame(&topic, payload),
            Input::Import(wish, answer) => {
                // Whoever asked may have gone; the import counts all the same.
                let imported = perform_import(&mut self.replica, wish, now());
                self.after_operation(&imported);
                let _ = answer.send(imported);
            }
            Input::Revert(wish, answer) => {
                let reverted = perform_revert(&mut self.replica, wish, now());
                self.after_operation(&reverted);
                let _ = answer.send(reverted);
            }
            Input::Put(wish, answer) => {
                let put = perform_put(&mut self.replica, &wish, now());
                self.after_operation(&put);
                let _ = answer.send(put);
            }
            Input::Decide(decision, answer) => {
                let decided = perform_decision(&mut self.replica, &decision);
                self.after_operation(&decided);
                let _ = answer.send(decided);
            }
            Input::Follow(heard, answer) => {
                let applied = self.follow(&heard);
                // Whoever asked ends only with the program.
                let _ = answer.send(applied);
            }
            Input::HeldElsewhere(held) => {
                let restored = self.replica.registry_held_elsewhere(held, now());
                if matches!(restored, Ok(true)) {
                    self.registry_moved();
                }
                self.after(&restored.map(|_| ()));
            }
            Input::Bridge(told, answer) => {
                let answered = self.bridge(told);
                // Whoever asked ends only with the program.
                let _ = answer.send(answered);
            }
            Input::Known(as_of) => self.replica.registry_known(as_of),
            Input::WrittenBack(outlet, written) => {
                let stored = self.replica.written_back(outlet, &written);
                self.after(&stored);
            }
            Input::Request(note, answer) => {
                let RequestNote { request, put, stage } = *note;
                let remembered = self.replica.remember_request(request.as_str(), put, stage);
                self.after(&remembered);
                if let Some(answer) = answer {
                    // Whoever asked may have gone.
                    let _ = answer.send(remembered);
                }
            }
            Input::Wake => {}
        }
    }

    fn bridge(&mut self, mut told: Box<Told>) -> Answered {
        let result = bridge::apply_each(&mut self.replica, &told.mapping, &mut told.heard, told.removals, now());
        match &result {
            Ok(applied) if applied.iter().any(|one| one.seq.is_some()) => self.registry_moved(),
            Ok(_) | Err(BridgeError::Gap | BridgeError::Held(_) | BridgeError::Spool(_)) => {}
            Err(error @ (BridgeError::Store(_) | BridgeError::Commit(_))) => self.after(&Err::<(), _>(error)),
        }
        Answered { told, result }
    }

    fn follow(&mut self, heard: &Heard) -> Result<Applied, FollowError> {
        let applied = follow::apply(&mut self.replica, &heard.changes, heard.removals, now());
        match &applied {
            Ok(_) => {
                self.replica.registry_known(heard.as_of);
                self.registry_moved();
            }
            Err(error @ (FollowError::Store(_) | FollowError::Commit(_))) => self.after(&Err::<(), _>(error)),
            Err(_) => {}
        }
        applied
    }

    fn take_frame(&mut self, topic: &str, payload: Vec<u8>) {
        let agent = topic::agent_of(topic).filter(|_| self.waiting.len() < INBOX_INPUTS_MAX);
        match agent {
            Some(agent) => {
                if let Some(overtaken) = self.waiting.put(agent, payload) {
                    self.inlet.bytes.fetch_sub(overtaken.len(), Ordering::Relaxed);
                    self.replica.note_overtaken();
                }
            }
            None => {
                self.inlet.bytes.fetch_sub(payload.len(), Ordering::Relaxed);
            }
        }
    }

    /// What an operation says of the store.
    fn after_operation<T>(&mut self, result: &Result<T, OperationError>) {
        match result {
            Ok(_) => {
                self.registry_moved();
            }
            Err(error) if error.is_internal() => self.after(&Err::<(), _>(error)),
            Err(_) => {}
        }
    }

    /// The store works, and the registry may have said something.
    fn registry_moved(&mut self) {
        self.live.send_modify(|live| {
            live.trouble = None;
            live.registry_moves += 1;
        });
    }

    /// What a call on the replica left behind: nothing, or a store that failed. It recovers by itself.
    fn after<E: Display>(&mut self, result: &Result<(), E>) {
        let Err(error) = result else {
            return;
        };
        self.live.send_modify(|live| live.trouble = Some(error.to_string()));
        if let Verdict::Write { suppressed } = self.store_lines.line(now().mono) {
            tracing::error!(suppressed, "{error}");
        }
    }
}
