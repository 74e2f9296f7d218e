//! Watching what changes.

use crate::device::{Device, Method, StatusCode};
use headland_host::text::segment;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Far longer than anything here takes, so that only a hang runs into it.
const WAIT: Duration = Duration::from_secs(40);
const WATCHES_MAX: usize = 16;

/// A watch that is open.
struct Watch {
    stream: BufReader<UnixStream>,
    status: u16,
    /// The last id that was said.
    id: String,
}

#[derive(Debug)]
struct Event {
    name: String,
    data: Value,
}

impl Watch {
    fn open(device: &Device, parameters: &[(&str, &str)], last: Option<&str>) -> Self {
        let texts: Vec<_> = parameters
            .iter()
            .map(|(name, text)| format!("{name}={}", segment(text)))
            .collect();
        let last = last.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        let mut stream = UnixStream::connect(device.socket()).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        // The answer to a client of HTTP/1.0 comes without chunks.
        let request = format!("GET /v1/watch?{} HTTP/1.0\r\nhost: x\r\n{last}\r\n", texts.join("&"));
        stream.write_all(request.as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        while line != "\r\n" {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0, "the answer has no body");
        }
        Self {
            stream,
            status,
            id: String::new(),
        }
    }

    /// Opens and waits until it watches.
    fn running(device: &Device, parameters: &[(&str, &str)], last: Option<&str>) -> Self {
        let mut watch = Self::open(device, parameters, last);
        assert_eq!(watch.status, 200);
        let block = watch.block().unwrap();
        assert!(block[0].starts_with(": watching"), "{block:?}");
        watch
    }

    /// The lines up to an empty one; nothing at the end.
    fn block(&mut self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if line == "\n" {
                return Some(lines);
            }
            if let Some(id) = line.strip_prefix("id: ") {
                self.id = id.trim().to_owned();
            }
            lines.push(line.trim_end().to_owned());
        }
    }

    /// The next event; nothing at the end.
    fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block()?;
            let field = |name: &str| block.iter().find_map(|line| line.strip_prefix(name));
            if let Some(name) = field("event: ") {
                return Some(Event {
                    name: name.to_owned(),
                    data: serde_json::from_str(field("data: ").unwrap()).unwrap(),
                });
            }
        }
    }

    fn changed(&mut self) -> Value {
        let event = self.next().unwrap();
        assert_eq!(event.name, "changed", "{event:?}");
        event.data
    }
}

fn note(device: &Device, model: &str, text: &str) {
    let target = format!("/v1/namespaces/default/models/{}/annotations", segment(model));
    let (status, answer) = device.ask(Method::POST, &target, Some(&json!({ "text": text })));
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

fn count(device: &Device, model: &str, amount: i64) {
    let target = format!("/v1/namespaces/default/models/{}/usage", segment(model));
    let (status, answer) = device.ask(Method::POST, &target, Some(&json!({ "amount": amount })));
    assert_eq!(status, StatusCode::OK, "{answer}");
}

fn position(device: &Device) -> String {
    let listing = device.ask(Method::GET, "/v1/models?page_size=1", None).1;
    listing["position"].as_str().unwrap().to_owned()
}

#[test]
fn nothing_is_lost_between_a_listing_and_a_watch_nor_between_two_watches() {
    let device = Device::new();
    device.hold(&["a/One", "a/two"]);
    let _daemon = device.start();
    note(&device, "a/One", "before the listing");
    let from = position(&device);
    note(&device, "a/two", "between");
    let mut watch = Watch::running(&device, &[("from", &from)], None);
    let model = watch.changed();
    assert_eq!(
        (&model["namespace"], &model["name"]),
        (&json!("default"), &json!("a/two"))
    );
    assert_eq!(model["annotations"][0]["text"], "between");
    assert_eq!(model["attributes"]["license"], "apache-2.0");
    note(&device, "a/One", "while watching");
    assert_eq!(watch.changed()["annotations"].as_array().unwrap().len(), 2);
    let last = watch.id.clone();
    drop(watch);
    note(&device, "a/two", "while nobody watches");
    let mut watch = Watch::running(&device, &[("from", &from)], Some(&last));
    let model = watch.changed();
    assert_eq!(model["annotations"][1]["text"], "while nobody watches", "{model}");
    note(&device, "a/One", "the end");
    assert_eq!(watch.changed()["annotations"].as_array().unwrap().len(), 3);
    let listed = device.agent(&["models", "--json"]).printed();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["position"].as_str(), Some(watch.id.as_str()));
}

#[test]
fn a_filter_tells_what_enters_and_what_leaves_each_once() {
    let device = Device::new();
    device.hold(&["a/One", "a/two"]);
    let _daemon = device.start();
    let parameters = [("filter", "usage < 3 AND name = a/One"), ("fields", "usage")];
    let mut watch = Watch::running(&device, &parameters, None);
    let mut elsewhere = Watch::running(&device, &[("namespace", "other")], None);
    count(&device, "a/One", 1);
    assert_eq!(
        watch.changed(),
        json!({"namespace": "default", "name": "a/One", "attributes": {}, "counts": {"usage": 1}})
    );
    // What the fields do not show is no change of what is watched.
    note(&device, "a/One", "seen by others");
    count(&device, "a/One", 5);
    let gone = watch.next().unwrap();
    assert_eq!(
        (gone.name.as_str(), gone.data),
        ("gone", json!({"namespace": "default", "name": "a/One"}))
    );
    count(&device, "a/two", 1);
    let gone = watch.next().unwrap();
    assert_eq!((gone.name.as_str(), &gone.data["name"]), ("gone", &json!("a/two")));
    count(&device, "a/two", 1);
    count(&device, "a/One", 1);
    count(&device, "a/One", -5);
    assert_eq!(watch.changed()["counts"], json!({"usage": 2}));
    elsewhere.stream.get_ref().set_nonblocking(true).unwrap();
    let mut rest = String::new();
    assert!(elsewhere.stream.read_to_string(&mut rest).is_err(), "{rest}");
    assert!(!rest.contains("event:"), "{rest}");
}

#[test]
fn a_position_of_another_run_means_to_list_again_and_the_watch_goes_on() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let daemon = device.start();
    let from = position(&device);
    let mut watch = Watch::running(&device, &[("from", &from)], None);
    let (code, took) = daemon.stop(Signal::TERM);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(1), "an open watch held up the end: {took:?}");
    assert!(watch.next().is_none());
    let _daemon = device.start();
    let mut watch = Watch::running(&device, &[], Some(&from));
    let event = watch.next().unwrap();
    assert_eq!(event.name, "resync", "{event:?}");
    assert_eq!(watch.id, position(&device));
    note(&device, "a/One", "after it");
    assert_eq!(watch.changed()["name"], "a/One");
}

#[test]
fn a_watch_that_cannot_be_gets_a_problem() {
    let device = Device::new();
    let _daemon = device.start();
    for target in [
        "from=yesterday",
        "filter=task%20%3D",
        "order_by=name",
        "page_size=3",
        "namespace=a%00b",
    ] {
        let (status, problem) = device.ask(Method::GET, &format!("/v1/watch?{target}"), None);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{target}: {problem}");
    }
}

/// Opens a watch, once there is room for it.
fn in_time(device: &Device) -> Watch {
    let end = Instant::now() + WAIT;
    loop {
        let watch = Watch::open(device, &[], None);
        if watch.status == 200 {
            return watch;
        }
        assert_eq!(watch.status, 503);
        assert!(Instant::now() < end, "no watch has ended");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_thousand_watches_are_refused_but_the_first_few_and_others_are_served() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let _daemon = device.start();
    let mut held: Vec<_> = (0..WATCHES_MAX).map(|_| Watch::running(&device, &[], None)).collect();
    for _ in 0..1_000 {
        assert_eq!(Watch::open(&device, &[], None).status, 503);
    }
    let (status, problem) = device.ask(Method::GET, "/v1/watch", None);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["type"], "urn:headland:problem:too-many-watches");
    note(&device, "a/One", "for all");
    for watch in &mut held {
        assert_eq!(watch.changed()["name"], "a/One");
    }
    held.pop();
    in_time(&device);
}

#[test]
fn a_client_that_never_reads_is_dropped_and_the_others_miss_nothing() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let _daemon = device.start();
    let _idle: Vec<_> = (2..WATCHES_MAX)
        .map(|_| Watch::running(&device, &[("namespace", "other")], None))
        .collect();
    let mut deaf = Watch::running(&device, &[], None);
    let mut other = Watch::running(&device, &[], None);
    // Each tells of the whole model, which grows: the kernel's share for a socket is soon full.
    let text = "x".repeat(4_000);
    for notes in 1..=40 {
        note(&device, "a/One", &text);
        let told = other.changed();
        assert_eq!(told["annotations"].as_array().unwrap().len(), notes);
    }
    // All room is taken until it is dropped.
    in_time(&device);
    note(&device, "a/One", "the last");
    assert_eq!(other.changed()["annotations"].as_array().unwrap().len(), 41);
    let mut rest = Vec::new();
    // The connection ends, in whichever way.
    let _ = deaf.stream.read_to_end(&mut rest);
    assert!(rest.len() < 2 * 1024 * 1024, "{} bytes were kept for it", rest.len());
    assert!(!String::from_utf8_lossy(&rest).contains("the last"));
}

#[test]
fn the_command_prints_a_line_for_each_change() {
    let device = Device::new();
    device.hold(&["a/One", "a/two"]);
    let refused = device.agent(&["watch"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let daemon = device.start();
    let line = device.agent(&["watch", "--filter", "task ="]).refused();
    assert!(line.contains("expected a value"), "{line}");
    let from = position(&device);
    note(&device, "a/One", "first");
    let mut plain = device.begin(&["watch", "--from", &from]);
    let mut as_json = device.begin(&["watch", "--from", &from, "--filter", "name = a/two", "--json"]);
    let mut of_plain = BufReader::new(plain.stdout.take().unwrap()).lines();
    let mut of_json = BufReader::new(as_json.stdout.take().unwrap()).lines();
    assert_eq!(of_plain.next().unwrap().unwrap(), "changed default/a/One");
    let gone: Value = serde_json::from_str(&of_json.next().unwrap().unwrap()).unwrap();
    assert_eq!(
        (&gone["event"], &gone["data"]["name"]),
        (&json!("gone"), &json!("a/One"))
    );
    note(&device, "a/two", "second");
    assert_eq!(of_plain.next().unwrap().unwrap(), "changed default/a/two");
    let changed: Value = serde_json::from_str(&of_json.next().unwrap().unwrap()).unwrap();
    assert_eq!(changed["data"]["annotations"][0]["text"], "second");
    assert_eq!(changed["id"], json!(position(&device)));
    daemon.stop(Signal::TERM);
    for child in [plain, as_json] {
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&ended.stderr).contains("the agent has ended the watch"));
    }
}
