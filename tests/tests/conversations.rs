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

use ends::{attribute, import_into, model, name, open_agent, open_hub, region};
use headland_agent::read::{Reader, Wanted};
use headland_agent::replica::Replica as Agent;
use headland_hub::replica::{Output as HubOutput, Replica as Hub};
use headland_shared::frame::{WIRE_VERSION, decode_down, decode_up};
use headland_shared::session::Now;
use headland_shared::topic;
use std::path::{Path, PathBuf};

/// Longer than the two ever need to come into step, in seconds.
const QUIET_S_MAX: u64 = 120;
const DEVICE: &str = "device-a";
/// Fewer kinds of frames would mean that little was said.
const KINDS_MIN: usize = 8;

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conversations")
}

fn now(ms: u64) -> Now {
    Now {
        mono: 1_000 + ms,
        wall_ms: 1_760_000_000_000 + ms,
    }
}

/// What happens, and who hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    /// So much time has passed since the beginning, in milliseconds: both.
    At(u64),
    /// The registry says something new: the hub.
    Import(i64),
    /// The link comes up, or goes: the agent.
    Link(bool),
    /// A note with this text, and a count: the agent.
    Write(String),
    /// The agent said: the hub hears it.
    Up(Vec<u8>),
    /// The hub said: the agent hears it.
    Down(Vec<u8>),
    /// What the agent shows at the end.
    Models(String),
}

impl Event {
    fn line(&self) -> String {
        let hex = |frame: &[u8]| frame.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        match self {
            Self::At(ms) => format!("at {ms}"),
            Self::Import(mark) => format!("import {mark}"),
            Self::Link(up) => format!("link {}", if *up { "up" } else { "down" }),
            Self::Write(text) => format!("write {text}"),
            Self::Up(frame) => format!("up {}", hex(frame)),
            Self::Down(frame) => format!("down {}", hex(frame)),
            Self::Models(text) => format!("models {text}"),
        }
    }

    fn read(line: &str) -> Self {
        let (kind, rest) = line.split_once(' ').unwrap();
        let bytes = || {
            let pairs = (0..rest.len()).step_by(2).map(|at| &rest[at..at + 2]);
            pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
        };
        match kind {
            "at" => Self::At(rest.parse().unwrap()),
            "import" => Self::Import(rest.parse().unwrap()),
            "link" => Self::Link(rest == "up"),
            "write" => Self::Write(rest.to_owned()),
            "up" => Self::Up(bytes()),
            "down" => Self::Down(bytes()),
            "models" => Self::Models(rest.to_owned()),
            _ => panic!("{line}"),
        }
    }
}

/// What the agent shows.
fn shown(agent: &Agent) -> String {
    let models = Reader::new(agent.store().clone()).models(&Wanted::all(None)).unwrap();
    serde_json::to_string(&models.models).unwrap()
}

fn agent_hears(agent: &mut Agent, event: &Event, at: Now) {
    match event {
        Event::At(_) => agent.handle_timeout(at).unwrap(),
        Event::Link(true) => agent.link_up(region(), at).unwrap(),
        Event::Link(false) => agent.link_down(at).unwrap(),
        Event::Write(text) => {
            agent.annotate(&model("a"), None, text.clone(), at).unwrap();
            agent.count(&model("b"), &attribute("usage"), 1, at).unwrap();
            agent.flush(at).unwrap();
        }
        Event::Down(frame) => agent.frame(frame.clone(), at).unwrap(),
        Event::Import(_) | Event::Up(_) | Event::Models(_) => {}
    }
}

fn hub_hears(hub: &mut Hub, event: &Event, at: Now) {
    match event {
        Event::At(_) => hub.handle_timeout(at).unwrap(),
        Event::Import(mark) => import_into(hub, *mark, at),
        Event::Up(frame) => {
            hub.frame(name(DEVICE), frame.clone()).unwrap();
            hub.flush(at).unwrap();
        }
        Event::Link(_) | Event::Write(_) | Event::Down(_) | Event::Models(_) => {}
    }
}

/// Two that talk, and the record of it.
struct Recording {
    hub: Hub,
    agent: Agent,
    ms: u64,
    linked: bool,
    events: Vec<Event>,
}

impl Recording {
    fn happens(&mut self, event: Event) {
        match event {
            Event::At(ms) => self.ms = ms,
            Event::Link(up) => self.linked = up,
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

/// All kinds of talk: a first catch-up, live changes, urgent ones, own writes, and a catch-up after a pause.
fn record() -> Vec<Event> {
    let mut both = Recording {
        hub: open_hub(now(0)),
        agent: open_agent(now(0)),
        ms: 0,
        linked: false,
        events: Vec::new(),
    };
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
    let models = shown(&both.agent);
    both.happens(Event::Models(models));
    both.events
}

/// All recorded conversations by their files' names.
fn conversations() -> Vec<(String, Vec<Event>)> {
    let paths = std::fs::read_dir(files()).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        (path.display().to_string(), lines.map(Event::read).collect())
    };
    let all: Vec<_> = paths.map(read).collect();
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
fn the_conversation_of_this_wire_version_is_recorded_and_says_much() {
    let (file, events) = conversations()
        .into_iter()
        .find(|(file, _)| file.ends_with(&format!("wire-{WIRE_VERSION}.txt")))
        .expect("there is a file for this wire version");
    let mut kinds = std::collections::BTreeSet::new();
    for event in &events {
        let kind = match event {
            Event::Up(frame) => format!("{:?}", decode_up(frame).unwrap()),
            Event::Down(frame) => format!("{:?}", decode_down(frame).unwrap()),
            _ => continue,
        };
        kinds.insert(kind.split('(').next().unwrap().to_owned());
    }
    assert!(kinds.len() >= KINDS_MIN, "{file}: {kinds:?}");
}

#[test]
#[ignore = "writes the file of this wire version, once"]
fn record_a_conversation_of_this_wire_version() {
    let path = files().join(format!("wire-{WIRE_VERSION}.txt"));
    assert!(!path.exists(), "{} is never written again", path.display());
    std::fs::create_dir_all(files()).unwrap();
    let lines: String = record().iter().map(|event| event.line() + "\n").collect();
    let head = format!("# A conversation of wire version {WIRE_VERSION}; see tests/tests/conversations.rs.\n");
    std::fs::write(path, head + &lines).unwrap();
}
