//! What devices were told is durable, and what of it a flash that went back in time may lose or say twice.

use headland_shared::actor::Dot;
use headland_shared::view::Model;
use std::collections::{BTreeMap, BTreeSet};

/// A note of which a device was told that it is durable. Its text names it: each is written once.
#[derive(Debug, Clone)]
pub(super) struct Note {
    /// The device that wrote it; a clone is another device of the same name.
    pub(super) device: usize,
    pub(super) dot: Dot,
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
    amount: i64,
}

/// All that devices wrote.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    notes: BTreeMap<String, Note>,
    counts: Vec<Count>,
    /// By how much a model's count may be off, since a flash went back.
    slack: BTreeMap<String, i64>,
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

    pub(super) fn note(&mut self, text: String, device: usize, dot: Dot, model: String) {
        let note = Note {
            device,
            dot,
            model,
            removed: false,
            copies_min: 1,
            copies_max: 1,
            unsure: false,
        };
        self.notes.insert(text, note);
    }

    pub(super) fn count(&mut self, device: usize, model: String, amount: i64) {
        self.counts.push(Count { device, model, amount });
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
            note.copies_max = 2;
            if !moment.notes.contains(text) {
                note.copies_min = 0;
                note.copies_max = 1;
            }
            note.unsure |= note.removed && !moment.removed.contains(text);
        }
        self.loosen(device);
    }

    /// A device was copied: both may send what it had not sent, and what the copy writes may be lost with it.
    pub(super) fn cloned(&mut self, device: usize) {
        for note in self.notes.values_mut().filter(|note| note.device == device) {
            note.copies_max = 2;
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
            *self.slack.entry(count.model.clone()).or_default() += count.amount.abs();
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

    /// Invariants 2, 5 and 8: the hub holds each note as often as it may be there, and none that nobody wrote.
    pub(super) fn check_notes(&self, models: &[Model]) -> Result<(), String> {
        let mut shown = texts(models);
        let names: BTreeSet<&str> = models.iter().map(|model| model.name.as_str()).collect();
        for (text, note) in &self.notes {
            let copies = shown.remove(text.as_str()).unwrap_or_default();
            let (min, max) = match (names.contains(note.model.as_str()), note.removed, note.unsure) {
                (false, ..) => (0, 0),
                (true, true, false) => (0, note.copies_max - 1),
                (true, _, true) => (0, note.copies_max),
                (true, false, false) => (note.copies_min, note.copies_max),
            };
            if !(min..=max).contains(&copies.len()) || copies.iter().any(|model| *model != note.model) {
                return Err(format!(
                    "the hub has {copies:?} of {text:?}, and {note:?} was durable at the device (invariant 2 or 5)"
                ));
            }
        }
        match shown.pop_first() {
            Some((text, _)) => Err(format!("the hub has {text:?} that nobody wrote (invariant 8)")),
            None => Ok(()),
        }
    }

    /// Invariants 1 and 2: everything is counted once.
    pub(super) fn check_counts(&self, models: &[Model]) -> Result<(), String> {
        for model in models {
            let counts = self.counts.iter().filter(|count| count.model == model.name);
            let wanted: i64 = counts.map(|count| count.amount).sum();
            let slack = self.slack.get(&model.name).copied().unwrap_or(0);
            let held = model.counts.get("usage").copied().unwrap_or(0);
            if (held - wanted).abs() > slack {
                return Err(format!(
                    "{}: {held} counted at the hub, {wanted} at the devices, of which {slack} are unsure (invariant 1 or 2)",
                    model.name
                ));
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
