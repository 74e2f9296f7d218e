use super::*;
use crate::model::catalogue_json;
use std::collections::BTreeSet;

#[test]
fn the_workload_is_what_it_says() {
    let base = base(RECORDS);
    assert_eq!(base.len() as u64, RECORDS);
    let leaves: usize = base.values().flat_map(|record| record.values().map(Field::leaves)).sum();
    let mean = leaves as f64 / RECORDS as f64;
    assert!((38.0..=46.0).contains(&mean), "{mean} leaf values a model");
    let noted = base.values().filter(|record| record.contains_key(crate::model::NOTES)).count();
    assert!((250..=350).contains(&noted), "{noted} models have a note");
    let workload = Workload::drawn(base, Kind::Lean);
    assert_eq!((workload.events.len(), workload.notes.len()), (60, 20));
    let new = workload.events.iter().flat_map(|event| &event.changes).filter(|change| matches!(change, Change::Put { .. }));
    assert_eq!(new.count(), 5);
    assert!(workload.events.is_sorted_by_key(|event| event.at_ms));
    assert_eq!(workload.merged().len(), 1_005);
}

#[test]
fn one_seed_draws_one_workload() {
    let drawn = || Workload::drawn(base(100), Kind::Rich);
    let (a, b) = (drawn(), drawn());
    assert_eq!(a.events, b.events);
    assert_eq!(a.notes, b.notes);
    assert_eq!(catalogue_json(&a.merged()), catalogue_json(&b.merged()));
}

#[test]
fn a_rich_bump_says_more_about_the_same_models() {
    let about = |workload: &Workload| -> BTreeSet<String> {
        let changes = workload.events.iter().flat_map(|event| &event.changes);
        changes
            .filter_map(|change| match change {
                Change::Set { id, .. } => Some(id.clone()),
                _ => None,
            })
            .collect()
    };
    let (lean, rich) = (Workload::drawn(base(200), Kind::Lean), Workload::drawn(base(200), Kind::Rich));
    assert_eq!(about(&lean), about(&rich));
    assert_eq!(lean.event_bits.which, rich.event_bits.which);
    // A digest, a size and five metrics for each of 50 bumps.
    let more = 50.0 * (256.0 + 28.0 + 5.0 * 1_000_f64.log2());
    assert!((rich.event_bits.what - lean.event_bits.what - more).abs() < 1e-6);
}

#[test]
fn every_change_changes_something() {
    let workload = Workload::drawn(base(RECORDS), Kind::Rich);
    let mut catalogue = workload.base.clone();
    for event in workload.events.iter().chain(&workload.notes).chain([&workload.single]) {
        let before = catalogue.clone();
        apply_all(&mut catalogue, std::slice::from_ref(event));
        assert_ne!(catalogue, before, "{event:?}");
    }
}

#[test]
fn ageing_bumps_every_model_ten_times() {
    let base = base(50);
    let events = ageing(&base);
    assert_eq!(events.len(), 500);
    assert!(events.iter().all(|event| event.at_ms <= CUT_MS));
}
