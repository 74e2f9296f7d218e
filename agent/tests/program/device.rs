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
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;
use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) use axum::http::{Method, StatusCode};

/// Far longer than anything here takes, so that only a hang runs into it.
const TIMEOUT_MS: u64 = 20_000;

/// A port at which no broker is: the first one, which nobody may take.
const NOWHERE: &str = "mqtt://127.0.0.1:1/main";

const CACHE_BYTES: usize = 1024 * 1024;

/// A port below those Linux chooses for outgoing connections, from a place of this process's own.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 70) * 50;
    loop {
        let nth = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(28_500 + (start + nth) % 3_500).expect("below 32000");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

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
        let mut command = Command::new(env!("CARGO_BIN_EXE_headland-agent"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HEADLAND_") {
                command.env_remove(name);
            }
        }
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
    pub(crate) fn running(mut command: Command) -> Daemon {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        loop {
            let Some(line) = lines.next() else {
                panic!("the daemon ended without running ({:?}): {said:#?}", child.wait());
            };
            let line = line.unwrap();
            if line.contains("running") {
                break;
            }
            said.push(line);
        }
        let early = said.into_iter().filter(|line| is_error(line)).collect();
        Daemon {
            child,
            early,
            errors: Some(errors_of(lines)),
        }
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
        let path = self.store();
        let open = move || Ok(store_file::open(&path, CACHE_BYTES).unwrap());
        let store = Store::open(open, &ReplicaName::parse("leaf-7").unwrap(), 7).unwrap();
        let hold = |tables: &mut Tables<'_>| -> Result<(), StoreError> {
            for (handle, name) in (1..).zip(names) {
                let key = RecordKey::decode(format!("default\0{name}").as_bytes())
                    .unwrap()
                    .encoded();
                tables.set_record(handle, &key, &blob_of(&key))?;
            }
            Ok(())
        };
        store.write(hold).unwrap();
    }
}

fn blob_of(key: &[u8]) -> Vec<u8> {
    let position = Position {
        life: Life::numbered(1, 1),
        number: 1,
    };
    let fact = |name: &str, value: &str| {
        let write = Write::central(position, Stamp::at_ms(1), Some(Value::text(value)));
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
    let facts = vec![fact("task", "image-classification"), fact("license", "apache-2.0")];
    blob::patch(key, None, &head, facts, Tombstones::Drop).unwrap().bytes
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
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

    /// The one line of a command that could not do it, with exit code 1.
    pub(crate) fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        self.err
    }

    /// The one line of a command that refused, with exit code 2.
    pub(crate) fn refused(self) -> String {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        self.err
    }
}

/// A daemon that runs. Dropping it kills it, and fails the test when it has logged an error.
pub(crate) struct Daemon {
    child: Child,
    /// Errors that it logged before it ran.
    early: Vec<String>,
    errors: Option<JoinHandle<Vec<String>>>,
}

impl Daemon {
    /// Kills it, and gives the errors that it has logged, which are expected then.
    pub(crate) fn errors(mut self) -> Vec<String> {
        self.end()
    }

    fn end(&mut self) -> Vec<String> {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut errors = std::mem::take(&mut self.early);
        errors.extend(
            self.errors
                .take()
                .map_or_else(Vec::new, |errors| errors.join().unwrap()),
        );
        errors
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

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
        let errors = self.end();
        // A test that fails anyway is not to be told of what follows from that.
        assert!(
            errors.is_empty() || std::thread::panicking(),
            "the daemon logged errors: {errors:#?}"
        );
    }
}

/// Reads a log to its end: the lines that stand for something that should not happen.
fn errors_of(lines: impl Iterator<Item = std::io::Result<String>> + Send + 'static) -> JoinHandle<Vec<String>> {
    std::thread::spawn(move || lines.map_while(Result::ok).filter(|line| is_error(line)).collect())
}

fn is_error(line: &str) -> bool {
    line.split_whitespace().nth(1) == Some("ERROR") || line.contains("panicked at")
}
