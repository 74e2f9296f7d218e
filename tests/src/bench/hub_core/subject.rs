//! The replica under test, and what it is made to do.

use super::super::BenchError;
use crate::bench::probe;
use crate::demo::catalogue::{Catalogue, Release};
use headland_host::store_file;
use headland_hub::import_file::read_file;
use headland_hub::registry::{ImportOptions, Removals, import};
use headland_hub::replica::{Output, Replica, ReplicaConfig};
use headland_hub::store::Store;
use headland_shared::digest::Digest;
use headland_shared::message::Place;
use headland_shared::name::{Namespace, Region, ReplicaName};
use headland_shared::session::lanes::LaneTimes;
use headland_shared::session::{Jitter, Now};
use std::fmt::Display;
use std::path::PathBuf;
use tempfile::TempDir;

/// The hub's defaults, which `docs/config.md` lists.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
const HEARTBEAT_MS: u32 = 15_000;
const LIVE_BYTES_MAX: usize = 65_536;
const RETENTION_MS: u64 = 30 * 86_400_000;
/// When the wall clock begins: any moment will do.
const WALL_MS: u64 = 1_790_000_000_000;

/// What came out of the replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Drained {
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

/// A hub's core, its file and its clock.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) replica: Replica,
    pub(super) catalogue: Catalogue,
    pub(super) jitter: Jitter,
    file: PathBuf,
    directory: TempDir,
    mono: u64,
    probes: u64,
}

pub(super) fn refused<E: Display>(doing: &'static str) -> impl FnOnce(E) -> BenchError {
    move |error| BenchError::Hub {
        doing,
        reason: error.to_string(),
    }
}

impl Subject {
    /// A fresh hub that holds the catalogue's first releases, all published.
    pub(super) fn open() -> Result<Self, BenchError> {
        let mut subject = Self::empty()?;
        subject.catalogue = Catalogue::shipped()?;
        for release in subject.catalogue.base.clone() {
            subject.import_release(&release)?;
        }
        subject.publish()?;
        Ok(subject)
    }

    /// A fresh hub that holds the probe and nothing else, and whose process has held nothing else.
    pub(super) fn empty() -> Result<Self, BenchError> {
        let directory = tempfile::Builder::new().prefix("headland-bench-hub-").tempdir()?;
        let file = directory.path().join("hub.redb");
        let path = file.clone();
        let open = move || {
            store_file::open(&path, CACHE_BYTES)
                .map_err(|error| std::io::Error::other(error.to_string()))
                .map_err(|error| headland_host::tables::StoreError::Engine(Box::new(redb::Error::Io(error))))
        };
        let mut jitter = Jitter::seeded(u64::from(std::process::id()));
        let store = Store::open(open, jitter.next_u64()).map_err(refused("opening the store"))?;
        let config = ReplicaConfig {
            region: Region::new("main").expect("a plain word is a valid region"),
            lanes: LaneTimes::default(),
            heartbeat_ms: HEARTBEAT_MS,
            live_bytes_max: LIVE_BYTES_MAX,
            retention_ms: RETENTION_MS,
            boot: 1,
        };
        let now = Now {
            mono: 1,
            wall_ms: WALL_MS,
        };
        let replica = Replica::open(store, config, jitter.next_u64(), now).map_err(refused("opening the replica"))?;
        let mut subject = Self {
            replica,
            catalogue: Catalogue {
                base: Vec::new(),
                releases: Vec::new(),
            },
            jitter,
            file,
            directory,
            mono: 1,
            probes: 0,
        };
        subject.next_probe()?;
        subject.publish()?;
        Ok(subject)
    }

    /// The present; each look at it takes a millisecond.
    pub(super) fn now(&mut self) -> Now {
        self.mono += 1;
        Now {
            mono: self.mono,
            wall_ms: WALL_MS + self.mono,
        }
    }

    /// Lets time pass.
    pub(super) fn pass_ms(&mut self, ms: u64) {
        self.mono += ms;
    }

    /// Bytes of the store's file.
    pub(super) fn file_bytes(&self) -> Result<u64, BenchError> {
        Ok(self.file.metadata()?.len())
    }

    pub(super) fn import_release(&mut self, release: &Release) -> Result<(), BenchError> {
        self.import_text(&release.namespace, &release.json_lines())
    }

    /// Makes the next urgent change.
    pub(super) fn next_probe(&mut self) -> Result<(), BenchError> {
        self.probes += 1;
        self.import_text(probe::NAMESPACE, &probe::json_line(self.probes))
    }

    /// Makes a namespace hold what a file states.
    pub(super) fn import_text(&mut self, namespace: &str, text: &str) -> Result<(), BenchError> {
        let file = self.directory.path().join("import.jsonl");
        std::fs::write(&file, text)?;
        let namespace = Namespace::new(namespace).map_err(refused("naming a namespace"))?;
        let records = read_file(&file, &namespace).map_err(refused("reading a release"))?;
        let options = ImportOptions {
            removals: Removals::Allowed,
            register: true,
            dry_run: false,
            origin: "benchmark".to_owned(),
        };
        let now = self.now();
        let report = import(&mut self.replica, records, &options, now).map_err(refused("importing"))?;
        if report.seq.is_none() {
            return Err(BenchError::Void("an import changed nothing".to_owned()));
        }
        Ok(())
    }

    /// Publishes what is due, as the driver does after each input.
    pub(super) fn publish(&mut self) -> Result<Drained, BenchError> {
        self.replica.publish().map_err(refused("publishing"))?;
        Ok(self.drain())
    }

    /// Lets the replica do what is due.
    pub(super) fn handle_timeout(&mut self) -> Result<(), BenchError> {
        let now = self.now();
        self.replica.handle_timeout(now).map_err(refused("letting time pass"))
    }

    /// Takes frames in, works them off in one go, and drains the answers.
    pub(super) fn flush(&mut self, frames: Vec<(ReplicaName, Vec<u8>)>) -> Result<Drained, BenchError> {
        for (agent, frame) in frames {
            self.replica.frame(agent, frame).map_err(refused("taking a frame"))?;
        }
        let now = self.now();
        self.replica.flush(now).map_err(refused("working off frames"))?;
        Ok(self.drain())
    }

    pub(super) fn drain(&mut self) -> Drained {
        let mut drained = Drained::default();
        while let Some(output) = self.replica.poll() {
            let (Output::Send { frame, .. } | Output::Publish { frame, .. }) = output;
            drained.frames += 1;
            drained.bytes += frame.len() as u64;
        }
        drained
    }

    /// Where an agent stands that has everything.
    pub(super) fn place(&self) -> Result<Place, BenchError> {
        let views = self.replica.store().read().map_err(refused("reading the store"))?;
        let numbers = views.numbers().map_err(refused("reading the head"))?;
        Ok(Place {
            epoch: self.replica.epoch(),
            head: numbers.head,
            base: numbers.head.seq,
            ahead: Vec::new(),
        })
    }

    /// The digest of an agent that has everything.
    pub(super) fn digest(&self) -> Result<Digest, BenchError> {
        let views = self.replica.store().read().map_err(refused("reading the store"))?;
        let mut digest = Digest::default();
        for row in views.scopes().map_err(refused("reading scopes"))?.values() {
            digest.add(row.digest);
        }
        Ok(digest)
    }
}
