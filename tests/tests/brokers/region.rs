//! A region under test: a fleet, what its registry said, and all that its devices wrote.

use headland_fleet::fleet::shown::{Key, Shown, ShownModel, shown};
use headland_fleet::fleet::{BrokerChoice, Fleet, is_equal};
use headland_host::text::segment;
use headland_shared::digest::hash_128;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// So many that a release is many parts on a narrow link, and few enough for a debug build.
const MODELS: usize = 2_000;
/// One in so many models is withdrawn by each release, and one added.
const WITHDRAWN_EVERY: usize = 40;
/// Models of which devices write: these stay throughout.
const LASTING: usize = 7;
const NAMESPACE: &str = "field";
/// Heartbeats and batches of a test do not go by the times of days.
const FEED: &str = "[feed]\np1_ms_max = 0\np2_ms_max = 200\nheartbeat_ms = 500\n";
/// A frame of which a part is 12 KiB: a release takes tens of them.
const SMALL_FRAMES: &str = "frame_bytes_max = 4096\n";
/// Far longer than anything here takes, so that only a hang runs into it.
const PATIENCE_S: u64 = 90;
const POLL: Duration = Duration::from_millis(20);

/// A region and what must be true of it.
pub(crate) struct TestRegion {
    pub(crate) fleet: Fleet,
    expected: Shown,
    written: usize,
}

impl TestRegion {
    /// A hub with its first release, and agents that have converged; every other one takes small frames only.
    pub(crate) async fn start(broker: BrokerChoice, agents: usize) -> Self {
        let binary = Path::new(env!("CARGO_BIN_EXE_headland-fleet"));
        let mut region = Self {
            fleet: Fleet::start(binary, broker, FEED).await.unwrap(),
            expected: Shown::default(),
            written: 0,
        };
        region.release(1).await;
        for agent in 0..agents {
            let lines = if agent % 2 == 1 { SMALL_FRAMES } else { "" };
            region.fleet.add_agent(lines).unwrap();
        }
        region.until_proven().await;
        region
    }

    /// The registry publishes a release that changes every model, withdraws some and adds some.
    pub(crate) async fn release(&mut self, number: usize) {
        let skipped = (number - 1) * MODELS / WITHDRAWN_EVERY;
        let lasting = 0..LASTING;
        let others = LASTING + skipped..LASTING + skipped + MODELS;
        let mut text = String::new();
        let mut models = Shown::default();
        for model in lasting.chain(others) {
            let key = key(model);
            let attributes = attributes(number, model);
            writeln!(text, "{}", json!({ "id": key.1, "attributes": attributes })).unwrap();
            let before = self.expected.0.remove(&key).unwrap_or_default();
            models.0.insert(key, ShownModel { attributes, ..before });
        }
        self.expected = models;
        let file = self.fleet.directory().join("release.jsonl");
        std::fs::write(&file, text).unwrap();
        let wish = json!({
            "files": [file], "namespace": NAMESPACE, "allow_removals": true, "register": true, "dry_run": false,
        });
        self.fleet.hub.post("/v1/import", &wish).await.unwrap();
    }

    /// Each of these agents writes a note and counts uses of each lasting model, whether it has a link or not.
    pub(crate) async fn write(&mut self, agents: impl IntoIterator<Item = usize>) {
        for agent in agents {
            let program = &self.fleet.members[agent].program;
            for model in 0..LASTING {
                self.written += 1;
                let key = key(model);
                let target = format!("/v1/namespaces/{}/models/{}", segment(&key.0), segment(&key.1));
                let note = json!({ "text": format!("note {} by {agent}", self.written), "subject": "field" });
                let note = program.post(&format!("{target}/annotations"), &note).await.unwrap();
                let uses = 1 + (self.written % 5) as u64;
                let count = json!({ "amount": uses });
                program.post(&format!("{target}/usage"), &count).await.unwrap();
                let expected = self.expected.0.get_mut(&key).unwrap();
                expected.usage += uses;
                expected.notes.push(note["id"].as_str().unwrap().to_owned());
                expected.notes.sort();
            }
        }
    }

    /// What an agent says of itself.
    pub(crate) async fn agent(&self, agent: usize) -> Value {
        self.fleet.members[agent].program.get("/v1/status").await.unwrap()
    }

    pub(crate) async fn hub(&self) -> Value {
        self.fleet.hub.get("/v1/status").await.unwrap()
    }

    /// Waits until everybody holds the same and the hub has proof of it.
    pub(crate) async fn until_proven(&mut self) {
        let begun = Instant::now();
        loop {
            let (hub, agents) = self.fleet.states().await.unwrap();
            let all_equal = agents
                .iter()
                .all(|agent| agent.as_ref().is_some_and(|agent| is_proven(&hub, agent)));
            if all_equal && hub["agents_proven_in_sync"] == agents.len() {
                return;
            }
            if begun.elapsed().as_secs() > PATIENCE_S {
                panic!(
                    "{}",
                    self.fleet
                        .too_long(&format!("all to be proven: {hub:#}, {agents:#?}"), PATIENCE_S)
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until something is true.
    pub(crate) async fn until(&mut self, what: &str, mut is_true: impl FnMut(&Fleet) -> bool) {
        let begun = Instant::now();
        while !is_true(&self.fleet) {
            if begun.elapsed().as_secs() > PATIENCE_S {
                panic!("{}", self.fleet.too_long(what, PATIENCE_S));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Everybody holds what was said and written, each thing once, and the hub has proof of all agents in all scopes.
    pub(crate) async fn check(&self) {
        let hub = self.hub().await;
        assert!(
            hub["scopes"].as_array().is_some_and(|scopes| scopes.len() > 1),
            "{hub:#}"
        );
        for scope in hub["scopes"].as_array().unwrap() {
            assert_eq!(scope["agents"], self.fleet.members.len(), "{scope}");
            assert_eq!(scope["agents_proven_in_sync"], scope["agents"], "{scope}");
        }
        let agents = self.fleet.members.iter().map(|member| &member.program);
        for program in std::iter::once(&self.fleet.hub).chain(agents) {
            let held = shown(program).await.unwrap();
            assert_eq!(held.keys(), self.expected.keys(), "{}", program.name());
            for (key, model) in &held.0 {
                assert_eq!(model, &self.expected.0[key], "{} at {}", key.1, program.name());
            }
        }
    }

    /// Ends all programs, none of which may have logged an error.
    pub(crate) fn end(self) {
        self.fleet.end().unwrap();
    }
}

fn is_proven(hub: &Value, agent: &Value) -> bool {
    is_equal(hub, agent) && agent["settled"] == true && agent["proof"]["equal"] == true && agent["head"] == hub["head"]
}

fn key(model: usize) -> Key {
    (NAMESPACE.to_owned(), format!("models/{model:05}"))
}

/// Attributes that no compression makes small: what a slow link carries takes its time.
fn attributes(release: usize, model: usize) -> Map<String, Value> {
    let task = ["detection", "segmentation", "image-classification"][model % 3];
    let digest = |part: u8| format!("{:032x}", hash_128(&[format!("{release} {model} {part}").as_bytes()]));
    let checksum: String = (0..4).map(digest).collect();
    let attributes = json!({ "task": task, "license": "apache-2.0", "checksum": checksum });
    attributes.as_object().unwrap().clone()
}
