//! A network that comes back: in a namespace of its own, whose only interface is taken down and up.

use headland_fleet::fleet::program::{Program, end};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
/// In a namespace of its own every port is free.
const PORT: u16 = 21_883;

/// A network of its own. Dropping it ends it.
struct Network {
    holder: Child,
}

impl Network {
    /// Nothing where this user may not make one.
    fn new() -> Option<Self> {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "echo ready; exec sleep 600"]);
        let mut holder = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let out = holder.stdout.take()?;
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).ok()?;
        let network = Self { holder };
        (line == "ready\n").then_some(network)
    }

    /// A program that runs `binary` in here.
    fn wrapper(&self, directory: &Path, binary: &Path) -> PathBuf {
        let path = directory.join("in-network");
        let (net, binary) = (self.net(), binary.display());
        std::fs::write(
            &path,
            format!("#!/bin/sh\nexec nsenter --net={net} '{binary}' \"$@\"\n"),
        )
        .unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn net(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    fn set(&self, state: &str) {
        let net = format!("--net={}", self.net());
        let status = Command::new("nsenter")
            .args([&net, "ip", "link", "set", "lo", state])
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

async fn until(what: &str, program: &Program, there: impl Fn(&Value) -> bool) -> Duration {
    let begun = Instant::now();
    loop {
        let status = program.get("/v1/status").await.unwrap_or_default();
        if there(&status) {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {status:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_network_that_comes_back_is_used_at_once_whatever_the_wait_before_the_next_attempt() {
    let Some(network) = Network::new() else {
        // Making a network of one's own takes a privilege that not every machine gives.
        assert!(!rustix_is_root(), "root may make a network");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().display();
    let binary = network.wrapper(directory.path(), super::binary());
    let hub =
        format!("store = \"{at}/hub.redb\"\nsocket = \"{at}/hub.sock\"\n[broker]\nlisten = \"127.0.0.1:{PORT}\"\n");
    std::fs::write(directory.path().join("hub.toml"), hub).unwrap();
    let agent = format!(
        "name = \"leaf\"\nhubs = [\"mqtt://127.0.0.1:{PORT}\"]\nstore = \"{at}/agent.redb\"\nsocket = \"{at}/agent.sock\"\n\
         [link]\nbackoff_ms_base = 3600000\nbackoff_ms_max = 3600000\n"
    );
    std::fs::write(directory.path().join("agent.toml"), agent).unwrap();

    network.set("up");
    let hub = Program::start(&binary, directory.path(), "hub", "hub", &["serve"]).unwrap();
    until("the hub to run", &hub, |status| {
        status["broker"].is_string() || status["link"].is_object()
    })
    .await;
    network.set("down");
    let agent = Program::start(&binary, directory.path(), "agent", "agent", &["run"]).unwrap();
    let waits = |status: &Value| status["lost"]["retry_in_ms"].as_u64() > Some(60_000);
    until("the agent to wait long", &agent, waits).await;
    network.set("up");
    let took = until("the agent to connect", &agent, |status| status["hub"].is_object()).await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    end(vec![agent, hub]).unwrap();
}

fn rustix_is_root() -> bool {
    rustix::process::geteuid().is_root()
}
