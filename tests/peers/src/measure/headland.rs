//! What Headland's own sync costs, by real sessions.

use super::library::Inputs;
use super::{ROUNDS, RUNS, Time};
use crate::failure::{Failure, While};
use crate::headland::{CACHE_BYTES, Device, LANES_MS, NAMESPACE, Region, Storage, Traffic, shown};
use crate::heap;
use crate::model::{Catalogue, Event, apply_all};
use crate::workload::{DEVICE, RECORDS, Workload, base};
use headland_shared::delta::{self, Known, RecordChange};
use headland_shared::frame::decode_down;
use headland_shared::message::Down as Message;
use headland_shared::name::{AttributeName, ModelName};
use std::collections::BTreeMap;

/// Feeds identities and jitter of the replicas, so that two runs send the same bytes.
const SEED: u64 = 11;
/// How many events of the ageing become one commit: each import looks at all models.
const AGEING_COMMIT: usize = 50;

/// What bringing a device up to date cost. Every frame counts whole: head, body and check.
#[derive(Debug, Clone)]
pub(crate) struct Down {
    /// The first catch-up of a fresh device.
    pub(crate) snapshot: Traffic,
    /// A device that wrote nothing comes back: what it is sent, and what it says.
    pub(crate) sync: Traffic,
    /// One attribute of one model changes while the link is up: the live batch.
    pub(crate) single: Vec<u8>,
    /// Taking the catch-up in, to the commit.
    pub(crate) apply: Time,
    /// Reading the frames to elements, without a store.
    pub(crate) decode: Time,
    /// Taking the first catch-up in.
    pub(crate) load: Time,
}

/// What bringing a device's notes to the hub cost.
#[derive(Debug, Clone)]
pub(crate) struct Up {
    /// A device comes back with its notes to a hub where nothing happened.
    pub(crate) sync: Traffic,
    /// The notes are written while the link is up, and sent at once.
    pub(crate) live: Traffic,
    /// A device comes back with its notes to a hub that has moved: both directions in one session.
    pub(crate) both: Traffic,
}

/// All of Headland.
#[derive(Debug, Clone)]
pub(crate) struct All {
    pub(crate) lean: Down,
    pub(crate) rich: Down,
    pub(crate) aged: Down,
    pub(crate) up: Up,
    pub(crate) kept: Kept,
}

/// Runs all of it.
pub(crate) fn measured(inputs: &Inputs) -> Result<All, Failure> {
    Ok(All {
        lean: down(&inputs.lean, None)?,
        rich: down(&inputs.rich, None)?,
        aged: down(&inputs.aged, Some(&inputs.ageing))?,
        up: up(&inputs.lean)?,
        kept: kept(&inputs.lean)?,
    })
}

/// Runs the hub's side of a workload. `aged` is the history that leads from the drawn base to the workload's.
fn down(workload: &Workload, aged: Option<&[Event]>) -> Result<Down, Failure> {
    let mut region = match aged {
        None => Region::with(&workload.base, SEED)?,
        Some(events) => grown_old(events)?,
    };
    let mut loads = Vec::new();
    for number in 0..ROUNDS * RUNS {
        let index = joined(&mut region, &format!("device-{number:02}"))?;
        loads.push(region.devices[index].spent);
        region.unlink(index)?;
    }
    region.assert_shows(0, &workload.base)?;
    let snapshot = region.devices[0].traffic.clone();
    region.forget_traffic();
    let mut now = workload.base.clone();
    region.events(&mut now, &workload.events)?;
    region.pass(LANES_MS)?;
    let apply = back(&mut region)?;
    region.assert_shows(0, &now)?;
    let sync = region.devices[0].traffic.clone();
    let decode = decode(&snapshot, &sync)?;
    let single = single(&mut region, &mut now, workload)?;
    Ok(Down {
        snapshot,
        sync,
        single,
        apply,
        decode,
        load: Time::of(&loads),
    })
}

/// A hub whose models were all bumped ten times over.
fn grown_old(events: &[Event]) -> Result<Region, Failure> {
    let mut catalogue = base(RECORDS);
    let mut region = Region::with(&catalogue, SEED)?;
    for some in events.chunks(AGEING_COMMIT) {
        region.event(&mut catalogue, &Event::joined(some))?;
    }
    region.pass(LANES_MS)?;
    Ok(region)
}

/// A new device that has caught up; the link is still up.
fn joined(region: &mut Region, name: &str) -> Result<usize, Failure> {
    let index = region.device(name, Storage::Memory)?;
    region.link(index)?;
    region.settle()?;
    Ok(index)
}

/// Lets each device come back by itself; gives how long its catch-up took to apply.
fn back(region: &mut Region) -> Result<Time, Failure> {
    let mut times = Vec::new();
    for index in 0..region.devices.len() {
        heap::settled();
        region.link(index)?;
        region.settle()?;
        times.push(region.devices[index].spent);
        region.unlink(index)?;
    }
    Ok(Time::of(&times))
}

/// The names that numbers stand for.
#[derive(Debug, Default)]
struct Names {
    attributes: BTreeMap<u32, AttributeName>,
    records: BTreeMap<u32, ModelName>,
}

impl Known for Names {
    fn attribute(&self, alias: u32) -> Option<AttributeName> {
        self.attributes.get(&alias).cloned()
    }

    fn name(&self, handle: u32) -> Option<ModelName> {
        self.records.get(&handle).cloned()
    }
}

/// Opens the frames of a catch-up and reads their deltas, as a device does before it touches its store.
fn decode(snapshot: &Traffic, sync: &Traffic) -> Result<Time, Failure> {
    let mut names = Names::default();
    for part in parts(&snapshot.catch_up_frames())? {
        let delta = delta::read(&part, &names).during("reading a delta")?;
        names
            .attributes
            .extend(delta.attributes.into_iter().map(|one| (one.alias, one.name)));
        for record in delta.records {
            if let RecordChange::Whole(_, name, _) = record.change {
                names.records.insert(record.handle, name);
            }
        }
    }
    let frames = sync.catch_up_frames();
    Time::measured(
        || Ok(()),
        |()| {
            for part in parts(&frames)? {
                let delta = delta::read(&part, &names).during("reading a delta")?;
                std::hint::black_box(&delta);
            }
            Ok(())
        },
    )
}

fn parts(frames: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut deltas = Vec::new();
    for frame in frames {
        if let Message::Part(part) = decode_down(frame).during("opening a frame")? {
            deltas.push(part.delta);
        }
    }
    Ok(deltas)
}

/// One change reaches a device whose link is up.
fn single(region: &mut Region, now: &mut Catalogue, workload: &Workload) -> Result<Vec<u8>, Failure> {
    region.link(0)?;
    region.settle()?;
    region.forget_traffic();
    region.event(now, &workload.single)?;
    region.pass(LANES_MS)?;
    region.settle()?;
    region.assert_shows(0, now)?;
    let batches = region.devices[0].traffic.batch_frames();
    match batches.as_slice() {
        [batch] => Ok(batch.clone()),
        other => Err(Failure::new(
            "changing one attribute",
            format!("{} batches came", other.len()),
        )),
    }
}

/// Runs the device's side of a workload.
fn up(workload: &Workload) -> Result<Up, Failure> {
    let mut region = Region::with(&workload.base, SEED)?;
    let away = joined(&mut region, DEVICE)?;
    region.unlink(away)?;
    let sync = with_notes(&mut region, away, workload)?;
    let mut quiet = workload.base.clone();
    apply_all(&mut quiet, &workload.notes);
    region.assert_shows(away, &quiet)?;
    region.unlink(away)?;

    let here = joined(&mut region, "device-b")?;
    region.forget_traffic();
    let mono = region.now().mono;
    region.devices[here].write(NAMESPACE, &workload.notes, mono)?;
    region.send(here)?;
    region.settle()?;
    let live = region.devices[here].traffic.clone();

    let mut region = Region::with(&workload.base, SEED)?;
    let away = joined(&mut region, DEVICE)?;
    region.unlink(away)?;
    region.events(&mut workload.base.clone(), &workload.events)?;
    region.pass(LANES_MS)?;
    let both = with_notes(&mut region, away, workload)?;
    region.assert_shows(away, &workload.merged())?;
    Ok(Up { sync, live, both })
}

/// A device that was away writes its notes, comes back, and all is told.
fn with_notes(region: &mut Region, index: usize, workload: &Workload) -> Result<Traffic, Failure> {
    region.forget_traffic();
    let mono = region.now().mono;
    region.devices[index].write(NAMESPACE, &workload.notes, mono)?;
    region.link(index)?;
    region.settle()?;
    region.pass(LANES_MS)?;
    region.settle()?;
    Ok(region.devices[index].traffic.clone())
}

/// What an agent's part of a process keeps in memory, and how long its file is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    /// After opening the store and reading every model, with the storage engine's cache.
    pub(crate) heap: u64,
    /// Of which the cache may hold at most.
    pub(crate) cache_max: u64,
    pub(crate) file: u64,
    pub(crate) open: Time,
}

/// Opens a device's file that holds the whole catalogue, and reads everything.
fn kept(workload: &Workload) -> Result<Kept, Failure> {
    let folder = tempfile::tempdir().during("making a temporary directory")?;
    let path = folder.path().join("agent.redb");
    let mut region = Region::with(&workload.base, SEED)?;
    let index = region.device(DEVICE, Storage::File(path.clone()))?;
    region.link(index)?;
    region.settle()?;
    let now = region.now();
    drop(region);
    let opened = || Device::open(DEVICE, Storage::File(path.clone()), SEED, now);
    let (heap, device) = heap::kept(|| {
        let device = opened()?;
        shown(device.replica.store(), NAMESPACE)?;
        Ok::<_, Failure>(device)
    })?;
    drop(device);
    let file = std::fs::metadata(&path).during("measuring a device's file")?.len();
    let open = Time::measured(
        || Ok(None),
        |slot| {
            *slot = Some(opened()?);
            Ok(())
        },
    )?;
    Ok(Kept {
        heap,
        cache_max: CACHE_BYTES as u64,
        file,
        open,
    })
}
