//! Clients of the local API that do not behave: they get what they deserve, and the others do not notice.

use crate::device::{Device, Method, StatusCode};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Far longer than anything here takes, so that only a hang runs into it.
const WAIT: Duration = Duration::from_secs(40);
/// What a request of somebody else may take meanwhile: it is served as ever, on a machine that is busy.
const AS_EVER: Duration = Duration::from_secs(5);
/// More than there is room for.
const CROWD: usize = 1_000;
/// What the agent may take of memory for all of them, in bytes.
const GROWTH_BYTES_MAX: u64 = 48 * 1024 * 1024;

fn connect(device: &Device) -> UnixStream {
    let stream = UnixStream::connect(device.socket()).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.set_write_timeout(Some(WAIT)).unwrap();
    stream
}

/// Sends this, of which the agent may take less than all.
fn send(device: &Device, text: &str) -> UnixStream {
    let mut stream = connect(device);
    // Whoever is sent away early cannot write any more.
    let _ = stream.write_all(text.as_bytes());
    stream
}

/// Whatever comes until the end, in whichever way the connection ends.
fn rest(mut stream: UnixStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn others_are_served(device: &Device) {
    let begun = Instant::now();
    let (status, answer) = device.ask(Method::GET, "/v1/models", None);
    assert_eq!(status, StatusCode::OK, "{answer}");
    let usage = "/v1/namespaces/default/models/a%2FOne/usage";
    assert_eq!(device.ask(Method::POST, usage, None).0, StatusCode::OK);
    assert!(begun.elapsed() < AS_EVER, "{:?}", begun.elapsed());
}

/// What the daemon has of memory for itself.
fn memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes * 1024
}

/// How many files and connections it has open.
fn files(id: u32) -> usize {
    std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
}

fn device() -> Device {
    let device = Device::new();
    device.hold(&["a/One"]);
    device
}

#[test]
fn requests_that_never_end_are_ended_and_the_others_do_not_wait() {
    let device = device();
    let daemon = device.start();
    let before = memory(daemon.id());
    let heads: Vec<_> = (0..CROWD)
        .map(|_| send(&device, "GET /v1/models HTTP/1.1\r\nhost: x\r\nx-slow: "))
        .collect();
    others_are_served(&device);
    let usage = "POST /v1/namespaces/default/models/a%2FOne/usage HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{";
    let bodies: Vec<_> = (0..CROWD).map(|_| send(&device, usage)).collect();
    others_are_served(&device);
    let grown = memory(daemon.id()).saturating_sub(before);
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes for what never came");
    let begun = Instant::now();
    for stream in heads {
        assert_eq!(rest(stream), "");
    }
    let late = bodies.into_iter().map(rest).filter(|answer| !answer.is_empty());
    // Those that were given a place and kept it until their time was over are told so.
    let late: Vec<_> = late.collect();
    assert!(!late.is_empty());
    for answer in &late {
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("did not come within"),
            "{answer}"
        );
    }
    assert!(begun.elapsed() < WAIT, "{:?}", begun.elapsed());
}

#[test]
fn a_body_that_is_too_long_is_refused_before_it_has_come() {
    let device = device();
    let _daemon = device.start();
    let notes = "/v1/namespaces/default/models/a%2FOne/annotations";
    let stream = send(
        &device,
        &format!("POST {notes} HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000000\r\n\r\n{{"),
    );
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    let stream = send(
        &device,
        &format!("POST {notes} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}"),
    );
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let head = format!(
        "GET /v1/models?filter={} HTTP/1.1\r\nhost: x\r\n\r\n",
        "x".repeat(200_000)
    );
    let answer = rest(send(&device, &head));
    assert!(
        answer.starts_with("HTTP/1.1 414 ") || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
    others_are_served(&device);
}

#[test]
fn what_is_no_http_ends_its_connection_alone() {
    let device = device();
    let _daemon = device.start();
    for noise in [
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "buy milk\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\r\n\r\n\r\n\r\nGET\r\n\r\n",
    ] {
        let answer = rest(send(&device, noise));
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{noise:?}: {answer}"
        );
    }
    others_are_served(&device);
}

#[test]
fn of_a_thousand_watches_at_once_few_are_open_and_the_others_are_told_why() {
    let device = device();
    let daemon = device.start();
    let before = memory(daemon.id());
    let all: Vec<_> = (0..CROWD)
        .map(|_| send(&device, "GET /v1/watch HTTP/1.1\r\nhost: x\r\n\r\n"))
        .collect();
    others_are_served(&device);
    let (mut open, mut refused) = (Vec::new(), 0);
    for stream in all {
        let mut stream = BufReader::new(stream);
        let mut status = String::new();
        // Somebody who was told and then gave its place to another may find the connection reset.
        if stream.read_line(&mut status).is_err() {
            continue;
        }
        match status.get(9..12) {
            Some("200") => open.push(stream),
            Some("503") => refused += 1,
            _ => assert_eq!(status, ""),
        }
    }
    assert_eq!(open.len(), 16);
    assert!(refused > CROWD / 2, "{refused} were told why");
    let grown = memory(daemon.id()).saturating_sub(before);
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes");
    // Each of the open ones is told what happens now.
    others_are_served(&device);
    for stream in &mut open {
        let told = stream
            .lines()
            .map(Result::unwrap)
            .any(|line| line.contains("event: changed"));
        assert!(told, "a watch ended");
    }
}

#[test]
fn clients_that_never_read_their_answers_take_no_more_than_there_is_room_for() {
    let device = Device::new();
    let names: Vec<_> = (0..1_000)
        .map(|number| format!("a/{}-{number}", "x".repeat(150)))
        .collect();
    let mut held: Vec<&str> = names.iter().map(String::as_str).collect();
    held.push("a/One");
    device.hold(&held);
    let daemon = device.start();
    let page = "GET /v1/models?page_size=1000 HTTP/1.1\r\nhost: x\r\n\r\n";
    let whole = device.ask(Method::GET, "/v1/models?page_size=1000", None).1;
    let bytes = whole.to_string().len();
    let (before, open) = (memory(daemon.id()), files(daemon.id()));
    let deaf: Vec<_> = (0..150).map(|_| send(&device, page)).collect();
    others_are_served(&device);
    let grown = memory(daemon.id()).saturating_sub(before);
    assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes for answers of {bytes} each");
    // None of them is listened to for ever.
    let end = Instant::now() + WAIT;
    while files(daemon.id()) > open + 1 {
        assert!(Instant::now() < end, "some of {} are still served", deaf.len());
        std::thread::sleep(Duration::from_millis(100));
    }
    others_are_served(&device);
}

#[test]
fn a_malformed_filter_is_answered_with_its_place_on_every_path_that_takes_one() {
    let device = device();
    let _daemon = device.start();
    for path in ["/v1/models", "/v1/namespaces/default/models", "/v1/watch"] {
        let (status, problem) = device.ask(Method::GET, &format!("{path}?filter=task%20%3D%20"), None);
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(problem["parameter"], "filter", "{problem}");
        assert!(problem["position"].is_u64(), "{problem}");
        for field in ["expected", "found"] {
            assert!(
                problem[field].as_str().is_some_and(|text| !text.is_empty()),
                "{problem}"
            );
        }
    }
}
