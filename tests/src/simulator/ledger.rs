//! What devices were told is durable, and what of it a flash that went back in time may lose or say twice.

use super::reference::{EVERYWHERE, HERE};
use headland_shared::view::Model;
use std::collections::{BTreeMap, BTreeSet};

/// A note of which a device was told that it is durable. Its text names it: each is written once.
#[derive(Debug, Clone)]
pub(super) struct Note {
    /// The device that wrote it; a clone is another device of the same name.
    pub(super) device: usize,
    pub(super) model: String,
    pub(super) removed: bool,
    /// How many of it there may be at the hub, while it is not removed.
    pub(super) copies_min: usize,
    pub(super) copies_max: usize,
    /// Whether the removal, if there is one, was lost with a flash perhaps.
    pub(super) unsure: bool,
}

#[derive(Debug, Clone)]
struct Count {
    device: usize,
    model: String,
    attribute: &'static str,
    /// The region in which it was made.
    made_in: String,
    amount: i64,
}

/// What must be at a hub of what a device wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// All that may leave the region where it was made.
    All,
    /// Some of it: the device was there, and has gone on.
    Some,
    /// Nothing: the device was never there.
    Nothing,
}

/// All that devices wrote.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    notes: BTreeMap<String, Note>,
    counts: Vec<Count>,
    /// By how much a model's count may be off, since a flash went back: by model and attribute.
    slack: BTreeMap<(String, &'static str), i64>,
    written: usize,
}

/// A moment to which a device may go back.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    notes: BTreeSet<String>,
    removed: BTreeSet<String>,
}

impl Ledger {
    /// A text that no note has yet.
    pub(super) fn next_text(&mut self, device: usize) -> String {
        self.written += 1;
        format!("note {} of device {device}", self.written)
    }

    pub(super) fn note(&mut self, text: String, device: usize, model: String) {
        let note = Note {
            device,
            model,
            removed: false,
            copies_min: 1,
            copies_max: 1,
            unsure: false,
        };
        self.notes.insert(text, note);
    }

    pub(super) fn count(
        &mut self,
        device: usize,
        (model, made_in): (String, String),
        attribute: &'static str,
        amount: i64,
    ) {
        self.counts.push(Count {
            device,
            model,
            attribute,
            made_in,
            amount,
        });
    }

    /// A note of this device that it may take back.
    pub(super) fn some_note(&self, device: usize) -> Option<(String, Note)> {
        let mut notes = self.notes.iter();
        let mine = notes.find(|(_, note)| note.device == device && !note.removed && note.copies_max == 1);
        mine.map(|(text, note)| (text.clone(), note.clone()))
    }

    pub(super) fn removed(&mut self, text: &str) {
        if let Some(note) = self.notes.get_mut(text) {
            note.removed = true;
        }
    }

    /// What a device holds now.
    pub(super) fn moment(&self) -> Moment {
        let removed = self.notes.iter().filter(|(_, note)| note.removed);
        Moment {
            notes: self.notes.keys().cloned().collect(),
            removed: removed.map(|(text, _)| text.clone()).collect(),
        }
    }

    /// A device went back to a moment: what it wrote since is where it was sent in time, or lost; what it had not sent
    /// then and sent later it may send again.
    pub(super) fn went_back(&mut self, device: usize, moment: &Moment) {
        for (text, note) in &mut self.notes {
            if note.device != device {
                continue;
            }
            match moment.notes.contains(text) {
                true => note.copies_max += 1,
                false => note.copies_min = 0,
            }
            note.unsure |= note.removed && !moment.removed.contains(text);
        }
        self.loosen(device);
    }

    /// A device was copied: both may send what it had not sent, and what the copy writes may be lost with it.
    pub(super) fn cloned(&mut self, device: usize) {
        for note in self.notes.values_mut().filter(|note| note.device == device) {
            note.copies_max += 1;
        }
        self.loosen(device);
    }

    /// A copy is no more.
    pub(super) fn ended(&mut self, device: usize) {
        for note in self.notes.values_mut().filter(|note| note.device == device) {
            note.copies_min = 0;
            note.unsure = true;
        }
        self.loosen(device);
    }

    fn loosen(&mut self, device: usize) {
        for count in self.counts.iter().filter(|count| count.device == device) {
            let slack = self.slack.entry((count.model.clone(), count.attribute));
            *slack.or_default() += count.amount.abs();
        }
    }

    /// Invariant 5: a device shows its own notes, and none that it took back.
    pub(super) fn check_own(&self, device: usize, models: &[Model]) -> Result<(), String> {
        let shown = texts(models);
        let names: BTreeSet<&str> = models.iter().map(|model| model.name.as_str()).collect();
        for (text, note) in &self.notes {
            let told = note.device == device && note.copies_min > 0 && !note.unsure;
            if !told || !names.contains(note.model.as_str()) {
                continue;
            }
            if note.removed == shown.contains_key(text.as_str()) {
                let state = if note.removed { "is back" } else { "is gone" };
                return Err(format!("{text} on {} {state} (invariant 5)", note.model));
            }
        }
        Ok(())
    }

    /// Invariants 2, 5 and 8: a hub holds each note as often as it may be there, and none that nobody wrote.
    pub(super) fn check_notes(&self, models: &[Model], due: impl Fn(usize) -> Due) -> Result<(), String> {
        let mut shown = texts(models);
        let names: BTreeSet<&str> = models.iter().map(|model| model.name.as_str()).collect();
        for (text, note) in &self.notes {
            let copies = shown.remove(text.as_str()).unwrap_or_default();
            let sure = (names.contains(note.model.as_str()), note.removed, note.unsure);
            let (min, max) = match (due(note.device), sure) {
                (Due::Nothing, _) | (_, (false, ..)) => (0, 0),
                (Due::All, (true, true, false)) => (0, note.copies_max - 1),
                (Due::All, (true, false, false)) => (note.copies_min, note.copies_max),
                (Due::Some, _) | (_, (true, _, true)) => (0, note.copies_max),
            };
            if !(min..=max).contains(&copies.len()) || copies.iter().any(|model| *model != note.model) {
                return Err(format!(
                    "a hub has {copies:?} of {text:?}, and {note:?} was durable at the device (invariant 2 or 5)"
                ));
            }
        }
        match shown.pop_first() {
            Some((text, _)) => Err(format!("a hub has {text:?} that nobody wrote (invariant 8)")),
            None => Ok(()),
        }
    }

    /// The models of which devices counted that never move: their hub alone has that, and the other may come to the
    /// same sum.
    pub(super) fn counted_in_one_place(&self, stays: impl Fn(usize) -> bool) -> BTreeSet<&str> {
        let stay = self.counts.iter().filter(|count| stays(count.device));
        stay.map(|count| count.model.as_str()).collect()
    }

    /// Invariants 1, 2 and 5: the hub of a region holds everything counted once, and of what must stay in the region
    /// where it was counted what was counted there.
    pub(super) fn check_counts(
        &self,
        models: &[Model],
        region: &str,
        due: impl Fn(usize) -> Due,
    ) -> Result<(), String> {
        for attribute in [EVERYWHERE, HERE] {
            let mut wanted: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
            for ((model, _), unsure) in self.slack.iter().filter(|((_, of), _)| *of == attribute) {
                wanted.entry(model).or_default().1 += unsure;
            }
            let here = |count: &&Count| count.attribute == attribute && (attribute != HERE || count.made_in == region);
            for count in self.counts.iter().filter(here) {
                let (sum, unsure) = wanted.entry(&count.model).or_default();
                match due(count.device) {
                    Due::All => *sum += count.amount,
                    Due::Some => *unsure += count.amount.abs(),
                    Due::Nothing => {}
                }
            }
            for model in models {
                let (sum, unsure) = wanted.get(model.name.as_str()).copied().unwrap_or_default();
                let held = model.counts.get(attribute).copied().unwrap_or(0);
                if (held - sum).abs() > unsure {
                    return Err(format!(
                        "{}: {held} counted as {attribute} at {region}, {sum} at the devices, of which {unsure} are unsure (invariant 1, 2 or 5)",
                        model.name
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The texts of all notes, with the models on which they are.
fn texts(models: &[Model]) -> BTreeMap<&str, Vec<&str>> {
    let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for model in models {
        for note in &model.annotations {
            texts.entry(note.text.as_str()).or_default().push(&model.name);
        }
    }
    texts
}
