//! The same with real processes: two hubs with their own brokers, and a device that moves when its hub dies.

use headland_fleet::fleet::program::{Program, command};
use headland_fleet::ports::free_port;
use headland_host::control::request_blocking;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than anything here takes, so that only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(60);
const ANSWER_MS_MAX: u64 = 30_000;

/// What makes waits short: a test does not go by the times of days.
const FAST: &str = "[link]\nbackoff_ms_base = 50\nbackoff_ms_max = 200\n";

struct Place {
    dir: TempDir,
    ports: [u16; 3],
}

impl Place {
    fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            ports: [free_port().unwrap(), free_port().unwrap(), free_port().unwrap()],
        };
        let [north, south, west] = place.ports;
        place.hub("north", north, None);
        place.hub("south", south, Some("north"));
        place.hub("west", west, Some("north"));
        let device = format!("hubs = [\"mqtt://127.0.0.1:{north}/north\", \"mqtt://127.0.0.1:{south}/south\"]\n");
        let timing = "[timing]\nacknowledge_ms = 0\nspread_ms = 10\n";
        place.configure(
            "device",
            &format!("name = \"leaf-7\"\n{device}"),
            &[timing, FAST].concat(),
        );
        place
    }

    /// Says how a hub is to run: with a registry of its own, or with another hub's.
    fn hub(&self, name: &str, port: u16, leader: Option<&str>) {
        let follow = leader.map_or_else(String::new, |leader| {
            format!("[registry]\nfollow = {:?}\n", self.path(&format!("{leader}.sock")))
        });
        let broker = format!("[broker]\nlisten = \"127.0.0.1:{port}\"\n");
        let feed = "[feed]\np1_ms_max = 0\np2_ms_max = 0\nheartbeat_ms = 200\n";
        self.configure(
            name,
            &format!("region = {name:?}\n"),
            &[&broker, &follow, feed, FAST].concat(),
        );
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self, name: &str, first: &str, tables: &str) {
        let (store, socket) = (self.path(&format!("{name}.redb")), self.path(&format!("{name}.sock")));
        let text = format!("{first}store = {store:?}\nsocket = {socket:?}\n{tables}");
        std::fs::write(self.path(&format!("{name}.toml")), text).unwrap();
    }

    fn start(&self, name: &str) -> Program {
        let verb = if name == "device" { "run" } else { "serve" };
        let mut process = Program::start(binary(), self.dir.path(), role(name), name, &[verb]).unwrap();
        // Followers start before the first import, and say who has to mend that.
        process.may_log("its registry has said nothing yet; import there");
        self.until_it_answers(name);
        process
    }

    fn until_it_answers(&self, name: &str) {
        let socket = self.path(&format!("{name}.sock"));
        let asked = || request_blocking(&socket, get(), "/v1/status", None, ANSWER_MS_MAX);
        self.until(name, || asked().is_ok().then_some(()));
    }

    fn status(&self, name: &str) -> Value {
        let socket = self.path(&format!("{name}.sock"));
        request_blocking(&socket, get(), "/v1/status", None, ANSWER_MS_MAX)
            .unwrap()
            .1
    }

    fn model(&self, name: &str) -> Value {
        let (target, socket) = (
            "/v1/namespaces/default/models/timm%2Fa",
            self.path(&format!("{name}.sock")),
        );
        request_blocking(&socket, get(), target, None, ANSWER_MS_MAX).unwrap().1["model"].clone()
    }

    /// Runs a command to its end: its exit code, and what it printed to both.
    fn run(&self, name: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = command(binary());
        command.arg(role(name)).args(arguments).arg("--config");
        command.arg(self.path(&format!("{name}.toml"))).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    fn import(&self, name: &str, models: &[&str], more: &[&str]) {
        let line = |id: &&str| format!("{}\n", json!({ "id": id, "attributes": { "task": "detection" } }));
        let file = self.path("models.jsonl");
        std::fs::write(&file, models.iter().map(line).collect::<String>()).unwrap();
        let arguments = [&["import", file.to_str().unwrap(), "--register"], more].concat();
        let (code, text) = self.run(name, &arguments);
        assert_eq!(code, Some(0), "{text}");
    }

    /// Waits until there is something; shows the log of `name` when there never is.
    fn until<T>(&self, name: &str, mut there: impl FnMut() -> Option<T>) -> T {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(found) = there() {
                return found;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = std::fs::read_to_string(self.path(&format!("{name}.log"))).unwrap_or_default();
        panic!("{name} does not come there: {log}");
    }

    /// Waits until the device is in step with a hub, with nothing left to send.
    fn until_device_is_at(&self, hub: &str) {
        self.until("device", || {
            let device = self.status("device");
            let there = device["hub"]["region"] == hub
                && device["settled"] == true
                && device["pending_writes"] == 0
                && device["digest"] == self.status(hub)["digest"];
            there.then_some(())
        });
    }
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_headland-fleet"))
}

fn role(name: &str) -> &'static str {
    if name == "device" { "agent" } else { "hub" }
}

fn get() -> axum::http::Method {
    axum::http::Method::GET
}

#[test]
fn a_device_moves_to_the_other_hub_and_back_and_is_counted_once_at_both() {
    let place = Place::new();
    let mut north = place.start("north");
    let mut south = place.start("south");
    let _device = place.start("device");
    place.import("north", &["timm/a", "timm/b"], &[]);
    place.until_device_is_at("north");
    place.run("device", &["count", "timm/a"]);
    place.until_device_is_at("north");
    place.until("south", || (place.status("south")["models"] == 2).then_some(()));
    assert_eq!(place.status("south")["follow"]["state"], "following");

    north.kill();
    place.until_device_is_at("south");
    assert_eq!(place.model("device")["name"], "timm/a");
    assert_eq!(
        place.run("device", &["annotate", "timm/a", "works on wheat"]).0,
        Some(0)
    );
    assert_eq!(place.run("device", &["count", "timm/a"]).0, Some(0));
    place.until_device_is_at("south");
    assert_eq!(place.model("south")["counts"]["usage"], 2);

    north.start_again().unwrap();
    south.stop();
    place.until_device_is_at("north");
    south.start_again().unwrap();
    place.until_it_answers("south");
    for name in ["north", "south", "device"] {
        let model = place.model(name);
        assert_eq!(model["counts"]["usage"], 2, "{name}: {model}");
        assert_eq!(model["annotations"].as_array().unwrap().len(), 1, "{name}: {model}");
    }
    assert_eq!(place.status("south")["digest"], place.status("north")["digest"]);
}

#[test]
fn a_following_hub_refuses_to_change_the_registry_and_holds_what_would_wipe_it() {
    let place = Place::new();
    let _north = place.start("north");
    let mut south = place.start("south");
    place.import("north", &["timm/a", "timm/b", "timm/c"], &[]);
    let state = |wanted: &str| {
        place.until("south", || {
            (place.status("south")["follow"]["state"] == wanted).then_some(())
        });
    };
    place.until("south", || (place.status("south")["models"] == 3).then_some(()));
    let file = place.path("models.jsonl");
    for arguments in [&["import", file.to_str().unwrap()][..], &["revert", "1"]] {
        let (code, text) = place.run("south", arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("north.sock") && text.contains("do it there"), "{text}");
    }
    let (code, text) = place.run("south", &["release"]);
    assert!(code == Some(2) && text.contains("nothing is held"), "{text}");

    // A third hub goes on by itself, in a later life of the registry, with a mistake.
    let mut west = place.start("west");
    place.until("west", || (place.status("west")["models"] == 3).then_some(()));
    west.stop();
    place.hub("west", place.ports[2], None);
    place.import("west", &["timm/a"], &["--allow-removals"]);
    west.start_again().unwrap();
    place.until_it_answers("west");
    south.stop();
    south.may_log("held: ");
    place.hub("south", place.ports[1], Some("west"));
    south.start_again().unwrap();
    place.until_it_answers("south");
    state("held");
    assert_eq!(place.status("south")["models"], 3);
    let (code, text) = place.run("south", &["status"]);
    assert!(code == Some(0) && text.contains("withdraw 2 of 3 models"), "{text}");
    let (code, text) = place.run("south", &["release"]);
    assert!(code == Some(0) && text.contains("following"), "{text}");
    assert_eq!(place.status("south")["digest"], place.status("west")["digest"]);
    assert!(place.run("south", &["history"]).1.contains("follow of"));
}

#[test]
fn a_leader_stops_within_two_seconds_though_followers_wait_for_news() {
    let place = Place::new();
    let mut north = place.start("north");
    let mut south = place.start("south");
    place.import("north", &["timm/a"], &[]);
    place.until("south", || (place.status("south")["models"] == 1).then_some(()));
    let started = Instant::now();
    north.stop();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let state = || place.status("south")["follow"]["state"].clone();
    place.until("south", || (state() == "backing off").then_some(()));
    assert_eq!(place.status("south")["models"], 1);
    south.stop();
    let (code, text) = place.run("south", &["status"]);
    assert!(code == Some(0) && text.contains("north.sock (stopped)"), "{text}");
}
