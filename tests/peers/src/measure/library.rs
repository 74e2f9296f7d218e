//! What a library's sync costs: the same steps for each.

use super::Time;
use crate::contenders::Document;
use crate::failure::{Failure, While};
use crate::heap;
use crate::model::{Catalogue, Change, Event, catalogue_json};
use crate::workload::{CUT_MS, Workload};
use serde_json::Value;

/// Numbers under which hub and device write.
const HUB: u64 = 1;
const DEVICE: u64 = 2;

/// All that the libraries are measured on.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) lean: Workload,
    pub(crate) rich: Workload,
    /// What makes the base old.
    pub(crate) ageing: Vec<Event>,
    /// The lean workload on the aged base.
    pub(crate) aged: Workload,
}

/// One workload in one library: what travels.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) down: Vec<u8>,
    pub(crate) up: Vec<u8>,
    pub(crate) single: Vec<u8>,
}

/// All of one library.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) snapshot: Vec<u8>,
    pub(crate) lean: Sent,
    pub(crate) rich: Sent,
    pub(crate) apply_lean: Time,
    pub(crate) apply_rich: Time,
    pub(crate) load: Time,
    pub(crate) heap: u64,
    pub(crate) aged: Option<Aged>,
}

/// The same after every model was bumped ten times.
#[derive(Debug)]
pub(crate) struct Aged {
    pub(crate) snapshot: usize,
    pub(crate) sent: Sent,
    pub(crate) heap: u64,
}

/// The hub's document: one commit a record, as a registry would add them.
pub(crate) fn hub<D: Document>(base: &Catalogue) -> Result<D, Failure> {
    let mut hub = D::empty(HUB);
    for (id, record) in base {
        let (id, record) = (id.clone(), record.clone());
        hub.commit(&Event { at_ms: CUT_MS, changes: vec![Change::Put { id, record }] })?;
    }
    Ok(hub)
}

/// A device's document, loaded from the hub's.
pub(crate) fn device<D: Document>(snapshot: &[u8]) -> Result<D, Failure> {
    D::load(snapshot, DEVICE)
}

/// Runs all of it. Whether the catalogue is also made old is the caller's choice, since it takes long.
pub(crate) fn measured<D: Document>(inputs: &Inputs, old: bool) -> Result<Figures, Failure> {
    let snapshot = hub::<D>(&inputs.lean.base)?.snapshot()?;
    let lean = sent::<D>(&snapshot, &inputs.lean)?;
    let rich = sent::<D>(&snapshot, &inputs.rich)?;
    let apply_lean = apply::<D>(&snapshot, &inputs.lean)?;
    let apply_rich = apply::<D>(&snapshot, &inputs.rich)?;
    let load = Time::measured(
        || Ok(None),
        |slot| {
            *slot = Some(device::<D>(&snapshot)?);
            Ok(())
        },
    )?;
    let heap = held::<D>(&snapshot)?;
    let aged = if old { Some(aged::<D>(inputs)?) } else { None };
    Ok(Figures { snapshot, lean, rich, apply_lean, apply_rich, load, heap, aged })
}

/// Both sides begin from the snapshot, change, exchange, and must then show what the workload says.
fn sent<D: Document>(snapshot: &[u8], workload: &Workload) -> Result<Sent, Failure> {
    let (mut hub, mut device) = (D::load(snapshot, HUB)?, device::<D>(snapshot)?);
    let (from_hub, from_device) = (hub.version(), device.version());
    workload.events.iter().try_for_each(|event| hub.commit(event))?;
    workload.notes.iter().try_for_each(|event| device.commit(event))?;
    let (down, up) = (hub.updates(&from_hub)?, device.updates(&from_device)?);
    hub.apply(&up)?;
    device.apply(&down)?;
    let wanted = catalogue_json(&workload.merged());
    same(&hub.read()?, &wanted)?;
    same(&device.read()?, &wanted)?;
    let before = hub.version();
    hub.commit(&workload.single)?;
    let single = hub.updates(&before)?;
    device.apply(&single)?;
    same(&device.read()?, &hub.read()?)?;
    Ok(Sent { down, up, single })
}

/// Asserts that two catalogues are the same, and says where they are not.
pub(crate) fn same(shown: &Value, wanted: &Value) -> Result<(), Failure> {
    if shown == wanted {
        return Ok(());
    }
    let (shown, wanted) = (shown.as_object(), wanted.as_object());
    let (shown, wanted) = shown.zip(wanted).ok_or_else(|| Failure::new("comparing catalogues", "one is none"))?;
    let differing = wanted.iter().find(|(id, record)| shown.get(*id) != Some(record));
    let reason = match differing {
        Some((id, record)) => format!("{id} is {:?} and not {record}", shown.get(id).map(Value::to_string)),
        None => "more models are shown".to_owned(),
    };
    Err(Failure::new("comparing catalogues", reason))
}

/// A receiver that was loaded, wholly read, and has taken one change in before, takes the workload in.
fn apply<D: Document>(snapshot: &[u8], workload: &Workload) -> Result<Time, Failure> {
    let mut hub = D::load(snapshot, HUB)?;
    let before = hub.version();
    hub.commit(&workload.single)?;
    let (first, between) = (hub.updates(&before)?, hub.version());
    workload.events.iter().try_for_each(|event| hub.commit(event))?;
    let updates = hub.updates(&between)?;
    Time::measured(
        || {
            let mut device = device::<D>(snapshot)?;
            device.read()?;
            device.apply(&first)?;
            Ok(device)
        },
        |device| device.apply(&updates),
    )
}

/// The heap of a loaded and wholly read document.
fn held<D: Document>(snapshot: &[u8]) -> Result<u64, Failure> {
    let (bytes, _document) = heap::kept(|| {
        let mut document = device::<D>(snapshot)?;
        document.read()?;
        Ok::<_, Failure>(document)
    })?;
    Ok(bytes)
}

fn aged<D: Document>(inputs: &Inputs) -> Result<Aged, Failure> {
    let mut hub = hub::<D>(&inputs.lean.base)?;
    inputs.ageing.iter().try_for_each(|event| hub.commit(event))?;
    let snapshot = hub.snapshot()?;
    drop(hub);
    let sent = sent::<D>(&snapshot, &inputs.aged)?;
    let heap = held::<D>(&snapshot)?;
    Ok(Aged { snapshot: snapshot.len(), sent, heap })
}

/// Samples of the base for a dictionary: each record as JSON.
pub(crate) fn samples(base: &Catalogue) -> Result<Vec<Vec<u8>>, Failure> {
    let texts = base.values().map(|record| serde_json::to_vec(&crate::model::record_json(record)));
    texts.collect::<Result<_, _>>().during("writing JSON")
}
