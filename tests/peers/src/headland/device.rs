//! One device: the shipped agent replica on its store.

use super::import::{USAGE, attribute, key};
use super::traffic::Traffic;
use crate::failure::{Failure, While};
use crate::measure::worked;
use crate::model::{Change, Event};
use headland_agent::replica::{Replica, ReplicaConfig};
use headland_agent::store::Store;
use headland_shared::frame::FRAME_BYTES_DEFAULT;
use headland_shared::name::{Region, ReplicaName};
use headland_shared::session::Now;
use headland_shared::session::agent::Timing;
use headland_shared::topic;
use redb::Database;
use redb::backends::InMemoryBackend;
use std::path::PathBuf;
use std::time::Duration;

/// What the agent lets its storage engine have when nobody says otherwise.
pub(crate) const CACHE_BYTES: usize = 1024 * 1024;

/// Where a device keeps its catalogue.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// In memory: no disk is measured.
    Memory,
    /// In a file, with the agent's usual cache before it.
    File(PathBuf),
}

/// A device that follows everything.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) name: ReplicaName,
    pub(crate) replica: Replica,
    pub(crate) linked: bool,
    pub(crate) traffic: Traffic,
    /// How long it took to take frames in.
    pub(crate) spent: Duration,
}

impl Device {
    pub(crate) fn open(name: &str, storage: Storage, seed: u64, now: Now) -> Result<Self, Failure> {
        let name = ReplicaName::parse(name).during("naming a device")?;
        let open = move || {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES);
            Ok(match &storage {
                Storage::Memory => builder.create_with_backend(InMemoryBackend::new())?,
                Storage::File(path) => builder.create(path)?,
            })
        };
        let store = Store::open(open, &name, seed).during("opening a device's store")?;
        let config = ReplicaConfig {
            follow: vec!["*/*".parse().during("following everything")?],
            filter: None,
            frame_bytes_max: FRAME_BYTES_DEFAULT,
            timing: Timing::default(),
            boot: 1,
        };
        let replica = Replica::open(store, config, seed, now).during("opening a device")?;
        let (linked, traffic, spent) = (false, Traffic::default(), Duration::ZERO);
        Ok(Self {
            name,
            replica,
            linked,
            traffic,
            spent,
        })
    }

    /// Writes notes, each durable before the next.
    pub(crate) fn write(&mut self, namespace: &str, notes: &[Event], mono: u64) -> Result<(), Failure> {
        for event in notes {
            let now = Now {
                mono,
                wall_ms: event.at_ms,
            };
            for change in &event.changes {
                let Change::Note { id, note, .. } = change else {
                    return Err(Failure::new("writing on a device", "only notes are written there"));
                };
                let written = self
                    .replica
                    .annotate(&key(namespace, id)?, None, note.text.clone(), now);
                written.during("writing a note")?;
            }
        }
        Ok(())
    }

    /// Counts uses of a model.
    pub(crate) fn count(&mut self, namespace: &str, id: &str, amount: i64, now: Now) -> Result<(), Failure> {
        let counted = self
            .replica
            .count(&key(namespace, id)?, &attribute(USAGE)?, amount, now);
        counted.during("counting")?;
        Ok(())
    }

    /// The topic on which the hub speaks to it.
    pub(crate) fn way_down(&self, region: &Region) -> String {
        topic::down(region, &self.name)
    }

    /// Takes a frame in, and how long that takes.
    pub(crate) fn take(&mut self, frame: Vec<u8>, now: Now) -> Result<(), Failure> {
        self.traffic.down.push(frame.clone());
        let begun = worked();
        let taken = self.replica.frame(frame, now);
        self.spent += worked().saturating_sub(begun);
        taken.during("handing a device a frame")
    }

    /// What it wants sent.
    pub(crate) fn outputs(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.replica.poll()).collect()
    }
}
