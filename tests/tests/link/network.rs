//! A network that comes back: in a namespace of its own, whose only interface is taken down and up.

use headland_fleet::fleet::program::{Program, end};
use headland_fleet::network::Network;
use serde_json::Value;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
/// In a namespace of its own every port is free.
const PORT: u16 = 21_883;

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
    // Making a network takes a privilege that not every machine gives.
    let Ok(network) = Network::make() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().display();
    let binary = network.within(directory.path(), super::binary()).unwrap();
    let hub =
        format!("store = \"{at}/hub.redb\"\nsocket = \"{at}/hub.sock\"\n[broker]\nlisten = \"127.0.0.1:{PORT}\"\n");
    std::fs::write(directory.path().join("hub.toml"), hub).unwrap();
    let agent = format!(
        "name = \"leaf\"\nhubs = [\"mqtt://127.0.0.1:{PORT}\"]\nstore = \"{at}/agent.redb\"\nsocket = \"{at}/agent.sock\"\n\
         [link]\nbackoff_ms_base = 3600000\nbackoff_ms_max = 3600000\n"
    );
    std::fs::write(directory.path().join("agent.toml"), agent).unwrap();

    network.set_up(true).unwrap();
    let hub = Program::start(&binary, directory.path(), "hub", "hub", &["serve"]).unwrap();
    until("the hub to run", &hub, |status| {
        status["broker"].is_string() || status["link"].is_object()
    })
    .await;
    network.set_up(false).unwrap();
    let agent = Program::start(&binary, directory.path(), "agent", "agent", &["run"]).unwrap();
    let waits = |status: &Value| status["lost"]["retry_in_ms"].as_u64() > Some(60_000);
    until("the agent to wait long", &agent, waits).await;
    network.set_up(true).unwrap();
    let took = until("the agent to connect", &agent, |status| status["hub"].is_object()).await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    end(vec![agent, hub]).unwrap();
}
