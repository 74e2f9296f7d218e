//! Finding out what differs when nothing that either side remembers can be trusted.
//!
//! 10,000 models; 60 differ on the hub's side, five of them new, and 20 on the device's. What counts is the bytes both
//! ways until both know which models differ; sending these models comes on top, and is alike for all.

mod riblt;

use crate::draw::Draw;
use crate::failure::{Failure, While};
use crate::headland::{LANES_MS, NAMESPACE, Region, Storage};
use crate::model::{Catalogue, Event, apply_all, record_json};
use crate::workload::{CUT_MS, base};
use headland_shared::digest::hash_128;
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use std::collections::BTreeSet;

/// How many models both sides hold.
pub(crate) const RECORDS: u64 = 10_000;
const NEW: u64 = 5;
const HUB_CHANGES: usize = 55;
const DEVICE_CHANGES: usize = 20;
/// Models that differ.
pub(crate) const DIFFERENT: u64 = NEW + (HUB_CHANGES + DEVICE_CHANGES) as u64;
/// The shortest digest with which two models of this many are seldom taken for one.
const SHORT_DIGEST_BYTES: u64 = 4;
/// How many salts the sketches are tried with; the median counts.
const SALTS: u64 = 9;
/// More round trips than any reconciliation of this size takes.
const ROUND_TRIPS_MAX: u64 = 64;

/// What one protocol sends until both sides know what differs.
#[derive(Debug, Clone)]
pub(crate) struct Identified {
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
    pub(crate) round_trips: Option<u64>,
}

/// Two sides that differ, as sets of (time of the last change, digest) and as catalogues.
struct Sides {
    hub: Catalogue,
    device: Catalogue,
    base: Catalogue,
    hub_events: Vec<Event>,
    device_events: Vec<Event>,
}

/// Runs all protocols.
pub(crate) fn measured() -> Result<Vec<Identified>, Failure> {
    let sides = sides();
    let [headland, whole] = headland(&sides)?;
    let bound = crate::entropy::bytes(crate::entropy::log2_choose(RECORDS, DIFFERENT));
    let of = |name, bytes, round_trips| Identified {
        name,
        bytes,
        round_trips,
    };
    let (by_time, by_hash) = (reconciled(&sides, Items::ByTime)?, reconciled(&sides, Items::ByHash)?);
    let log = reconciled(&sides, Items::Log)?;
    let cells = cells(&sides)?;
    Ok(vec![
        headland,
        whole,
        of("4-byte digest a record", RECORDS * SHORT_DIGEST_BYTES, Some(1)),
        of("RIBLT, 13 B cells", cells * riblt::CELL_BYTES, Some(1)),
        of("negentropy, in order of change time", by_time.0, Some(by_time.1)),
        of("negentropy, over a log that keeps every change", log.0, Some(log.1)),
        of("negentropy, in hash order", by_hash.0, Some(by_hash.1)),
        of("*bound: log2 C(n, d), which records*", bound, None),
    ])
}

fn sides() -> Sides {
    let all = base(RECORDS + NEW);
    let mut draw = Draw::seeded(crate::workload::SEED + 9);
    let ids: Vec<&String> = all.keys().collect();
    let chosen = draw.choose_in_order(HUB_CHANGES + DEVICE_CHANGES + NEW as usize, RECORDS + NEW);
    let new: BTreeSet<&String> = chosen[..NEW as usize]
        .iter()
        .map(|index| ids[*index as usize])
        .collect();
    let registry = |(id, record): (&String, &crate::model::Record)| {
        // Devices' writes play no part here.
        let fields = record
            .iter()
            .filter(|(name, _)| *name != "usage" && *name != crate::model::NOTES);
        (
            id.clone(),
            fields.map(|(name, field)| (name.clone(), field.clone())).collect(),
        )
    };
    let base: Catalogue = all.iter().filter(|(id, _)| !new.contains(id)).map(registry).collect();
    let mut event = |index: u64, at_ms: u64| {
        let id = ids[index as usize].clone();
        let updated = crate::workload::update_of(id.clone(), at_ms);
        Event {
            at_ms,
            changes: vec![crate::workload::price_change(id, &mut draw), updated],
        }
    };
    let changed = &chosen[NEW as usize..];
    let at = |number: usize| CUT_MS + 60_000 * (number as u64 + 1);
    let (on_hub, on_device) = changed.split_at(HUB_CHANGES);
    let mut hub_events: Vec<Event> = on_hub
        .iter()
        .enumerate()
        .map(|(n, index)| event(*index, at(n)))
        .collect();
    let device_events: Vec<Event> = on_device
        .iter()
        .enumerate()
        .map(|(n, index)| event(*index, at(n)))
        .collect();
    for (number, id) in new.into_iter().enumerate() {
        let (id, record) = registry((id, &all[id]));
        let change = crate::model::Change::Put { id, record };
        hub_events.push(Event {
            at_ms: at(HUB_CHANGES + number),
            changes: vec![change],
        });
    }
    let (mut hub, mut device) = (base.clone(), base.clone());
    apply_all(&mut hub, &hub_events);
    apply_all(&mut device, &device_events);
    Sides {
        hub,
        device,
        base,
        hub_events,
        device_events,
    }
}

/// What Headland's session sends: a hub that was restored from a backup, and a device that has seen more.
///
/// The hub's file is put aside; 20 changes follow, which the device takes. Then the hub comes back from the file, and
/// 60 other changes follow. The device's place means nothing to it any more.
fn headland(sides: &Sides) -> Result<[Identified; 2], Failure> {
    let folder = tempfile::tempdir().during("making a temporary directory")?;
    let (live, backup) = (folder.path().join("hub.redb"), folder.path().join("backup.redb"));
    let mut region = Region::open(Some(live.clone()), 21)?;
    region.import(NAMESPACE, &sides.base, CUT_MS - 86_400_000)?;
    region.pass(LANES_MS)?;
    let device = region.device("device-a", Storage::Memory)?;
    region.link(device)?;
    region.settle()?;
    let mut region = region.restarted(&live, 21, |file| {
        std::fs::copy(file, &backup).during("putting the hub's file aside")?;
        Ok(())
    })?;
    region.link(device)?;
    let mut seen = sides.base.clone();
    region.event(&mut seen, &Event::joined(&sides.device_events))?;
    region.pass(LANES_MS)?;
    region.settle()?;
    region.assert_shows(device, &sides.device)?;
    region.unlink(device)?;
    let mut region = region.restarted(&live, 22, |file| {
        std::fs::copy(&backup, file).during("restoring the hub's file")?;
        Ok(())
    })?;
    region.hold(NAMESPACE, &sides.base)?;
    let mut restored = sides.base.clone();
    region.event(&mut restored, &Event::joined(&sides.hub_events))?;
    region.pass(LANES_MS)?;
    region.forget_traffic();
    region.link(device)?;
    region.settle()?;
    region.assert_shows(device, &sides.hub)?;
    let traffic = &region.devices[device].traffic;
    let (bytes, round_trips) = traffic.identifying();
    Ok([
        Identified {
            name: "**Headland: a session until both know**",
            bytes,
            round_trips: Some(round_trips),
        },
        Identified {
            name: "**Headland: the whole session, with the models**",
            bytes: traffic.down() + traffic.up(),
            round_trips: Some(traffic.round_trips()),
        },
    ])
}

fn digests(catalogue: &Catalogue, salt: u64) -> Vec<(u64, u128)> {
    let digest = |(id, record): (&String, &crate::model::Record)| {
        let json = record_json(record).to_string();
        let hash = hash_128(&[&salt.to_be_bytes(), id.as_bytes(), json.as_bytes()]);
        (crate::workload::updated_at(record), hash)
    };
    catalogue.iter().map(digest).collect()
}

/// How many cells it takes until a receiver can tell all differences; the median of some salts.
fn cells(sides: &Sides) -> Result<u64, Failure> {
    let mut counts = Vec::new();
    for salt in 0..SALTS {
        let set = |catalogue| {
            digests(catalogue, salt)
                .into_iter()
                .map(|(_, hash)| hash as u64)
                .collect()
        };
        let (hub, device): (BTreeSet<u64>, BTreeSet<u64>) = (set(&sides.hub), set(&sides.device));
        counts.push(riblt::cells_needed(&hub, &device)?);
    }
    counts.sort_unstable();
    Ok(counts[counts.len() / 2])
}

/// What negentropy reconciles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Items {
    /// Models as they are, in the order of their last change.
    ByTime,
    /// Models as they are, in the order of their hashes.
    ByHash,
    /// Every state that a model ever had, in the order of changes: nothing is replaced, so differences lie together.
    Log,
}

impl Items {
    fn of(self, sides: &Sides, now: &Catalogue) -> BTreeSet<(u64, u128)> {
        let mut items: BTreeSet<(u64, u128)> = digests(now, 0).into_iter().collect();
        match self {
            Self::ByTime => {}
            Self::ByHash => items = items.into_iter().map(|(_, hash)| (0, hash)).collect(),
            Self::Log => items.extend(digests(&sides.base, 0)),
        }
        items
    }
}

/// Bytes both ways and round trips of negentropy.
fn reconciled(sides: &Sides, items: Items) -> Result<(u64, u64), Failure> {
    let doing = "reconciling by negentropy";
    let (on_hub, on_device) = (items.of(sides, &sides.hub), items.of(sides, &sides.device));
    let differing = on_hub.symmetric_difference(&on_device).count();
    let storage = |items: &BTreeSet<(u64, u128)>| {
        let mut storage = NegentropyStorageVector::new();
        for (time, hash) in items {
            let second = hash_128(&[&hash.to_be_bytes()]);
            let mut id = [0; 32];
            id[..16].copy_from_slice(&hash.to_be_bytes());
            id[16..].copy_from_slice(&second.to_be_bytes());
            storage.insert(*time, Id::from_byte_array(id)).during(doing)?;
        }
        storage.seal().during(doing)?;
        Ok::<_, Failure>(storage)
    };
    let (hub, device) = (storage(&on_hub)?, storage(&on_device)?);
    let mut asks = Negentropy::borrowed(&device, 0).during(doing)?;
    let mut answers = Negentropy::borrowed(&hub, 0).during(doing)?;
    let (mut have, mut need) = (Vec::new(), Vec::new());
    let mut message = asks.initiate().during(doing)?;
    let mut bytes = 0;
    for trip in 1..=ROUND_TRIPS_MAX {
        let answer = answers.reconcile(&message).during(doing)?;
        bytes += (message.len() + answer.len()) as u64;
        match asks.reconcile_with_ids(&answer, &mut have, &mut need).during(doing)? {
            Some(next) => message = next,
            None if have.len() + need.len() == differing => return Ok((bytes, trip)),
            None => return Err(Failure::new(doing, "it does not find all that differs")),
        }
    }
    Err(Failure::new(doing, "it does not end"))
}
