//! The store of an agent of a released version, opened by the agent of today.
//!
//! A file is the store as it was left, compressed, after the agent had talked as in `wire-1.txt` and had then written
//! something without a link. None is ever changed: where one cannot be opened, a device in the field would lose what it has
//! written when it is upgraded. A release whose store has another format adds a file of its own, by the recording below.

use super::ends::{name, open_hub};
use super::event::Event;
use super::{Agent, Recording, agent_hears, conversations, files, hub_hears, now, shown, time};
use headland_agent::replica::ReplicaConfig;
use headland_agent::store::Store;
use headland_host::store_file;
use headland_shared::session::agent::Timing;
use std::path::Path;

/// The store of version 0.1.0.
const FILE: &str = "agent-store-0.1.0.zst";
/// Longer than the recorded stores are, in bytes.
const STORE_BYTES_MAX: usize = 16 * 1024 * 1024;
const LEVEL: i32 = 19;
const UNSENT: &str = "written without a link";

/// The same device as in the conversation, with its store in a file.
fn open_agent(path: &Path, ms: u64) -> Agent {
    let config = ReplicaConfig {
        follow: vec!["*/*".parse().unwrap()],
        filter: None,
        frame_bytes_max: 65_536,
        timing: Timing::default(),
        boot: 1,
    };
    let path = path.to_path_buf();
    let open = move || Ok(store_file::open(&path, 1024 * 1024).unwrap());
    let store = Store::open(open, &name("device-a"), 7).unwrap();
    Agent::open(store, config, 8, now(ms)).unwrap()
}

fn conversation() -> Vec<Event> {
    let all = conversations();
    let (_, events) = all.into_iter().find(|(file, _)| file.ends_with("wire-1.txt")).unwrap();
    events
}

#[test]
fn the_agent_of_today_goes_on_with_the_store_of_then() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.redb");
    let mut store = vec![0; STORE_BYTES_MAX];
    let packed = std::fs::read(files().join(FILE)).unwrap();
    let length = zstd_safe::decompress(store.as_mut_slice(), &packed).unwrap();
    std::fs::write(&path, &store[..length]).unwrap();
    let (mut hub, mut ms) = (open_hub(now(0)), 0);
    for event in &conversation() {
        let at = time(&mut ms, event);
        hub_hears(&mut hub, event, at);
        while hub.poll().is_some() {}
    }
    let agent = open_agent(&path, ms);
    assert!(shown(&agent).contains(UNSENT));
    let mut both = Recording {
        hub,
        agent,
        ms,
        linked: true,
        filtered: false,
        events: Vec::new(),
    };
    both.happens(Event::Link(true));
    both.until_quiet();
    assert_eq!(both.agent.counts().snapshots, 0, "what it held was of use");
    let reader = headland_hub::read::Reader::new(both.hub.store().clone());
    let models = reader.models(&headland_hub::read::Wanted::all(None)).unwrap().models;
    assert!(serde_json::to_string(&models).unwrap().contains(UNSENT));
}

#[test]
#[ignore = "writes the store's file if it is not there"]
fn record_the_store_of_this_version() {
    let file = files().join(FILE);
    if file.exists() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.redb");
    let (mut agent, mut ms) = (open_agent(&path, 0), 0);
    let unsent = [Event::Link(false), Event::Write(UNSENT.to_owned())];
    for event in conversation().iter().chain(&unsent) {
        let at = time(&mut ms, event);
        agent_hears(&mut agent, event, at);
        while agent.poll().is_some() {}
    }
    drop(agent);
    let store = std::fs::read(&path).unwrap();
    let mut packed = vec![0; zstd_safe::compress_bound(store.len())];
    let length = zstd_safe::compress(packed.as_mut_slice(), &store, LEVEL).unwrap();
    std::fs::write(file, &packed[..length]).unwrap();
}
