//! A device: its store filled as a hub would have, and the agent on it as a process of its own.

use super::super::BenchError;
use super::super::records::{Record, repeated};
use headland_agent::store::Store;
use headland_host::store_file;
use headland_host::tables::StoreError;
use headland_shared::blob::{self, Change, Tombstones};
use headland_shared::element::State;
use headland_shared::epoch::{Life, Position, Seq};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::{AttributeName, ModelName, Namespace, ReplicaName, Task};
use headland_shared::register::{Register, Write, Writer};
use headland_shared::scope::TASK_ATTRIBUTES;
use headland_shared::stamp::Stamp;
use headland_shared::value::{Number, Value};
use serde_json::Value as Json;
use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// While the store is filled: enough that this is quick.
const FILLING_CACHE_BYTES: usize = 64 * 1024 * 1024;
/// A port at which no broker is: the first one, which nobody may take.
const NOWHERE: &str = "mqtt://127.0.0.1:1/main";
/// A directory with configuration and store.
#[derive(Debug)]
pub(super) struct Device {
    directory: TempDir,
}

/// An agent that runs. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Agent(Child);

impl Agent {
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn failed<E: Display>(doing: &'static str) -> impl FnOnce(E) -> BenchError {
    move |error| BenchError::Void(format!("{doing}: {error}"))
}

impl Device {
    /// Makes a device that holds so many models.
    pub(super) fn prepare(models: usize) -> Result<Self, BenchError> {
        let directory = tempfile::Builder::new().prefix("headland-bench-query-").tempdir()?;
        let device = Self { directory };
        let (store, socket) = (device.store(), device.socket());
        let text = format!("name = \"bench\"\nhubs = [{NOWHERE:?}]\nstore = {store:?}\nsocket = {socket:?}\n");
        std::fs::write(device.directory.path().join("agent.toml"), text)?;
        device.fill(models)?;
        Ok(device)
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("agent.redb")
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }

    pub(super) fn file_bytes(&self) -> Result<u64, BenchError> {
        Ok(std::fs::metadata(self.store())?.len())
    }

    fn fill(&self, count: usize) -> Result<(), BenchError> {
        let path = self.store();
        let open = move || {
            store_file::open(&path, FILLING_CACHE_BYTES).map_err(|error| {
                StoreError::Engine(Box::new(redb::Error::Io(std::io::Error::other(error.to_string()))))
            })
        };
        let name = ReplicaName::parse("bench").map_err(failed("naming the device"))?;
        let store = Store::open(open, &name, 1).map_err(failed("opening the store"))?;
        let records = repeated(count)?;
        let filled: Result<(), BenchError> = store
            .write(|tables| {
                for (number, record) in records.iter().enumerate() {
                    let key = RecordKey {
                        namespace: Namespace::new(&record.namespace)
                            .map_err(|error| StoreError::corrupt("bench", error))?,
                        name: ModelName::new(&record.name).map_err(|error| StoreError::corrupt("bench", error))?,
                    };
                    let key = key.encoded();
                    let blob = blob_of(&key, record).map_err(|error| StoreError::corrupt("bench", error))?;
                    tables.set_record(number as u32, &key, &blob)?;
                }
                Ok::<_, StoreError>(())
            })
            .map_err(failed("filling the store"));
        filled
    }

    /// Starts the agent and waits until it says that it runs.
    pub(super) fn start(&self) -> Result<Agent, BenchError> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["agent", "run", "--config"])
            .arg(self.directory.path().join("agent.toml"))
            .env("HEADLAND_LOG", "info")
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut agent = Agent(command.spawn()?);
        let said = agent.0.stderr.take();
        let mut lines =
            BufReader::new(said.ok_or_else(|| BenchError::Void("the agent has no log".to_owned()))?).lines();
        let runs = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("running"));
        if !runs {
            return Err(BenchError::Void("the agent ended without running".to_owned()));
        }
        // What it says later is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(agent)
    }
}

fn blob_of(key: &[u8], record: &Record) -> Result<Vec<u8>, String> {
    let facts = &record.attributes;
    let mut changes = Vec::new();
    let mut put = |element: ElementKey, value: Value| {
        let position = Position {
            life: Life::numbered(1, 1),
            number: 1,
        };
        let write = Write::central(position, Stamp::at_ms(1), Some(value));
        changes.push(Change {
            key: element.encoded(),
            seq: Seq::START,
            state: State::Register(Register::of(Writer::Central, write)).encoded(),
        });
    };
    let attribute = |name: &str| AttributeName::new(name).map_err(|error| error.to_string());
    for (name, fact) in facts {
        put(ElementKey::Attribute(attribute(name)?), value_of(fact));
    }
    put(
        ElementKey::Attribute(attribute("description")?),
        Value::text(record.description()),
    );
    for tag in record.tags() {
        put(
            ElementKey::Member(attribute("tags")?, tag.to_owned()),
            Value::Bool(true),
        );
    }
    let task = TASK_ATTRIBUTES.iter().find_map(|name| facts.get(*name)?.as_str());
    let head = blob::Head {
        task: Some(Task::new(task.unwrap_or("-")).map_err(|error| error.to_string())?),
        ..blob::Head::default()
    };
    let patched = blob::patch(key, None, &head, changes, Tombstones::Drop).map_err(|error| error.to_string())?;
    Ok(patched.bytes)
}

fn value_of(fact: &Json) -> Value {
    match fact {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => {
            let whole = number.as_i64().map(Number::Whole);
            let number = whole.or_else(|| number.as_f64().and_then(Number::from_f64));
            number.map_or(Value::Null, Value::Number)
        }
        Json::String(text) => Value::text(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(value_of).collect()),
        Json::Object(fields) => Value::Map(
            fields
                .iter()
                .map(|(name, fact)| (name.clone(), value_of(fact)))
                .collect(),
        ),
    }
}
