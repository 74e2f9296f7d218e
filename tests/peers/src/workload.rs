//! The workload: a catalogue of 1,000 models, and three days of changes on both sides of a broken link.

mod record;

use crate::draw::Draw;
use crate::model::{Catalogue, Change, Event, Field, Note, Record, Scalar, apply_all};
pub(crate) use record::WRITERS;

/// How many models the catalogue holds.
pub(crate) const RECORDS: u64 = 1_000;
/// The seed from which all of it is drawn.
pub(crate) const SEED: u64 = 20_261;
/// When the link breaks, in milliseconds since 1970: 2026-06-01.
pub(crate) const CUT_MS: u64 = 1_780_272_000_000;
/// How long it stays broken, in seconds: three days.
const CUT_S: u64 = 3 * 86_400;
const BUMPS: usize = 50;
const NEW: u64 = 5;
const DEPRECATED: usize = 5;
const NOTES: usize = 20;
/// The device that writes the notes.
pub(crate) const DEVICE: &str = "device-a";
/// How often each model is bumped before the snapshot of the aged document.
const AGE_ROUNDS: u64 = 10;

/// What a version bump changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Version, status and the time of the update.
    Lean,
    /// Also the artifact's address, digest and size, and all five metrics.
    Rich,
}

/// How much chance was drawn for one direction of the sync, in bits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bits {
    /// Which models change in which way.
    pub(crate) which: f64,
    /// When, to the second.
    pub(crate) when_s: f64,
    /// And to the millisecond within it.
    pub(crate) when_ms: f64,
    /// To what.
    pub(crate) what: f64,
}

/// The catalogue before the cut, and what both sides do during it.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) base: Catalogue,
    /// On the hub, in order of time.
    pub(crate) events: Vec<Event>,
    pub(crate) event_bits: Bits,
    /// On the device, in order of time.
    pub(crate) notes: Vec<Event>,
    pub(crate) note_bits: Bits,
    /// One attribute of one model, after everything else.
    pub(crate) single: Event,
    pub(crate) single_bits: Bits,
}

/// The catalogue of so many models.
pub(crate) fn base(records: u64) -> Catalogue {
    let mut draw = Draw::seeded(SEED);
    let drawn = (0..records).map(|number| {
        let (id, mut record) = record::drawn(&mut draw, number, CUT_MS / 1_000);
        record::edge_writes(&mut record, number, &mut draw, CUT_MS / 1_000);
        (id, record)
    });
    drawn.collect()
}

/// All models bumped ten times over, one model an event.
pub(crate) fn ageing(base: &Catalogue) -> Vec<Event> {
    let mut draw = Draw::seeded(SEED + 1);
    let mut now = base.clone();
    let mut events = Vec::new();
    // Begins early enough to end before the cut.
    let begin = CUT_MS - AGE_ROUNDS * RECORDS * 1_000;
    for number in 0..AGE_ROUNDS * base.len() as u64 {
        let id = nth(base, number % base.len() as u64);
        let event = bump(&now, &id, begin + number * 1_000, &mut draw, None);
        apply_all(&mut now, std::slice::from_ref(&event));
        events.push(event);
    }
    events
}

impl Workload {
    /// Draws the changes to `base`, which is given back with them.
    pub(crate) fn drawn(base: Catalogue, kind: Kind) -> Self {
        let records = base.len() as u64;
        let (events, event_bits) = hub_events(&base, kind);
        let (notes, note_bits) = device_notes(&base);
        let mut draw = Draw::seeded(SEED + 5);
        let id = nth(&base, draw.below(records));
        let which = draw.take_bits();
        let change = price_change(id, &mut draw);
        let single_bits = Bits { which, what: draw.take_bits(), ..Bits::default() };
        let single = Event { at_ms: CUT_MS + (CUT_S + 60) * 1_000, changes: vec![change] };
        Self { base, events, event_bits, notes, note_bits, single, single_bits }
    }

    /// What both sides hold after the sync.
    pub(crate) fn merged(&self) -> Catalogue {
        let mut catalogue = self.base.clone();
        apply_all(&mut catalogue, &self.events);
        apply_all(&mut catalogue, &self.notes);
        catalogue
    }
}

fn nth(catalogue: &Catalogue, index: u64) -> String {
    catalogue.keys().nth(index as usize).expect("the index is below the number of models").clone()
}

enum What {
    Bump(String),
    Deprecate(String),
    New(u64),
}

fn hub_events(base: &Catalogue, kind: Kind) -> (Vec<Event>, Bits) {
    let mut bits = Bits::default();
    // Two streams, so that both kinds of bump are about the same models and the same new ones come.
    let (draw, artifacts) = (&mut Draw::seeded(SEED + 2), &mut Draw::seeded(SEED + 3));
    let bumped = draw.choose_in_order(BUMPS, base.len() as u64);
    let rest: Vec<u64> = (0..base.len() as u64).filter(|index| !bumped.contains(index)).collect();
    let deprecated = draw.choose_in_order(DEPRECATED, rest.len() as u64);
    let bumps = bumped.iter().map(|index| What::Bump(nth(base, *index)));
    let deprecations = deprecated.iter().map(|index| What::Deprecate(nth(base, rest[*index as usize])));
    let new = (0..NEW).map(|number| What::New(base.len() as u64 + number));
    // The order in which they were chosen carries no chance: the times do.
    draw.take_bits();
    bits.which = crate::entropy::log2_choose(base.len() as u64, BUMPS as u64)
        + crate::entropy::log2_choose(rest.len() as u64, DEPRECATED as u64);
    let mut timed: Vec<(u64, What)> = Vec::new();
    for what in bumps.chain(deprecations).chain(new) {
        timed.push((moment(draw, &mut bits), what));
    }
    timed.sort_by_key(|(at_ms, _)| *at_ms);
    let mut events = Vec::new();
    for (at_ms, what) in timed {
        events.push(match what {
            What::Bump(id) => bump(base, &id, at_ms, draw, (kind == Kind::Rich).then_some(&mut *artifacts)),
            What::Deprecate(id) => deprecate(&id, at_ms),
            What::New(number) => {
                let (id, record) = record::drawn(draw, number, at_ms / 1_000);
                Event { at_ms, changes: vec![Change::Put { id, record }] }
            }
        });
    }
    bits.what = draw.take_bits() + artifacts.take_bits();
    (events, bits)
}

/// A moment during the cut, in milliseconds since 1970.
fn moment(draw: &mut Draw, bits: &mut Bits) -> u64 {
    draw.take_bits();
    let second = draw.below(CUT_S);
    bits.when_s += draw.take_bits();
    let ms = draw.below(1_000);
    bits.when_ms += draw.take_bits();
    CUT_MS + second * 1_000 + ms
}

fn device_notes(base: &Catalogue) -> (Vec<Event>, Bits) {
    let mut bits = Bits::default();
    let draw = &mut Draw::seeded(SEED + 4);
    let mut about = draw.choose_in_order(NOTES, base.len() as u64);
    draw.take_bits();
    bits.which = crate::entropy::log2_choose(base.len() as u64, NOTES as u64);
    let mut moments: Vec<u64> = (0..NOTES).map(|_| moment(draw, &mut bits)).collect();
    moments.sort_unstable();
    let mut events = Vec::new();
    for (number, at_ms) in moments.into_iter().enumerate() {
        let id = nth(base, about.pop().expect("as many models as notes were chosen"));
        let note = Note { at_ms, text: draw.text(8, 16) };
        let key = format!("{DEVICE}-{}", number + 1);
        events.push(Event { at_ms, changes: vec![Change::Note { id, key, note }] });
    }
    bits.what = draw.take_bits();
    (events, bits)
}

/// The next version of a model, with a new artifact where chance for one is given. Only what differs becomes a change.
fn bump(now: &Catalogue, id: &str, at_ms: u64, draw: &mut Draw, artifacts: Option<&mut Draw>) -> Event {
    let old = &now[id];
    let mut next = old.clone();
    let version = record::next_version(old, draw);
    next.insert("version".to_owned(), text_field(&version));
    next.insert("status".to_owned(), text_field(draw.one_of(&["staged", "approved"])));
    next.insert("updated_at".to_owned(), Field::One(Scalar::Time(at_ms / 1_000)));
    if let Some(artifacts) = artifacts {
        record::new_artifact(&mut next, id, &version, artifacts);
    }
    let mut changes = Vec::new();
    for (name, field) in next {
        if old.get(&name) == Some(&field) {
            continue;
        }
        let (id, held) = (id.to_owned(), old.get(&name));
        match (field, held) {
            (Field::One(value), _) => changes.push(Change::Set { id, field: name, value }),
            (Field::Map(map), Some(Field::Map(held))) => {
                let differs = map.into_iter().filter(|(key, value)| held.get(key) != Some(value));
                changes.extend(differs.map(|(key, value)| {
                    let (id, field) = (id.clone(), name.clone());
                    Change::SetIn { id, field, key, value }
                }));
            }
            _ => unreachable!("a bump changes single values and maps"),
        }
    }
    Event { at_ms, changes }
}

/// Another price for a model.
pub(crate) fn price_change(id: String, draw: &mut Draw) -> Change {
    Change::Set { id, field: "price".to_owned(), value: record::price(draw) }
}

/// That a model was updated now.
pub(crate) fn update_of(id: String, at_ms: u64) -> Change {
    Change::Set { id, field: "updated_at".to_owned(), value: Scalar::Time(at_ms / 1_000) }
}

/// When a model was last updated, in seconds since 1970.
pub(crate) fn updated_at(record: &Record) -> u64 {
    match record.get("updated_at") {
        Some(Field::One(Scalar::Time(seconds))) => *seconds,
        _ => 0,
    }
}

fn text_field(text: &str) -> Field {
    Field::One(Scalar::Text(text.to_owned()))
}

fn deprecate(id: &str, at_ms: u64) -> Event {
    let (field, value) = ("status".to_owned(), Scalar::Text("deprecated".to_owned()));
    let status = Change::Set { id: id.to_owned(), field, value };
    Event { at_ms, changes: vec![status, update_of(id.to_owned(), at_ms)] }
}

#[cfg(test)]
mod tests;
