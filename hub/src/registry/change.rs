//! One registry commit in the making: sets what the registry says of elements, and remembers what it said before.

use crate::registry::UNDOS_MAX;
use crate::replica::{Commit, CommitError};
use crate::store::{CommitRow, Origin, Undo};
use headland_shared::blob::Blob;
use headland_shared::bytes::Reader;
use headland_shared::element::{State, central_of};
use headland_shared::epoch::{Life, Position};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::register::{Register, Write, Writer};
use headland_shared::session::Now;
use headland_shared::stamp::Stamp;
use headland_shared::value::Value;
use std::collections::BTreeMap;

/// What the registry shall say of one element.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) key: ElementKey,
    pub(super) value: Option<Value>,
    pub(super) sticky: bool,
}

impl Wanted {
    pub(super) fn new(key: ElementKey, value: Option<Value>) -> Self {
        let sticky = false;
        Self { key, value, sticky }
    }
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Unchanged,
    New,
    Changed,
    Gone,
}

/// What a record holds, as the registry last said it.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) alive: bool,
    pub(super) states: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Held {
    /// What the registry says of an element.
    pub(super) fn central(&self, key: &[u8]) -> Option<Value> {
        let register = self.register(key)?;
        register.write_of(&Writer::Central)?.value.clone()
    }

    fn register(&self, key: &[u8]) -> Option<Register> {
        match State::decode(self.states.get(key)?).ok()? {
            State::Register(register) => Some(register),
            _ => None,
        }
    }

    /// Whether the registry has said something in this life that it cannot take back.
    fn is_sticky(&self, key: &[u8], life: Life) -> bool {
        let register = self.register(key);
        let write = register
            .as_ref()
            .and_then(|register| register.write_of(&Writer::Central));
        write.is_some_and(|write| write.sticky && write.position.life == life)
    }

    /// Where the registry's word on an element stands.
    pub(super) fn position(&self, key: &[u8]) -> Option<Position> {
        Some(self.register(key)?.write_of(&Writer::Central)?.position)
    }
}

pub(super) struct RegistryCommit<'c, 'a, 'tx> {
    pub(super) commit: &'c mut Commit<'a, 'tx>,
    position: Position,
    at_ms: u64,
    /// What a revert needs; nothing for a commit that only its own registry can revert.
    undo: Option<Vec<Undo>>,
    pub(super) new: u64,
    pub(super) changed: u64,
    pub(super) gone: u64,
}

impl<'c, 'a, 'tx> RegistryCommit<'c, 'a, 'tx> {
    pub(super) fn begin(commit: &'c mut Commit<'a, 'tx>, now: Now) -> Result<Self, CommitError> {
        commit.take_over()?;
        commit.numbers.revision += 1;
        commit.numbers.stamp = stamp_after(commit, now.wall_ms);
        Ok(Self::at(commit, Some(Vec::new())))
    }

    /// A commit of a registry that has its own order, and said where in it the commit stands.
    pub(super) fn taken_over(commit: &'c mut Commit<'a, 'tx>) -> Self {
        Self::at(commit, None)
    }

    fn at(commit: &'c mut Commit<'a, 'tx>, undo: Option<Vec<Undo>>) -> Self {
        Self {
            position: commit.numbers.registry(),
            at_ms: commit.numbers.stamp.ms(),
            commit,
            undo,
            new: 0,
            changed: 0,
            gone: 0,
        }
    }

    /// Where in the registry's order the commit stands.
    pub(super) const fn position(&self) -> Position {
        self.position
    }

    /// Whether the registry has said something of an element that it cannot take back.
    pub(super) fn cannot_take_back(&self, held: &Held, key: &[u8]) -> bool {
        held.is_sticky(key, self.position.life)
    }

    pub(super) fn held(&self, record: &RecordKey) -> Result<Held, CommitError> {
        let Some(blob) = self.commit.blob(record)? else {
            return Ok(Held::default());
        };
        let stored = |source| CommitError::Stored {
            record: record.clone(),
            source,
        };
        let blob = Blob::parse(&blob).map_err(stored)?;
        let mut held = Held {
            alive: blob.head.task.is_some(),
            ..Held::default()
        };
        for entry in blob.entries() {
            let entry = entry.map_err(stored)?;
            held.states.insert(entry.key.to_vec(), entry.state.to_vec());
        }
        Ok(held)
    }

    /// Makes the registry say what is wanted of a record; what it says already is left alone.
    pub(super) fn set(&mut self, record: &RecordKey, held: &Held, wanted: Vec<Wanted>) -> Result<Outcome, CommitError> {
        let mut elements = Vec::new();
        let mut life = None;
        for one in wanted {
            let key = one.key.encoded();
            let state = held.states.get(&key);
            let mut value = Vec::new();
            if let Some(wanted) = &one.value {
                wanted.encode(&mut value);
            }
            if !self.differs(state, &value) || self.cannot_take_back(held, &key) {
                continue;
            }
            if one.key == ElementKey::Life {
                life = Some(one.value.is_some());
            }
            // A record that is new as a whole is undone as a whole: by its life.
            if self.undo.is_some() && (held.alive || one.key == ElementKey::Life) {
                self.remember(record, &key, state);
            }
            let mut write = Write::central(self.position, Stamp::at_ms(self.at_ms), one.value);
            write.sticky = one.sticky;
            let mut merged = match state.map(|bytes| State::decode(bytes)) {
                Some(Ok(State::Register(register))) => register,
                _ => Register::default(),
            };
            merged.put(Writer::Central, write);
            elements.push((one.key, State::Register(merged)));
        }
        let outcome = match life {
            _ if elements.is_empty() => Outcome::Unchanged,
            Some(true) => Outcome::New,
            Some(false) => Outcome::Gone,
            None => Outcome::Changed,
        };
        match outcome {
            Outcome::Unchanged => {}
            Outcome::New => self.new += 1,
            Outcome::Changed => self.changed += 1,
            Outcome::Gone => self.gone += 1,
        }
        self.commit.put(record, elements)?;
        Ok(outcome)
    }

    fn differs(&self, state: Option<&Vec<u8>>, value: &[u8]) -> bool {
        match state {
            None => !value.is_empty(),
            Some(state) => match central_of(state) {
                Some(central) => central.value != value,
                None => central_value(state) != value,
            },
        }
    }

    fn remember(&mut self, record: &RecordKey, element: &[u8], state: Option<&Vec<u8>>) {
        let before = state
            .map(|state| central_value(state))
            .filter(|value| !value.is_empty());
        let record = record.encoded();
        let element = element.to_vec();
        self.undo.get_or_insert_default().push(Undo {
            record,
            element,
            before,
        });
    }

    /// Adds the commit to the history.
    pub(super) fn finish(self, origin: Origin) -> Result<(), CommitError> {
        // Whoever imports into a registry that was restored, or reverts there, says what it shall hold. A put says one
        // thing and nothing of the others.
        let confirms = !matches!(origin, Origin::Put(_));
        let row = CommitRow {
            revision: self.position.number,
            at_ms: self.at_ms,
            origin,
            new: self.new,
            changed: self.changed,
            gone: self.gone,
        };
        let seq = self.commit.seq();
        match &self.undo {
            Some(undo) => {
                self.commit.tables.add_commit(seq, &row, undo)?;
                self.commit.tables.trim_undos(UNDOS_MAX)?;
                if confirms {
                    self.commit.tables.set_restored(None)?;
                }
            }
            None => self.commit.tables.add_followed_commit(seq, &row)?,
        }
        Ok(())
    }
}

/// A stamp of this moment that is later than all before: revisions carry times that only grow, so that `latest` follows
/// the registry's own order.
pub(super) fn stamp_after(commit: &Commit<'_, '_>, at_ms: u64) -> Stamp {
    Stamp::at_ms(at_ms).max(Stamp::at_ms(commit.numbers.stamp.ms() + 1))
}

/// The encoded value that the registry gave an element; empty for none.
fn central_value(state: &[u8]) -> Vec<u8> {
    if let Some(central) = central_of(state) {
        return central.value.to_vec();
    }
    let mut value = Vec::new();
    if let Ok(State::Register(register)) = State::decode(state) {
        let held = register
            .write_of(&Writer::Central)
            .and_then(|write| write.value.as_ref());
        if let Some(held) = held {
            held.encode(&mut value);
        }
    }
    value
}

/// Reads an encoded value.
pub(super) fn decode(value: &[u8]) -> Option<Value> {
    Value::decode(&mut Reader::new(value)).ok()
}
