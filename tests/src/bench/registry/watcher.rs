//! A program on the device that watches the agent, and notes when it has read what.

use crate::bench::BenchError;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Instant;

/// What the data of an event follow on.
const DATA: &str = "data: ";

/// For each model the numbers that its attribute has had, each with when it was read first.
pub(super) type Seen = BTreeMap<String, Vec<(u64, Instant)>>;

/// One that reads. Dropping it lets it end by itself.
#[derive(Debug)]
pub(super) struct Watcher {
    stream: UnixStream,
    reader: JoinHandle<Seen>,
}

impl Watcher {
    /// Watches an attribute whose values are numbers. It listens when this returns.
    pub(super) fn start(socket: &Path, attribute: &'static str) -> Result<Self, BenchError> {
        let mut stream = UnixStream::connect(socket)?;
        stream.write_all(b"GET /v1/watch HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
        let mut lines = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        // The first thing that is said is that it listens.
        while !line.starts_with(": watching") {
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                return Err(BenchError::Void("the agent does not let anybody watch it".to_owned()));
            }
        }
        let reader = std::thread::spawn(move || {
            let mut seen = Seen::new();
            for line in lines.lines().map_while(Result::ok) {
                let at = Instant::now();
                let event = line.strip_prefix(DATA).and_then(|data| serde_json::from_str(data).ok());
                if let Some((model, number)) = event.and_then(|event| told(&event, attribute)) {
                    seen.entry(model).or_default().push((number, at));
                }
            }
            seen
        });
        Ok(Self { stream, reader })
    }

    /// Stops watching; gives what was read.
    pub(super) fn end(self) -> Result<Seen, BenchError> {
        self.stream.shutdown(Shutdown::Both)?;
        self.reader
            .join()
            .map_err(|_| BenchError::Void("the program that watches has failed".to_owned()))
    }
}

fn told(event: &Value, attribute: &str) -> Option<(String, u64)> {
    let number = event["attributes"][attribute].as_str()?.parse().ok()?;
    Some((event["name"].as_str()?.to_owned(), number))
}
