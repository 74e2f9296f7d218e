//! Writes that are sent again, since nobody knows whether they were made.

use crate::device::{Device, Method};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

const MODEL: &str = "/v1/namespaces/default/models/a%2FOne";
const WAIT_MS: u64 = 10_000;

/// Sends a request and does not wait for the answer.
fn send(device: &Device, method: &str, target: &str, key: &str, body: &str) -> UnixStream {
    let mut stream = UnixStream::connect(device.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(WAIT_MS))).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nidempotency-key: {key}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// The status and the body of the answer.
fn answer(mut stream: UnixStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn count(device: &Device, key: &str, body: &str) -> (u16, String) {
    answer(send(device, "POST", &format!("{MODEL}/usage"), key, body))
}

fn counted(device: &Device) -> Value {
    device.ask(Method::GET, &format!("{MODEL}/usage"), None).1["device"].take()
}

#[test]
fn a_write_whose_answer_never_came_is_made_once_across_a_kill() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let daemon = device.start();
    let unread = send(&device, "POST", &format!("{MODEL}/usage"), "k-1", "{\"amount\": 3}");
    let end = Instant::now() + Duration::from_millis(WAIT_MS);
    while counted(&device) != json!(3) {
        assert!(Instant::now() < end, "the count did not arrive");
        std::thread::sleep(Duration::from_millis(5));
    }
    daemon.stop(Signal::KILL);
    drop(unread);
    let _daemon = device.start();
    for _ in 0..3 {
        // The same request, however it is spelled.
        let again = count(&device, "k-1", "{ \"amount\":3 }");
        assert_eq!(again, (200, "{\"added\":3,\"removed\":0}".to_owned()));
    }
    assert_eq!(counted(&device), json!(3));
    let other = count(&device, "k-2", "{\"amount\": 3}");
    assert_eq!(other, (200, "{\"added\":6,\"removed\":0}".to_owned()));
    // What was answered is answered again, though more was counted since.
    let first = count(&device, "k-1", "{\"amount\": 3}");
    assert_eq!(first, (200, "{\"added\":3,\"removed\":0}".to_owned()));
    assert_eq!(counted(&device), json!(6));
}

#[test]
fn notes_and_their_removal_are_made_once() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let daemon = device.start();
    let notes = format!("{MODEL}/annotations");
    let write = |key| answer(send(&device, "POST", &notes, key, "{\"text\": \"misses rust\"}"));
    let first = write("n-1");
    assert_eq!(first.0, 201);
    assert_eq!(write("n-1"), first);
    let one = device.ask(Method::GET, &notes, None).1;
    assert_eq!(one["annotations"].as_array().unwrap().len(), 1);
    let id: Value = serde_json::from_str(&first.1).unwrap();
    let target = format!("{notes}/{}", id["id"].as_str().unwrap());
    let remove = || answer(send(&device, "DELETE", &target, "n-2", ""));
    assert_eq!(remove().0, 204);
    daemon.stop(Signal::TERM);
    let _daemon = device.start();
    assert_eq!(remove().0, 204);
    // The retry of the note is answered, and does not bring it back.
    assert_eq!(write("n-1"), first);
    assert_eq!(device.ask(Method::GET, &notes, None).1["annotations"], json!([]));
}

#[test]
fn a_key_is_good_for_one_request_and_a_refused_one_does_not_use_it_up() {
    let device = Device::new();
    device.hold(&["a/One", "a/two"]);
    let _daemon = device.start();
    let unknown = "/v1/namespaces/default/models/nobody/usage";
    assert_eq!(answer(send(&device, "POST", unknown, "k-1", "")).0, 404);
    assert_eq!(count(&device, "k-1", "").0, 200);
    let other_model = "/v1/namespaces/default/models/a%2Ftwo/usage";
    for (target, body) in [
        (format!("{MODEL}/usage"), "{\"amount\": 2}"),
        (other_model.to_owned(), ""),
        (format!("{MODEL}/annotations"), "{\"text\": \"x\"}"),
    ] {
        let (status, body) = answer(send(&device, "POST", &target, "k-1", body));
        assert_eq!(status, 422, "{target}");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["type"], "urn:headland:problem:key-used");
    }
    assert_eq!(counted(&device), json!(1));
    for key in ["", "\u{e9}", &"x".repeat(256)] {
        assert_eq!(count(&device, key, "").0, 400, "{key:?}");
    }
}

#[test]
fn a_command_with_a_key_is_done_once_running_or_not() {
    let device = Device::new();
    device.hold(&["a/One"]);
    let count = || {
        device
            .agent(&["count", "a/One", "--by", "3", "--idempotency-key", "batch 7"])
            .printed()
    };
    let wanted = "default/a/One: 3 counted on this device\n";
    assert_eq!((count(), count()), (wanted.to_owned(), wanted.to_owned()));
    let _daemon = device.start();
    assert_eq!(count(), wanted);
    let note = || {
        device
            .agent(&["annotate", "a/One", "misses rust", "--idempotency-key", "note 7"])
            .printed()
    };
    let id = note();
    assert_eq!(note(), id);
    let other = ["count", "a/One", "--by", "4", "--idempotency-key", "batch 7"];
    assert!(device.agent(&other).refused().contains("key"));
    assert!(
        device
            .agent(&["count", "a/One", "--idempotency-key", ""])
            .refused()
            .contains("--idempotency-key")
    );
    assert_eq!(counted(&device), json!(3));
}

#[test]
fn a_command_whose_answer_is_lost_sends_the_same_again() {
    let device = Device::new();
    let listener = UnixListener::bind(device.socket()).unwrap();
    let command = device.begin(&["count", "a/One"]);
    // The command looks whether somebody listens, and then sends its write: the first is left without an answer.
    let mut keys = Vec::new();
    while keys.len() < 2 {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut piece = [0; 4096];
        while !request.ends_with(b"{\"amount\":1}") {
            match stream.read(&mut piece).unwrap() {
                0 => break,
                count => request.extend_from_slice(&piece[..count]),
            }
        }
        let text = String::from_utf8(request).unwrap();
        let Some(key) = text.lines().find_map(|line| line.strip_prefix("idempotency-key: ")) else {
            continue;
        };
        keys.push(key.to_owned());
        if keys.len() == 2 {
            let body = "{\"added\":1,\"removed\":0}";
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).unwrap();
        }
    }
    let ended = command.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(keys[0], keys[1]);
}
