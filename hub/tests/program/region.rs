//! A region: a directory with the hub's configuration, store, socket and files to import.

use headland_host::control::{request_blocking, request_bytes};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) use axum::http::{Method, StatusCode};

/// Far longer than anything here takes, so that only a hang runs into it.
const TIMEOUT_MS: u64 = 30_000;

/// A port below those Linux chooses for outgoing connections, from a place of this process's own.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 140) * 50;
    loop {
        let nth = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(21_000 + (start + nth) % 7_000).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

pub(crate) struct Region {
    dir: TempDir,
    port: u16,
}

impl Region {
    pub(crate) fn new() -> Self {
        let region = Self {
            dir: tempfile::tempdir().unwrap(),
            port: free_port(),
        };
        let (store, socket, port) = (region.store(), region.socket(), region.port);
        let text = format!("store = {store:?}\nsocket = {socket:?}\n[broker]\nlisten = \"127.0.0.1:{port}\"\n");
        region.file("hub.toml", &text);
        region
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("hub.redb")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("hub.sock")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A file of models with these names and one attribute.
    pub(crate) fn models(&self, name: &str, models: &[(&str, &str)]) -> String {
        let line = |(id, license): &(&str, &str)| {
            let attributes = json!({ "task": "image-classification", "license": license });
            format!("{}\n", json!({ "id": id, "attributes": attributes }))
        };
        self.file(name, &models.iter().map(line).collect::<String>())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_headland-hub"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HEADLAND_") {
                command.env_remove(name);
            }
        }
        let config = self.dir.path().join("hub.toml");
        command.args(args).arg("--config").arg(config).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn hub(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Runs a command in this environment to its end.
    pub(crate) fn hub_with(&self, variable: (&str, &str), args: &[&str]) -> Ran {
        Ran::of(self.command(args).env(variable.0, variable.1).output().unwrap())
    }

    /// Starts the hub and waits until it is ready.
    pub(crate) fn serve(&self) -> Daemon {
        self.serve_with(&[])
    }

    /// Starts the hub with these variables in its environment.
    pub(crate) fn serve_with(&self, variables: &[(&str, &str)]) -> Daemon {
        let mut command = self.command(&["serve"]);
        command.envs(variables.iter().copied()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = lines
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains("hub ready"));
        let ready = ready.expect("the hub ended without being ready");
        Daemon {
            child,
            errors: Some(errors_of(lines)),
            ready,
        }
    }

    /// Asks the hub that runs.
    pub(crate) fn ask(&self, method: Method, target: &str, body: Option<&Json>) -> (StatusCode, Json) {
        request_blocking(&self.socket(), method, target, body, TIMEOUT_MS).unwrap()
    }

    /// Asks the hub that runs, with these headers; the answer comes with its entity tag.
    pub(crate) fn ask_tagged(
        &self,
        method: Method,
        target: &str,
        body: Option<&Json>,
        headers: &[(&str, &str)],
    ) -> (StatusCode, Option<String>, Json) {
        let body = body.map_or_else(String::new, Json::to_string);
        let mut request = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        request.push_str(&format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        ));
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let tag = head.lines().find_map(|line| line.strip_prefix("etag: "));
        (status, tag.map(ToOwned::to_owned), serde_json::from_str(body).unwrap())
    }

    /// The answer of the hub that runs, as text.
    pub(crate) fn text(&self, target: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let answer = runtime.block_on(request_bytes(&self.socket(), target, 1 << 20, TIMEOUT_MS));
        let (status, bytes) = answer.unwrap();
        assert_eq!(status, StatusCode::OK, "{target}");
        String::from_utf8(bytes).unwrap()
    }

    /// The commits of the history, the latest first.
    pub(crate) fn commits(&self) -> Vec<Json> {
        let answer: Json = serde_json::from_str(&self.hub(&["history", "--json"]).printed()).unwrap();
        answer["commits"].as_array().unwrap().clone()
    }

    /// The digest of all that the hub holds.
    pub(crate) fn digest(&self) -> String {
        let answer: Json = serde_json::from_str(&self.hub(&["status", "--json"]).printed()).unwrap();
        answer["digest"].as_str().unwrap().to_owned()
    }
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What a command that did what it was told printed.
    pub(crate) fn printed(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// The one line of a command that refused, with exit code 2.
    pub(crate) fn refused(self) -> String {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        self.err
    }
}

/// A hub that runs. Dropping it kills it, and fails the test when it has logged an error.
pub(crate) struct Daemon {
    child: Child,
    errors: Option<JoinHandle<Vec<String>>>,
    pub(crate) ready: String,
}

impl Daemon {
    /// Sends a signal and waits for the end: the exit code, and how long that took.
    pub(crate) fn stop(mut self, signal: Signal) -> (Option<i32>, Duration) {
        let started = Instant::now();
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), started.elapsed())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let errors = self.errors.take().expect("it is taken here only").join().unwrap();
        // A test that fails anyway is not to be told of what follows from that.
        assert!(
            errors.is_empty() || std::thread::panicking(),
            "the daemon logged errors: {errors:#?}"
        );
    }
}

/// Reads a log to its end: the lines that stand for something that should not happen.
fn errors_of(lines: impl Iterator<Item = std::io::Result<String>> + Send + 'static) -> JoinHandle<Vec<String>> {
    let is_error = |line: &String| line.split_whitespace().nth(1) == Some("ERROR") || line.contains("panicked at");
    std::thread::spawn(move || lines.map_while(Result::ok).filter(is_error).collect())
}
