//! The histories of two real catalogues that the repository ships, release by release.

use super::library::{device, hub, same};
use crate::compress;
use crate::contenders::Document;
use crate::contenders::automerge::Automerge;
use crate::contenders::json::Patched;
use crate::contenders::loro::Loro;
use crate::contenders::yrs::Yrs;
use crate::failure::{Failure, While};
use crate::headland::{LANES_MS, Region, Storage};
use crate::model::{Catalogue, Change, Event, Field, Record, Scalar};
use crate::workload::CUT_MS;
use headland_fleet::demo::catalogue::{Catalogue as Shipped, Models, Release};
use serde_json::Value;
use std::collections::BTreeMap;

/// How far apart releases are committed, in milliseconds.
const RELEASE_EVERY_MS: u64 = 86_400_000;
/// Seeds the hub's identity.
const SEED: u64 = 31;

/// One release and what it takes to get there from the one before, in bytes by contender.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) release: String,
    /// Models that are new, changed, or gone.
    pub(crate) models: usize,
    pub(crate) bytes: Vec<(&'static str, u64)>,
}

/// One namespace: what both sides hold at first, and the steps that follow.
struct History {
    namespace: String,
    base: Catalogue,
    steps: Vec<(String, Catalogue, Event, u64)>,
}

/// Measures all steps of all namespaces.
pub(crate) fn measured() -> Result<Vec<Step>, Failure> {
    let shipped = Shipped::shipped().during("reading the shipped catalogue")?;
    let histories = histories(&shipped)?;
    let headland = headland(&histories)?;
    let mut steps = Vec::new();
    for (history, headland) in histories.iter().zip(headland) {
        let events: Vec<&Event> = history.steps.iter().map(|(_, _, event, _)| event).collect();
        let json = sent::<Patched>(&history.base, &events)?;
        let dictionary = compress::dictionary(&super::library::samples(&history.base)?)?;
        let columns = [
            ("loro", sent::<Loro>(&history.base, &events)?),
            ("yrs v2", sent::<Yrs<2>>(&history.base, &events)?),
            ("automerge", sent::<Automerge>(&history.base, &events)?),
        ];
        for (number, (release, _, event, whole)) in history.steps.iter().enumerate() {
            let mut bytes = vec![("Headland", headland[number])];
            bytes.extend(columns.iter().map(|(name, sent)| (*name, sent[number].len() as u64)));
            bytes.push(("loro + zstd", compress::zstd(&columns[0].1[number])?.len() as u64));
            bytes.push(("JSON patch + zstd", compress::zstd(&json[number])?.len() as u64));
            let with = compress::with(&json[number], &dictionary)?;
            bytes.push(("JSON patch + zstd + dictionary", with.len() as u64));
            bytes.push(("whole release + zstd", *whole));
            let models: std::collections::BTreeSet<&str> = event.changes.iter().map(Change::id).collect();
            steps.push(Step { release: release.clone(), models: models.len(), bytes });
        }
    }
    Ok(steps)
}

fn histories(shipped: &Shipped) -> Result<Vec<History>, Failure> {
    let mut histories = Vec::new();
    for base in &shipped.base {
        let mut held = catalogue(&base.models);
        let mut history = History { namespace: base.namespace.clone(), base: held.clone(), steps: Vec::new() };
        let following = shipped.releases.iter().filter(|release| release.namespace == base.namespace);
        for (number, release) in following.enumerate() {
            let next = catalogue(&release.models);
            let at_ms = CUT_MS + (number as u64 + 1) * RELEASE_EVERY_MS;
            let event = Event { at_ms, changes: changes(&held, &next) };
            history.steps.push((release.name.clone(), next.clone(), event, whole(release)?));
            held = next;
        }
        histories.push(history);
    }
    Ok(histories)
}

/// The whole release as JSON lines, compressed.
fn whole(release: &Release) -> Result<u64, Failure> {
    let catalogue = catalogue(&release.models);
    let lines = catalogue.iter().map(|(id, record)| {
        serde_json::json!({ "id": id, "attributes": crate::model::record_json(record) }).to_string() + "\n"
    });
    Ok(compress::zstd(lines.collect::<String>().as_bytes())?.len() as u64)
}

fn catalogue(models: &Models) -> Catalogue {
    let record = |attributes: &serde_json::Map<String, Value>| -> Record {
        let fields = attributes.iter().filter(|(_, value)| !value.is_null());
        fields.map(|(name, value)| (name.clone(), Field::One(scalar(value)))).collect()
    };
    models.iter().map(|(id, attributes)| (id.clone(), record(attributes))).collect()
}

fn scalar(value: &Value) -> Scalar {
    match value {
        Value::String(text) => Scalar::Text(text.clone()),
        Value::Bool(flag) => Scalar::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Scalar::Whole(whole),
            // 1.0 is 1, for every contender.
            (None, Some(real)) if real.fract() == 0.0 => Scalar::Whole(real as i64),
            (None, Some(real)) => Scalar::Real(real),
            (None, None) => Scalar::Nested(value.clone()),
        },
        other => Scalar::Nested(other.clone()),
    }
}

/// What makes one release into the next.
fn changes(before: &Catalogue, after: &Catalogue) -> Vec<Change> {
    let mut changes = Vec::new();
    for (id, record) in after {
        let Some(held) = before.get(id) else {
            changes.push(Change::Put { id: id.clone(), record: record.clone() });
            continue;
        };
        for (name, field) in record.iter().filter(|(name, field)| held.get(*name) != Some(field)) {
            if let Field::One(value) = field {
                changes.push(Change::Set { id: id.clone(), field: name.clone(), value: value.clone() });
            }
        }
        let gone = held.keys().filter(|name| !record.contains_key(*name));
        changes.extend(gone.map(|name| Change::Unset { id: id.clone(), field: name.clone() }));
    }
    let gone = before.keys().filter(|id| !after.contains_key(*id));
    changes.extend(gone.map(|id| Change::Remove { id: id.clone() }));
    changes
}

/// What a library sends for each step, to a device that took all steps before.
fn sent<D: Document>(base: &Catalogue, events: &[&Event]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut hub = hub::<D>(base)?;
    let mut device = device::<D>(&hub.snapshot()?)?;
    let mut sent = Vec::new();
    for event in events {
        let before = hub.version();
        hub.commit(event)?;
        let updates = hub.updates(&before)?;
        device.apply(&updates)?;
        same(&device.read()?, &hub.read()?)?;
        sent.push(updates);
    }
    Ok(sent)
}

/// What Headland's session sends for each step of each namespace; the device is away while the release is imported.
fn headland(histories: &[History]) -> Result<Vec<Vec<u64>>, Failure> {
    let mut region = Region::open(None, SEED)?;
    for history in histories {
        region.import(&history.namespace, &history.base, CUT_MS)?;
        region.pass(LANES_MS)?;
    }
    let device = region.device("device-a", Storage::Memory)?;
    region.link(device)?;
    region.settle()?;
    let mut sent: BTreeMap<(u64, usize), u64> = BTreeMap::new();
    let mut order: Vec<(u64, usize, usize)> = Vec::new();
    for (at, history) in histories.iter().enumerate() {
        order.extend(history.steps.iter().enumerate().map(|(step, (_, _, event, _))| (event.at_ms, at, step)));
    }
    order.sort_unstable();
    for (_, at, step) in order {
        let history = &histories[at];
        let (_, catalogue, event, _) = &history.steps[step];
        region.unlink(device)?;
        region.forget_traffic();
        region.import(&history.namespace, catalogue, event.at_ms)?;
        region.pass(LANES_MS)?;
        region.link(device)?;
        region.settle()?;
        region.assert_shows_of(device, &history.namespace, catalogue)?;
        sent.insert((at as u64, step), region.devices[device].traffic.catch_up());
    }
    let of = |at: usize| sent.range((at as u64, 0)..(at as u64 + 1, 0)).map(|(_, bytes)| *bytes).collect();
    Ok((0..histories.len()).map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::apply_all;

    #[test]
    fn the_changes_of_each_release_lead_to_it() {
        let histories = histories(&Shipped::shipped().unwrap()).unwrap();
        assert_eq!(histories.len(), 2);
        for history in histories {
            let mut held = history.base;
            for (release, catalogue, event, _) in history.steps {
                apply_all(&mut held, &[event]);
                assert_eq!(held, catalogue, "{release}");
            }
        }
    }
}
