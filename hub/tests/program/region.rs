//! A region: a directory with the hub's configuration, store, socket and files to import.

use headland_host::control::{request_blocking, request_bytes};
use headland_trial::command::command;
use headland_trial::ports::free_port;
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

pub(crate) use axum::http::{Method, StatusCode};
pub(crate) use headland_trial::command::Ran;
pub(crate) use headland_trial::daemon::Daemon;

/// Far longer than anything here takes, so that only a hang runs into it.
const TIMEOUT_MS: u64 = 30_000;

pub(crate) struct Region {
    dir: TempDir,
    port: u16,
}

impl Region {
    pub(crate) fn new() -> Self {
        let region = Self {
            dir: tempfile::tempdir().unwrap(),
            port: free_port().unwrap(),
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
        let mut command = command(Path::new(env!("CARGO_BIN_EXE_headland-hub")), None);
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
        command.envs(variables.iter().copied());
        Daemon::start(command, "hub ready")
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
