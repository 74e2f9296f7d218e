//! The further ways in which automerge can say the same: its sync protocol, one commit for all, and bundles.

use super::library::{Inputs, device};
use crate::contenders::Document;
use crate::contenders::automerge::{Automerge, Synced, kept};
use crate::failure::Failure;
use crate::model::{Event, catalogue_json};
use crate::workload::Workload;
use automerge::sync::State;

/// Both directions of one workload, in bytes, in each way.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    pub(crate) sync: Synced,
    pub(crate) sync_single: Synced,
    /// All events as one commit: down and up.
    pub(crate) joined: (Vec<u8>, Vec<u8>),
    /// One commit an event, as a bundle: down and up.
    pub(crate) bundle: (Vec<u8>, Vec<u8>),
}

/// The lean, the rich and the aged workload, from the snapshots on which the other way was measured.
pub(crate) fn measured(inputs: &Inputs, young: &[u8], old: &[u8]) -> Result<[Ways; 3], Failure> {
    Ok([
        ways(young, &inputs.lean)?,
        ways(young, &inputs.rich)?,
        ways(old, &inputs.aged)?,
    ])
}

fn ways(snapshot: &[u8], workload: &Workload) -> Result<Ways, Failure> {
    let (sync, sync_single) = synced(snapshot, workload)?;
    let (events, notes) = ([Event::joined(&workload.events)], [Event::joined(&workload.notes)]);
    let after = |events: &[Event], bundled: bool| {
        let mut document = device::<Automerge>(snapshot)?;
        let before = document.version();
        events.iter().try_for_each(|event| document.commit(event))?;
        if bundled {
            document.bundle(&before)
        } else {
            document.updates(&before)
        }
    };
    let joined = (after(&events, false)?, after(&notes, false)?);
    let bundle = (after(&workload.events, true)?, after(&workload.notes, true)?);
    Ok(Ways {
        sync,
        sync_single,
        joined,
        bundle,
    })
}

fn synced(snapshot: &[u8], workload: &Workload) -> Result<(Synced, Synced), Failure> {
    const HUB: u64 = 1;
    let (mut hub, mut device) = (Automerge::load(snapshot, HUB)?, device::<Automerge>(snapshot)?);
    let mut states = (State::new(), State::new());
    Automerge::sync(&mut hub, &mut device, &mut states)?;
    let mut states = kept(&states)?;
    workload.events.iter().try_for_each(|event| hub.commit(event))?;
    workload.notes.iter().try_for_each(|event| device.commit(event))?;
    let both = Automerge::sync(&mut hub, &mut device, &mut states)?;
    let wanted = catalogue_json(&workload.merged());
    super::library::same(&hub.read()?, &wanted)?;
    super::library::same(&device.read()?, &wanted)?;
    let mut states = kept(&states)?;
    hub.commit(&workload.single)?;
    let single = Automerge::sync(&mut hub, &mut device, &mut states)?;
    super::library::same(&device.read()?, &hub.read()?)?;
    Ok((both, single))
}
