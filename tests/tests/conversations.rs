//! Conversations of released wire versions, replayed: today's hub with the agent of then, and today's agent with the hub
//! of then.
//!
//! A file holds all that an agent and a hub said, and what happened to them, one a line. The file of a released version
//! is never changed: where a replay fails, devices in the field could not talk to this version. A new wire version, or
//! new kinds of frames, get a file of their own by `cargo test -p headland-fleet --test conversations -- --ignored`, which
//! writes no file that is there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "bad_frames/ends.rs"]
mod ends;
#[path = "conversations/event.rs"]
mod event;
#[path = "conversations/kept.rs"]
mod kept;
#[path = "conversations/narrow.rs"]
mod narrow;

use ends::{attribute, import_into, model, name, open_agent, open_hub, region};
use event::Event;
use headland_agent::read::{Reader, Wanted};
use headland_agent::replica::Replica as Agent;
use headland_hub::replica::{Output as HubOutput, Replica as Hub};
use headland_shared::frame::WIRE_VERSION;
use headland_shared::session::Now;
use headland_shared::topic;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Longer than the two ever need to come into step, in seconds.
const QUIET_S_MAX: u64 = 120;
const DEVICE: &str = "device-a";
/// Fewer kinds of frames would mean that little was said.
const KINDS_MIN: usize = 14;
/// How long the hub remembers what it told a device, in milliseconds, and some more.
const FORGETTING_MS: u64 = 1_200_000;
/// How often the hub is asked what it does, while it forgets, in milliseconds.
const FORGETTING_STEP_MS: u64 = 50_000;

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations")
}

fn now(ms: u64) -> Now {
    Now {
        mono: 1_000 + ms,
        wall_ms: 1_760_000_000_000 + ms,
    }
}

/// What the agent shows.
fn shown(agent: &Agent) -> String {
    let models = Reader::new(agent.store().clone()).models(&Wanted::all(None)).unwrap();
    serde_json::to_string(&models.models).unwrap()
}

fn agent_hears(agent: &mut Agent, event: &Event, at: Now) {
    match event {
        Event::Device(frame_bytes_max, filter) => *agent = narrow::open_agent(*frame_bytes_max, filter, at),
        Event::At(_) => agent.handle_timeout(at).unwrap(),
        Event::Link(true) => agent.link_up(region(), at).unwrap(),
        Event::Link(false) => agent.link_down(at).unwrap(),
        Event::Write(text) => {
            agent.annotate(&model("a"), None, text.clone(), at).unwrap();
            agent.count(&model("b"), &attribute("usage"), 1, at).unwrap();
            agent.flush(at).unwrap();
        }
        Event::Down(frame) => agent.frame(frame.clone(), at).unwrap(),
        Event::Import(_) | Event::Catalogue(..) | Event::Up(_) | Event::Models(_) => {}
    }
}

fn hub_hears(hub: &mut Hub, event: &Event, at: Now) {
    match event {
        Event::At(_) => hub.handle_timeout(at).unwrap(),
        Event::Import(mark) => import_into(hub, *mark, at),
        Event::Catalogue(models, mark) => narrow::import_into(hub, *models, *mark, at),
        Event::Up(frame) => {
            hub.frame(name(DEVICE), frame.clone()).unwrap();
            hub.flush(at).unwrap();
        }
        Event::Device(..) | Event::Link(_) | Event::Write(_) | Event::Down(_) | Event::Models(_) => {}
    }
}

/// Whether a topic is one of the live feed of some scope.
fn is_of_the_feed(topic: &str) -> bool {
    let all = topic::feeds(&region(), &"*/*".parse().unwrap());
    topic.starts_with(all.trim_end_matches(['+', '/']))
}

/// Two that talk, and the record of it.
struct Recording {
    hub: Hub,
    agent: Agent,
    ms: u64,
    linked: bool,
    filtered: bool,
    events: Vec<Event>,
}

impl Recording {
    fn happens(&mut self, event: Event) {
        match event {
            Event::At(ms) => self.ms = ms,
            Event::Link(up) => self.linked = up,
            Event::Device(..) => self.filtered = true,
            _ => {}
        }
        let at = now(self.ms);
        agent_hears(&mut self.agent, &event, at);
        hub_hears(&mut self.hub, &event, at);
        self.events.push(event);
    }

    /// Lets time pass until the agent is in step.
    fn until_quiet(&mut self) {
        for _ in 0..QUIET_S_MAX {
            self.happens(Event::At(self.ms + 1_000));
            while let Some(said) = self.next() {
                self.happens(said);
            }
            let place = self.agent.store().read().unwrap().placed().unwrap();
            let head = self.hub.store().read().unwrap().numbers().unwrap().head;
            if self.agent.is_settled() && place.is_some_and(|place| place.head == head) {
                return;
            }
        }
        panic!("they do not come into step: {:?}", self.agent.phase());
    }

    /// What one of them says next; while there is no link nobody hears the hub.
    fn next(&mut self) -> Option<Event> {
        if let Some(frame) = self.agent.poll() {
            return Some(Event::Up(frame));
        }
        while let Some(output) = self.hub.poll() {
            let frame = match output {
                // With a filter it would not know what to make of the live feed, and does not subscribe to it.
                HubOutput::Publish { topic, .. } if self.filtered && is_of_the_feed(&topic) => continue,
                HubOutput::Publish { frame, .. } => frame,
                HubOutput::Send { topic, frame } if topic == topic::down(&region(), &name(DEVICE)) => frame,
                HubOutput::Send { .. } => continue,
            };
            if self.linked {
                return Some(Event::Down(frame));
            }
        }
        None
    }
}

/// Two that have not met.
fn strangers() -> Recording {
    Recording {
        hub: open_hub(now(0)),
        agent: open_agent(now(0)),
        ms: 0,
        linked: false,
        filtered: false,
        events: Vec::new(),
    }
}

impl Recording {
    /// What was said, and what the agent shows in the end.
    fn ended(mut self) -> Vec<Event> {
        let models = shown(&self.agent);
        self.happens(Event::Models(models));
        self.events
    }
}

/// A first catch-up, live changes, urgent ones, own writes, and a catch-up after a pause.
fn record_usual() -> Vec<Event> {
    let mut both = strangers();
    both.happens(Event::Import(1));
    both.happens(Event::Link(true));
    both.until_quiet();
    both.happens(Event::Write("note 1".to_owned()));
    both.until_quiet();
    both.happens(Event::Import(2));
    both.until_quiet();
    both.happens(Event::Link(false));
    both.happens(Event::Import(3));
    both.happens(Event::Write("note 2".to_owned()));
    both.happens(Event::At(both.ms + 60_000));
    while both.next().is_some() {}
    both.happens(Event::Link(true));
    both.until_quiet();
    both.ended()
}

/// A device with short frames that wants a part of the catalogue: a catch-up of many parts, changes that are asked for,
/// and a comparison after the hub has forgotten what had been there.
fn record_narrow() -> Vec<Event> {
    let mut both = strangers();
    both.happens(Event::Device(1_024, "cost < 30".to_owned()));
    both.happens(Event::Catalogue(40, 1));
    both.happens(Event::Link(true));
    both.until_quiet();
    both.happens(Event::Catalogue(40, 2));
    both.until_quiet();
    both.happens(Event::Link(false));
    both.happens(Event::Catalogue(39, 2));
    for _ in 0..FORGETTING_MS / FORGETTING_STEP_MS {
        both.happens(Event::At(both.ms + FORGETTING_STEP_MS));
        while both.next().is_some() {}
    }
    both.happens(Event::Link(true));
    both.until_quiet();
    both.ended()
}

/// The name of a file, and how it is recorded.
type Recorded = (String, fn() -> Vec<Event>);

/// What is recorded of this wire version.
fn recordings() -> [Recorded; 2] {
    [
        (format!("wire-{WIRE_VERSION}.txt"), record_usual),
        (format!("wire-{WIRE_VERSION}-narrow.txt"), record_narrow),
    ]
}

/// All recorded conversations by their files' names.
fn conversations() -> Vec<(String, Vec<Event>)> {
    let paths = std::fs::read_dir(files()).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        (path.display().to_string(), lines.map(Event::read).collect())
    };
    let texts = paths.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    let all: Vec<_> = texts.map(read).collect();
    assert!(!all.is_empty());
    all
}

fn time(ms: &mut u64, event: &Event) -> Now {
    if let Event::At(at) = event {
        *ms = *at;
    }
    now(*ms)
}

#[test]
fn the_agent_of_today_understands_the_hubs_of_then() {
    for (file, events) in conversations() {
        let (mut agent, mut ms) = (open_agent(now(0)), 0);
        for event in &events {
            let at = time(&mut ms, event);
            agent_hears(&mut agent, event, at);
            // What it says itself is not heard by anybody: the hub of then has answered already.
            while agent.poll().is_some() {}
        }
        assert_eq!(agent.counts().frames_refused, 0, "{file}");
        assert!(agent.is_settled(), "{file}");
        let Some(Event::Models(models)) = events.last() else {
            panic!("{file} does not say what was shown at the end");
        };
        assert_eq!(&shown(&agent), models, "{file}");
    }
}

#[test]
fn the_hub_of_today_understands_the_agents_of_then() {
    for (file, events) in conversations() {
        let (mut hub, mut ms) = (open_hub(now(0)), 0);
        for event in &events {
            let at = time(&mut ms, event);
            hub_hears(&mut hub, event, at);
            while hub.poll().is_some() {}
        }
        assert_eq!(hub.counts().frames_refused, 0, "{file}");
        let reader = headland_hub::read::Reader::new(hub.store().clone());
        let models = reader.models(&headland_hub::read::Wanted::all(None)).unwrap().models;
        let models = serde_json::to_string(&models).unwrap();
        for event in &events {
            if let Event::Write(text) = event {
                assert!(models.contains(text.as_str()), "{file}: {text} is not in {models}");
            }
        }
    }
}

#[test]
fn the_conversations_of_this_wire_version_are_recorded_and_say_much() {
    let all: BTreeMap<_, _> = conversations().into_iter().collect();
    let mut kinds = BTreeSet::new();
    for (name, _) in recordings() {
        let path = files().join(&name);
        let events = all.get(&path.display().to_string());
        for event in events.unwrap_or_else(|| panic!("there is no {name}; record it")) {
            // The second byte says what a frame is.
            match event {
                Event::Up(frame) => kinds.insert(("up", frame[1])),
                Event::Down(frame) => kinds.insert(("down", frame[1])),
                _ => false,
            };
        }
    }
    assert!(kinds.len() >= KINDS_MIN, "{kinds:?}");
}

#[test]
#[ignore = "writes the files of this wire version that are not there"]
fn record_the_conversations_of_this_wire_version() {
    std::fs::create_dir_all(files()).unwrap();
    let missing = |(name, _): &Recorded| !files().join(name).exists();
    for (name, record) in recordings().into_iter().filter(missing) {
        let lines: String = record().iter().map(|event| event.line() + "\n").collect();
        let head = format!("# A conversation of wire version {WIRE_VERSION}; see tests/tests/conversations.rs.\n");
        std::fs::write(files().join(name), head + &lines).unwrap();
    }
}
