//! How long a device takes to resolve, by how many models its catalogue holds of the task that is asked for.

use super::quantile::quantile;
use super::records::repeated;
use super::sheet::{Sheet, Summary, Unit};
use super::{BenchError, Wish, deliver, progress};
use headland_agent::read::{Reader, Remembered};
use headland_agent::store::Store;
use headland_host::store_file;
use headland_host::tables::StoreError;
use headland_hub::import_file::value_of;
use headland_shared::blob::{self, Change, Tombstones};
use headland_shared::element::State;
use headland_shared::epoch::{Life, Position, Seq};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::ReplicaName;
use headland_shared::register::{Register, Write, Writer};
use headland_shared::resolve::{Description, Device, Question};
use headland_shared::scope::Scope;
use headland_shared::stamp::Stamp;
use headland_shared::value::Value;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Instant;
use tempfile::TempDir;

/// The agent's default, which `docs/config.md` lists.
const CACHE_BYTES: usize = 1024 * 1024;
/// How many records are held.
const RECORDS: usize = 10_000;
/// How many are written in one transaction.
const BATCH: usize = 500;
/// How often each question is asked.
const ASKED: usize = 200;
const TABLE: &str = "Resolving on a device that holds 10,000 models";

/// What is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every benchmark is told.
    pub wish: Wish,
}

fn failed<E: Display>(doing: &'static str) -> impl FnOnce(E) -> BenchError {
    move |error| BenchError::Hub {
        doing,
        reason: error.to_string(),
    }
}

/// Measures, and delivers the result.
pub fn run(options: &Options) -> Result<(), BenchError> {
    let mut sheets = Vec::new();
    for run in 1..=options.wish.runs {
        progress(&format!("run {run} of {}", options.wish.runs));
        let held = Held::fill()?;
        let mut sheet = Sheet::default();
        for (task, models) in &held.tasks {
            held.ask(&mut sheet, task, *models)?;
        }
        sheets.push(sheet);
    }
    let notes = [
        "The agent's store on this machine's disk with its default cache of 1 MiB, read as for `POST /v1/resolve`, \
         without the socket; the reasons are written as JSON, once. The question names an approval and one need. \"Again\" is the same question while nothing of its task has \
         changed."
            .to_owned(),
        "The records are the first releases of timm and of LiteLLM, repeated under prefixes to 10,000. Synthetic: each \
         has two versions with a manifest, the first approved, and one in ten `requires` memory."
            .to_owned(),
    ];
    deliver(&options.wish, "resolve", "Resolving", &notes, &Summary::of(&sheets))
}

/// A record's key and blob.
type Stored = (Vec<u8>, Vec<u8>);

/// A device's store, filled.
struct Held {
    store: Store,
    /// How many models each task has.
    tasks: BTreeMap<String, usize>,
    // The file is in it.
    _directory: TempDir,
}

impl Held {
    fn fill() -> Result<Self, BenchError> {
        let directory = tempfile::Builder::new().prefix("headland-bench-resolve-").tempdir()?;
        let path = directory.path().join("agent.redb");
        let open = move || {
            store_file::open(&path, CACHE_BYTES).map_err(|error| {
                let error = std::io::Error::other(error.to_string());
                StoreError::Engine(Box::new(redb::Error::Io(error)))
            })
        };
        let name = ReplicaName::parse("leaf-7").expect("a plain word is a valid name");
        let store = Store::open(open, &name, 7).map_err(failed("opening the store"))?;
        let mut held = Self {
            store,
            tasks: BTreeMap::new(),
            _directory: directory,
        };
        let records = held.records()?;
        for (index, batch) in records.chunks(BATCH).enumerate() {
            let first = index * BATCH + 1;
            let written = held.store.write(|tables| {
                for (offset, (key, blob)) in batch.iter().enumerate() {
                    tables.set_record((first + offset) as u32, key, blob)?;
                }
                Ok::<_, StoreError>(())
            });
            written.map_err(failed("filling the store"))?;
        }
        Ok(held)
    }

    /// The records' keys and blobs.
    fn records(&mut self) -> Result<Vec<Stored>, BenchError> {
        let mut records = Vec::new();
        for record in repeated(RECORDS)? {
            let attributes: BTreeMap<String, Value> = record
                .attributes
                .into_iter()
                .map(|(name, value)| Ok((name, value_of(value).map_err(failed("reading"))?)))
                .collect::<Result<_, BenchError>>()?;
            let key = RecordKey {
                namespace: record.namespace.parse().map_err(failed("reading a namespace"))?,
                name: record.name.parse().map_err(failed("reading a name"))?,
            };
            let blob = self.blob(&key, attributes, records.len())?;
            records.push((key.encoded(), blob));
        }
        Ok(records)
    }

    fn blob(
        &mut self,
        key: &RecordKey,
        mut attributes: BTreeMap<String, Value>,
        number: usize,
    ) -> Result<Vec<u8>, BenchError> {
        if number.is_multiple_of(10) {
            let requires = value_of(json!({ "memory_bytes": 1_000_000 })).map_err(failed("reading"))?;
            attributes.insert("requires".to_owned(), requires);
        }
        let task = ["task", "mode"]
            .iter()
            .find_map(|name| attributes.get(*name)?.as_text());
        let scope = Scope::of(key.namespace.clone(), task);
        *self.tasks.entry(scope.task.to_string()).or_default() += 1;
        let mut elements = BTreeMap::new();
        for (name, value) in attributes {
            let name = name.parse().map_err(failed("reading an attribute"))?;
            elements.insert(ElementKey::Attribute(name), value);
        }
        for (version, approval) in [("1.0", "approved"), ("1.1", "tried")] {
            let name = |text: &str| text.parse().expect("a plain number is a valid version");
            let manifest = json!({ "uri": format!("oci://registry.example/{number}:{version}"), "size": 123_456_789 });
            elements.insert(
                ElementKey::Version(name(version)),
                value_of(manifest).map_err(failed("reading"))?,
            );
            let approved = "field-use".parse().expect("a plain word is a valid approval");
            elements.insert(ElementKey::Approval(name(version), approved), Value::text(approval));
        }
        elements.insert(ElementKey::Current, Value::text("1.1"));
        let position = Position {
            life: Life::numbered(1, 1),
            number: 1,
        };
        let change = |(key, value): (ElementKey, Value)| {
            let write = Write::central(position, Stamp::at_ms(1), Some(value));
            let change = Change {
                key: key.encoded(),
                seq: Seq::START,
                state: State::Register(Register::of(Writer::Central, write)).encoded(),
            };
            (change.key.clone(), change)
        };
        let changes: BTreeMap<Vec<u8>, Change> = elements.into_iter().map(change).collect();
        let head = blob::Head {
            task: Some(scope.task),
            ..blob::Head::default()
        };
        let changes = changes.into_values().collect();
        let patched = blob::patch(&key.encoded(), None, &head, changes, Tombstones::Drop);
        Ok(patched.map_err(failed("building a record"))?.bytes)
    }

    fn ask(&self, sheet: &mut Sheet, task: &str, models: usize) -> Result<(), BenchError> {
        let question: Question = serde_json::from_value(json!({
            "task": task, "approval": "field-use", "need": { "size": 1_000 },
        }))
        .map_err(failed("asking"))?;
        let mut first = Vec::with_capacity(ASKED);
        let mut again = Vec::with_capacity(ASKED);
        for _ in 0..ASKED {
            let remembered = Remembered::new(device());
            first.push(self.resolve(&remembered, &question, models)?);
            again.push(self.resolve(&remembered, &question, models)?);
        }
        let put = |sheet: &mut Sheet, column, unit, value| sheet.put(TABLE, task, column, unit, value);
        put(sheet, "models", Unit::Count, models as f64);
        put(sheet, "first: median", Unit::Micros, quantile(&mut first, 0.5));
        put(sheet, "first: p99", Unit::Micros, quantile(&mut first, 0.99));
        let each = quantile(&mut first, 0.5) / models as f64;
        put(sheet, "first: each model", Unit::Micros, each);
        put(sheet, "again: median", Unit::Micros, quantile(&mut again, 0.5));
        put(sheet, "again: p99", Unit::Micros, quantile(&mut again, 0.99));
        Ok(())
    }

    /// How many microseconds an answer takes.
    fn resolve(&self, remembered: &Remembered, question: &Question, models: usize) -> Result<f64, BenchError> {
        let begun = Instant::now();
        let position = self.store.position();
        let moment = Reader::new(self.store.clone()).moment();
        let resolved = moment.and_then(|moment| remembered.resolve(&self.store, position, &moment, question));
        let took = begun.elapsed();
        let resolved = resolved.map_err(failed("resolving"))?;
        let (seen, told) = (resolved.considered, resolved.told);
        let refused: u64 = told.refused_by.values().sum();
        if seen != models as u64 || refused + u64::from(told.answer.is_some()) != 2 * seen {
            return Err(BenchError::Void(format!(
                "{seen} of {models} models of {task} were looked at",
                task = question.task
            )));
        }
        Ok(took.as_secs_f64() * 1e6)
    }
}

fn device() -> Device {
    Device {
        name: ReplicaName::parse("leaf-7").expect("a plain word is a valid name"),
        description: Description::default(),
    }
}
