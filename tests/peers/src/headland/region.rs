//! A hub and the devices of its region, connected by handing frames over.

use super::device::{Device, Storage};
use super::import::{record, records};
use super::traffic::Traffic;
use crate::failure::{Failure, While};
use crate::model::{Catalogue, Change, Event, Field, apply_all};
use crate::workload::{CUT_MS, WRITERS};
use headland_hub::import_file::ImportedRecord;
use headland_hub::registry::{ImportOptions, Removals, import};
use headland_hub::replica::{Output, Replica, ReplicaConfig};
use headland_hub::store::Store;
use headland_shared::name::Region as RegionName;
use headland_shared::session::Now;
use headland_shared::session::lanes::LaneTimes;
use redb::Database;
use redb::backends::InMemoryBackend;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The namespace of the drawn catalogue.
pub(crate) const NAMESPACE: &str = "models";
/// How far time moves between two looks at all clocks, in milliseconds.
const STEP_MS: u64 = 500;
/// The most looks until hub and devices must be in step: far longer than any wait of a session.
const STEPS_MAX: u64 = 2_000;
/// Longer than any change waits for company, in milliseconds.
pub(crate) const LANES_MS: u64 = 20_000;
const MS_PER_DAY: u64 = 86_400_000;
/// What a hub keeps for the absent, and the longest live batch: its defaults.
const RETENTION_MS: u64 = 30 * MS_PER_DAY;
const LIVE_BYTES_MAX: usize = 65_536;
const HEARTBEAT_MS: u32 = 5_000;

/// A hub, what its registry holds, and its devices.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) hub: Replica,
    name: RegionName,
    pub(crate) devices: Vec<Device>,
    imported: BTreeMap<String, Vec<ImportedRecord>>,
    now: Now,
}

impl Region {
    /// A new hub, in memory or in a file.
    pub(crate) fn open(file: Option<PathBuf>, seed: u64) -> Result<Self, Failure> {
        // Enough before the cut for the catalogue to be old, and its devices' writes with it.
        let now = Now { mono: 1_000, wall_ms: CUT_MS - 2 * MS_PER_DAY };
        let name = RegionName::new("main").during("naming the region")?;
        let hub = open_hub(&name, file, seed, now)?;
        let (devices, imported) = (Vec::new(), BTreeMap::new());
        Ok(Self { hub, name, devices, imported, now })
    }

    /// Stops the hub, does something with its file, and starts it again. No link survives that.
    pub(crate) fn restarted(
        mut self,
        file: &Path,
        seed: u64,
        meanwhile: impl FnOnce(&Path) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        for index in 0..self.devices.len() {
            self.unlink(index)?;
        }
        let Self { hub, name, devices, imported, now } = self;
        drop(hub);
        meanwhile(file)?;
        let hub = open_hub(&name, Some(file.to_path_buf()), seed, now)?;
        Ok(Self { hub, name, devices, imported, now })
    }

    /// What the registry's next change is made to, when the hub holds it already.
    pub(crate) fn hold(&mut self, namespace: &str, catalogue: &Catalogue) -> Result<(), Failure> {
        self.imported.insert(namespace.to_owned(), records(namespace, catalogue)?);
        Ok(())
    }

    /// A hub that holds `base`, with what devices have added to it.
    pub(crate) fn with(base: &Catalogue, seed: u64) -> Result<Self, Failure> {
        let mut region = Self::open(None, seed)?;
        region.import(NAMESPACE, base, region.now.wall_ms)?;
        region.edge_writes(base)?;
        Ok(region)
    }

    /// Counts and notes by the devices that wrote them before the cut; these never come back.
    fn edge_writes(&mut self, base: &Catalogue) -> Result<(), Failure> {
        for writer in WRITERS {
            let index = self.device(writer, Storage::Memory)?;
            self.link(index)?;
            self.settle()?;
            let device = &mut self.devices[index];
            for (id, record) in base {
                if let Some(Field::Counts(counts)) = record.get(super::import::USAGE)
                    && let Some(count) = counts.get(writer)
                {
                    device.count(NAMESPACE, id, *count, self.now)?;
                }
            }
            device.write(NAMESPACE, &notes_of(base, writer), self.now.mono)?;
            device.replica.flush(self.now).during("sending a device's writes")?;
            self.settle()?;
            self.unlink(index)?;
        }
        self.devices.clear();
        self.pass(LANES_MS)?;
        self.at(CUT_MS);
        Ok(())
    }

    /// Moves the clocks on to a moment, if it is later.
    fn at(&mut self, wall_ms: u64) {
        let step = wall_ms.saturating_sub(self.now.wall_ms);
        self.now.mono += step;
        self.now.wall_ms += step;
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// Adds a device without a link; gives its index.
    pub(crate) fn device(&mut self, name: &str, storage: Storage) -> Result<usize, Failure> {
        let seed = 1_000 + self.devices.len() as u64;
        self.devices.push(Device::open(name, storage, seed, self.now)?);
        Ok(self.devices.len() - 1)
    }

    pub(crate) fn link(&mut self, index: usize) -> Result<(), Failure> {
        let device = &mut self.devices[index];
        device.linked = true;
        device.replica.link_up(self.name.clone(), self.now).during("linking a device")
    }

    pub(crate) fn unlink(&mut self, index: usize) -> Result<(), Failure> {
        let device = &mut self.devices[index];
        device.linked = false;
        device.replica.link_down(self.now).during("cutting a link")
    }

    /// Makes the registry state what a namespace holds: one commit.
    pub(crate) fn import(&mut self, namespace: &str, catalogue: &Catalogue, at_ms: u64) -> Result<(), Failure> {
        self.hold(namespace, catalogue)?;
        self.commit(namespace, at_ms)
    }

    /// Commits each event on its own; `catalogue` is brought along.
    pub(crate) fn events(&mut self, catalogue: &mut Catalogue, events: &[Event]) -> Result<(), Failure> {
        events.iter().try_for_each(|event| self.event(catalogue, event))
    }

    /// Commits one event; `catalogue` is brought along.
    pub(crate) fn event(&mut self, catalogue: &mut Catalogue, event: &Event) -> Result<(), Failure> {
        apply_all(catalogue, std::slice::from_ref(event));
        let touched: BTreeSet<&str> = event.changes.iter().map(Change::id).collect();
        let all = self.imported.entry(NAMESPACE.to_owned()).or_default();
        for id in touched {
            let record = record(NAMESPACE, id, &catalogue[id])?;
            match all.binary_search_by(|held| held.key.cmp(&record.key)) {
                Ok(index) => all[index] = record,
                Err(index) => all.insert(index, record),
            }
        }
        self.commit(NAMESPACE, event.at_ms)
    }

    /// Sends what a device has written.
    pub(crate) fn send(&mut self, index: usize) -> Result<(), Failure> {
        self.devices[index].replica.flush(self.now).during("sending a device's writes")?;
        self.carry()
    }

    fn commit(&mut self, namespace: &str, at_ms: u64) -> Result<(), Failure> {
        self.at(at_ms);
        let options = ImportOptions {
            removals: Removals::Allowed,
            register: true,
            dry_run: false,
            origin: "peers".to_owned(),
        };
        let all = self.imported[namespace].clone();
        let report = import(&mut self.hub, all, &options, self.now).during("importing")?;
        if report.seq.is_none() {
            return Err(Failure::new("importing", "nothing differed"));
        }
        Ok(())
    }

    /// Lets time pass and carries frames until nothing is left to say.
    pub(crate) fn settle(&mut self) -> Result<(), Failure> {
        for _ in 0..STEPS_MAX {
            self.at(self.now.wall_ms + STEP_MS);
            self.hub.handle_timeout(self.now).during("waking the hub")?;
            for device in self.devices.iter_mut().filter(|device| device.linked) {
                device.replica.handle_timeout(self.now).during("waking a device")?;
            }
            self.carry()?;
            if self.is_quiet()? {
                return Ok(());
            }
        }
        Err(Failure::new("syncing", "hub and devices do not come into step"))
    }

    fn is_quiet(&self) -> Result<bool, Failure> {
        let head = self.hub.store().read().and_then(|views| views.numbers()).during("reading the hub's head")?.head;
        for device in self.devices.iter().filter(|device| device.linked) {
            let placed = device.replica.store().read().and_then(|views| views.placed());
            let placed = placed.during("reading a device's place")?;
            if !device.replica.is_settled() || placed.is_none_or(|placed| placed.head != head) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn carry(&mut self) -> Result<(), Failure> {
        loop {
            for device in self.devices.iter_mut().filter(|device| device.linked) {
                for frame in device.outputs() {
                    self.hub.frame(device.name.clone(), frame.clone()).during("handing the hub a frame")?;
                    device.traffic.up.push(frame);
                }
            }
            if !self.hand_down()? {
                return Ok(());
            }
        }
    }

    /// Lets the hub work and hands its frames to the devices; says whether there were any.
    fn hand_down(&mut self) -> Result<bool, Failure> {
        self.hub.flush(self.now).during("flushing the hub")?;
        let outputs: Vec<Output> = std::iter::from_fn(|| self.hub.poll()).collect();
        let mut any = false;
        for output in outputs {
            for device in self.devices.iter_mut().filter(|device| device.linked) {
                let frame = match &output {
                    Output::Publish { frame, .. } => frame,
                    Output::Send { topic, frame } if *topic == device.way_down(&self.name) => frame,
                    Output::Send { .. } => continue,
                };
                any = true;
                device.take(frame.clone(), self.now)?;
            }
        }
        Ok(any)
    }

    /// Forgets what has travelled so far.
    pub(crate) fn forget_traffic(&mut self) {
        for device in &mut self.devices {
            device.traffic = Traffic::default();
            device.spent = Duration::ZERO;
        }
    }

    /// Time passes: what waits in the hub's lanes is published to whoever is linked.
    pub(crate) fn pass(&mut self, ms: u64) -> Result<(), Failure> {
        self.at(self.now.wall_ms + ms);
        self.hub.handle_timeout(self.now).during("waking the hub")?;
        self.carry()
    }
}

fn open_hub(region: &RegionName, file: Option<PathBuf>, seed: u64, now: Now) -> Result<Replica, Failure> {
    let open = move || {
        let builder = Database::builder();
        Ok(match &file {
            None => builder.create_with_backend(InMemoryBackend::new())?,
            Some(path) => builder.create(path)?,
        })
    };
    let config = ReplicaConfig {
        region: region.clone(),
        lanes: LaneTimes::default(),
        heartbeat_ms: HEARTBEAT_MS,
        live_bytes_max: LIVE_BYTES_MAX,
        retention_ms: RETENTION_MS,
        boot: seed,
    };
    let store = Store::open(open, seed).during("opening the hub's store")?;
    Replica::open(store, config, seed, now).during("opening the hub")
}

fn notes_of(base: &Catalogue, writer: &str) -> Vec<Event> {
    let mut notes = Vec::new();
    for (id, record) in base {
        if let Some(Field::Notes(held)) = record.get(crate::model::NOTES) {
            for (key, note) in held.iter().filter(|(key, _)| key.starts_with(writer)) {
                let (id, key, note) = (id.clone(), key.clone(), note.clone());
                let at_ms = note.at_ms;
                notes.push(Event { at_ms, changes: vec![Change::Note { id, key, note }] });
            }
        }
    }
    // A device's stamps only grow.
    notes.sort_by_key(|event| event.at_ms);
    notes
}
