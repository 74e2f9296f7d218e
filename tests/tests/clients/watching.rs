//! A watch at an agent, of what changes at its hub.

use super::{catalogue, fleet, in_step};
use headland_fleet::fleet::Fleet;
use headland_host::text::segment;
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Far longer than anything here takes, so that only a hang runs into it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watch that is open.
struct Watch {
    stream: BufReader<UnixStream>,
    /// The id of the last event.
    id: String,
}

impl Watch {
    async fn open(fleet: &Fleet, from: &str, last: Option<&str>) -> Self {
        let mut stream = UnixStream::connect(fleet.members[0].program.socket()).await.unwrap();
        let last = last.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        // The answer to a client of HTTP/1.0 comes without chunks.
        let request = format!("GET /v1/watch?from={} HTTP/1.0\r\nhost: x\r\n{last}\r\n", segment(from));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut watch = Self {
            stream: BufReader::new(stream),
            id: String::new(),
        };
        assert!(watch.line().await.contains(" 200 "));
        while !watch.line().await.is_empty() {}
        watch
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = tokio::time::timeout(PATIENCE, self.stream.read_line(&mut line)).await;
        assert!(read.expect("an event in time").unwrap() > 0, "the watch has ended");
        line.trim_end().to_owned()
    }

    /// The next model that has changed.
    async fn changed(&mut self) -> Value {
        let mut kind = String::new();
        loop {
            let line = self.line().await;
            if let Some(id) = line.strip_prefix("id: ") {
                self.id = id.to_owned();
            } else if let Some(event) = line.strip_prefix("event: ") {
                kind = event.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                assert_eq!(kind, "changed", "{data}");
                // The id of an event may stand behind its data.
                let data = serde_json::from_str(data).unwrap();
                while let Some(id) = self.until_empty().await {
                    self.id = id;
                }
                return data;
            }
        }
    }

    async fn until_empty(&mut self) -> Option<String> {
        loop {
            let line = self.line().await;
            match line.strip_prefix("id: ") {
                Some(id) => return Some(id.to_owned()),
                None if line.is_empty() => return None,
                None => {}
            }
        }
    }

    /// Reads until the watch has told that this model has this value.
    async fn until(&mut self, model: &str, attribute: &str, value: &str) {
        loop {
            let told = self.changed().await;
            if told["name"] == model && told["attributes"][attribute] == value {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_watch_behind_a_hub_loses_nothing_before_it_between_two_and_while_the_link_is_down() {
    let mut fleet = fleet().await;
    let listing = fleet.members[0].program.get("/v1/models").await.unwrap();
    let from = listing["position"].as_str().unwrap().to_owned();

    catalogue(&fleet, "apache-2.0", "finds weeds", "cuts fields");
    in_step(&mut fleet).await;
    let mut watch = Watch::open(&fleet, &from, None).await;
    watch.until("farm/detector:1", "license", "apache-2.0").await;

    catalogue(&fleet, "apache-2.0", "finds weeds", "cuts rows");
    watch.until("farm/third", "description", "cuts rows").await;
    let last = watch.id.clone();
    drop(watch);

    // Two commits while nobody watches.
    catalogue(&fleet, "isc", "finds weeds", "cuts rows");
    catalogue(&fleet, "isc", "finds thistles", "cuts rows");
    in_step(&mut fleet).await;
    let mut watch = Watch::open(&fleet, &from, Some(&last)).await;
    let mut told = [watch.changed().await, watch.changed().await];
    told.sort_by_key(|model| model["name"].to_string());
    assert_eq!(told[0]["attributes"]["license"], "isc", "{told:#?}");
    assert_eq!(told[1]["attributes"]["description"], "finds thistles", "{told:#?}");

    // What came while the link was down comes with the catch-up, to the same watch.
    fleet.members[0].proxy.cut();
    catalogue(&fleet, "mit", "finds thistles", "cuts rows");
    fleet.members[0].proxy.restore();
    watch.until("farm/detector:1", "license", "mit").await;
    fleet.end().unwrap();
}
