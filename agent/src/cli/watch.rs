//! What `watch` prints: a line for each change, as it comes.

use super::access::{failure_of, joined, someone_listens};
use crate::program::WatchArguments;
use crate::settings::Settings;
use headland_api::model_key;
use headland_api::problem::Problem;
use headland_host::exit::Failure;
use headland_host::text::print;
use headland_host::text::words::printable;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

/// How much of an answer that is none is read.
const PROBLEM_BYTES_MAX: u64 = 64 * 1024;

/// `watch`
pub(crate) fn watch(settings: &Settings, wanted: &WatchArguments, json: bool) -> Result<(), Failure> {
    if !someone_listens(&settings.socket)? {
        return Err(Failure::failed(
            "watching: the agent does not run, so nothing changes here; start it with `headland-agent run`",
        ));
    }
    let broken =
        |error: std::io::Error| Failure::failed(format!("watching: {error}; look at the agent's log, and try again"));
    let mut stream = UnixStream::connect(&settings.socket).map_err(broken)?;
    let parameters = [
        ("namespace", &wanted.namespace),
        ("filter", &wanted.filter),
        ("q", &wanted.query),
        ("fields", &wanted.fields),
        ("from", &wanted.from),
    ];
    let parameters = parameters
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.clone()?)));
    // By HTTP/1.0 the events come as they are, until the connection ends.
    let request = format!(
        "GET /v1/watch{} HTTP/1.0\r\nhost: localhost\r\n\r\n",
        joined(parameters)
    );
    stream.write_all(request.as_bytes()).map_err(broken)?;
    let mut lines = BufReader::new(stream);
    let mut status = String::new();
    lines.read_line(&mut status).map_err(broken)?;
    skip_head(&mut lines).map_err(broken)?;
    if status.split(' ').nth(1) != Some("200") {
        return Err(refused(lines));
    }
    let mut event = Event::default();
    for line in lines.lines() {
        match line {
            Ok(line) if line.is_empty() => {
                let ended = std::mem::take(&mut event);
                if let Some(text) = ended.line(json)
                    && !printed(&text)?
                {
                    return Ok(());
                }
            }
            Ok(line) => event.take(&line),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => return Err(broken(error)),
        }
    }
    Err(Failure::failed(
        "watching: the agent has ended the watch; it is stopping, or this reader was too slow; run this again",
    ))
}

/// Prints a line; says no when nobody reads it any more.
fn printed(text: &str) -> Result<bool, Failure> {
    print(text)?;
    // What is printed to nobody is no failure, and no reason to go on.
    Ok(std::io::stdout().flush().is_ok())
}

fn skip_head(lines: &mut impl BufRead) -> std::io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(());
        }
    }
}

fn refused(answer: impl Read) -> Failure {
    let mut text = Vec::new();
    let read = answer.take(PROBLEM_BYTES_MAX).read_to_end(&mut text);
    let problem = read.ok().and_then(|_| serde_json::from_slice::<Problem>(&text).ok());
    match problem {
        Some(problem) => failure_of(problem),
        None => Failure::failed("watching: the agent's answer is not understood; is it of the same version?"),
    }
}

/// One event, as its lines come.
#[derive(Debug, Default)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Event {
    fn take(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("event: ") {
            name.clone_into(&mut self.name);
        } else if let Some(id) = line.strip_prefix("id: ") {
            id.clone_into(&mut self.id);
        } else if let Some(data) = line.strip_prefix("data: ") {
            self.data = serde_json::from_str(data).unwrap_or_default();
        }
    }

    /// The event as a line; nothing of a sign of life.
    fn line(&self, json: bool) -> Option<String> {
        if self.name.is_empty() {
            return None;
        }
        if json {
            return Some(format!(
                "{}\n",
                json!({ "event": self.name, "id": self.id, "data": self.data })
            ));
        }
        let text = |name: &str| self.data.get(name).and_then(Value::as_str).unwrap_or_default();
        let about = match model_key(text("namespace"), text("name")) {
            Ok(key) => key.to_string(),
            Err(_) => text("reason").to_owned(),
        };
        Some(format!("{} {}\n", self.name, printable(&about)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_and_a_sign_of_life_none() {
        let event = |lines: &[&str]| {
            let mut event = Event::default();
            lines.iter().for_each(|line| event.take(line));
            event
        };
        assert_eq!(event(&[": watching", "id: 7-1"]).line(false), None);
        let changed = event(&[
            "event: changed",
            "id: 7-2",
            "data: {\"namespace\":\"default\",\"name\":\"a\\u001bb\"}",
        ]);
        let line = changed.line(false).unwrap();
        assert!(line.starts_with("changed ") && line.lines().count() == 1, "{line:?}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
        assert!(changed.line(true).unwrap().contains("\"id\":\"7-2\""));
        let resync = event(&["event: resync", "id: 7-2", "data: {\"reason\":\"list again\"}"]);
        assert_eq!(resync.line(false).unwrap(), "resync list again\n");
    }
}
