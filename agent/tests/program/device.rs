//! A device: a directory with the agent's configuration, store and socket.

use headland_agent::store::{Store, Tables};
use headland_host::control::request_blocking;
use headland_host::store_file;
use headland_host::tables::StoreError;
use headland_shared::blob::{self, Change, Tombstones};
use headland_shared::element::State;
use headland_shared::epoch::{Life, Position, Seq};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{AttributeName, ReplicaName, Task};
use headland_shared::register::{Register, Write, Writer};
use headland_shared::stamp::Stamp;
use headland_shared::value::Value;
use headland_trial::command::command;
use serde_json::Value as Json;
use std::fs::Permissions;
use std::io::{Read, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub(crate) use axum::http::{Method, StatusCode};
pub(crate) use headland_trial::command::Ran;
pub(crate) use headland_trial::daemon::Daemon;

/// Far longer than anything here takes, so that only a hang runs into it.
const TIMEOUT_MS: u64 = 20_000;

/// A port at which no broker is: the first one, which nobody may take.
const NOWHERE: &str = "mqtt://127.0.0.1:1/main";

const CACHE_BYTES: usize = 1024 * 1024;

pub(crate) struct Device {
    dir: TempDir,
}

impl Device {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// Adds lines to the end of its configuration.
    pub(crate) fn configure(&self, lines: &str) {
        let path = self.file("agent.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}{lines}\n")).unwrap();
    }

    /// A device whose configuration ends with these lines.
    pub(crate) fn with(lines: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let device = Self { dir };
        let (store, socket) = (device.store(), device.socket());
        let text =
            format!("name = \"leaf-7\"\nhubs = [{NOWHERE:?}]\nstore = {store:?}\nsocket = {socket:?}\n{lines}\n");
        std::fs::write(device.dir.path().join("agent.toml"), text).unwrap();
        device
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("agent.redb")
    }

    /// Writes an executable script and gives its path.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A path beside the store.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("agent.sock")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(Path::new(env!("CARGO_BIN_EXE_headland-agent")), None);
        command
            .args(args)
            .arg("--config")
            .arg(self.dir.path().join("agent.toml"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn agent(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Starts a command, whose standard output is read as it comes.
    pub(crate) fn begin(&self, args: &[&str]) -> Child {
        self.command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a command whose standard output nobody reads.
    pub(crate) fn agent_unread(&self, args: &[&str]) -> Ran {
        let mut child = self
            .command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        Ran::of(child.wait_with_output().unwrap())
    }

    /// Starts the daemon and waits until it says that it runs.
    pub(crate) fn start(&self) -> Daemon {
        self.start_with(&[])
    }

    /// Starts the daemon with these variables in its environment.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> Daemon {
        let mut command = self.command(&["run"]);
        command.envs(variables.iter().copied());
        Self::running(command)
    }

    /// Starts a daemon by this command and waits until it says that it runs.
    pub(crate) fn running(command: Command) -> Daemon {
        Daemon::start(command, "running")
    }

    /// Asks the daemon over its socket.
    pub(crate) fn ask(&self, method: Method, target: &str, body: Option<&Json>) -> (StatusCode, Json) {
        request_blocking(&self.socket(), method, target, body, TIMEOUT_MS).unwrap()
    }

    /// The head of the daemon's answer, in lower case.
    pub(crate) fn headers(&self, target: &str) -> String {
        let answer = self.raw_answer(target);
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        head.to_lowercase()
    }

    /// The daemon's answer as it comes.
    pub(crate) fn raw_answer(&self, target: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Puts models into the store, as a hub would have.
    pub(crate) fn hold(&self, names: &[&str]) {
        self.hold_saying(names, None);
    }

    /// The same, of which the registry has said at this time what their availability is.
    pub(crate) fn hold_saying(&self, names: &[&str], availability: Option<(&str, u64)>) {
        let path = self.store();
        let open = move || Ok(store_file::open(&path, CACHE_BYTES).unwrap());
        let store = Store::open(open, &ReplicaName::parse("leaf-7").unwrap(), 7).unwrap();
        let hold = |tables: &mut Tables<'_>| -> Result<(), StoreError> {
            for (handle, name) in (1..).zip(names) {
                let key = RecordKey::decode(format!("default\0{name}").as_bytes())
                    .unwrap()
                    .encoded();
                tables.set_record(handle, &key, &blob_of(&key, availability))?;
            }
            Ok(())
        };
        store.write(hold).unwrap();
    }
}

fn blob_of(key: &[u8], availability: Option<(&str, u64)>) -> Vec<u8> {
    let position = Position {
        life: Life::numbered(1, 1),
        number: 1,
    };
    let fact_at = |name: &str, value: &str, at_ms| {
        let write = Write::central(position, Stamp::at_ms(at_ms), Some(Value::text(value)));
        Change {
            key: ElementKey::Attribute(AttributeName::new(name).unwrap()).encoded(),
            seq: Seq::START,
            state: State::Register(Register::of(Writer::Central, write)).encoded(),
        }
    };
    let head = blob::Head {
        task: Some(Task::new("image-classification").unwrap()),
        ..blob::Head::default()
    };
    let fact = |name, value| fact_at(name, value, 1);
    let mut facts = vec![fact("task", "image-classification"), fact("license", "apache-2.0")];
    facts.extend(availability.map(|(value, at_ms)| fact_at("availability", value, at_ms)));
    blob::patch(key, None, &head, facts, Tombstones::Drop).unwrap().bytes
}
