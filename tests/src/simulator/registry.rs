//! What the registry does to its catalogue, drawn from the seed.

use super::reference::{Entry, Reference};
use super::schedule::Event;
use headland_shared::session::Jitter;
use std::collections::BTreeMap;

pub(super) const TASKS: [&str; 3] = ["detection", "segmentation", "chat"];
pub(super) const MODELS: u64 = 14;

/// Changes the catalogue of the reference: what the registry will import next.
pub(super) fn change(reference: &mut Reference, event: Event, jitter: &mut Jitter) {
    let commit = reference.last() as i64 + 1;
    let catalogue = &mut reference.catalogue;
    let mut names: Vec<String> = catalogue.keys().cloned().collect();
    let some = |names: &mut Vec<String>, jitter: &mut Jitter| {
        (!names.is_empty()).then(|| names.swap_remove(jitter.up_to(names.len() as u64 - 1) as usize))
    };
    match event {
        Event::Withdraw => {
            if let Some(name) = some(&mut names, jitter) {
                catalogue.remove(&name);
            }
        }
        Event::Move | Event::Release | Event::Approve => {
            if let Some(entry) = some(&mut names, jitter).and_then(|name| catalogue.get_mut(&name)) {
                alter(entry, event, commit, jitter);
            }
        }
        _ => {
            for _ in 0..1 + jitter.up_to(4) {
                let name = format!("model-{:02}", jitter.up_to(MODELS));
                let task = TASKS[jitter.up_to(2) as usize];
                let entry = catalogue.entry(name).or_insert_with(|| Entry {
                    task: task.to_owned(),
                    mark: commit,
                    note: None,
                    status: None,
                    versions: BTreeMap::from([(5, false)]),
                    current: 5,
                });
                entry.mark = commit;
                entry.note = (jitter.up_to(2) > 0).then(|| "wheat ".repeat(jitter.up_to(90) as usize));
            }
        }
    }
}

fn alter(entry: &mut Entry, event: Event, commit: i64, jitter: &mut Jitter) {
    entry.mark = commit;
    match event {
        Event::Move => entry.task = TASKS[jitter.up_to(2) as usize].to_owned(),
        Event::Release => {
            entry.current += 1;
            entry.versions.insert(entry.current, false);
        }
        _ => {
            // Approves what someone saw, which need not be current any more.
            let seen = 5 + jitter.up_to(u64::from(entry.current - 5)) as u32;
            entry.versions.insert(seen, true);
            entry.status = (commit % 3 > 0).then(|| format!("status-{commit}"));
        }
    }
}
