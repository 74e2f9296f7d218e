//! What an answer makes of one record.

use super::FollowError;
use super::brake::state_of;
use crate::registry::follow::Said;
use crate::replica::{Commit, CommitError};
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::element::State;
use headland_shared::epoch::Position;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::register::{Register, Writer};
use headland_shared::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Become {
    Same,
    New,
    Changed,
    Gone,
}

/// The elements of a record by their encoded keys.
type States = BTreeMap<Vec<u8>, Vec<u8>>;

/// Makes the registry say this of a record. In a whole answer, which names its registry, it says nothing else of it,
/// and what it says is so even where something later was held: the leading hub was restored, and has gone another way.
pub(super) fn told(
    commit: &mut Commit<'_, '_>,
    record: &RecordKey,
    elements: &[Said],
    whole: Option<Position>,
) -> Result<Become, FollowError> {
    let held = states(commit, record)?;
    let mut news = Vec::new();
    for said in elements {
        let key = ElementKey::decode(&said.element)?;
        if let Some(state) = merged(held.get(&said.element), state_of(said)?, whole)? {
            news.push((key, state));
        }
    }
    if let Some(registry) = whole {
        let named: BTreeSet<&[u8]> = elements.iter().map(|said| said.element.as_slice()).collect();
        let unnamed = held.iter().filter(|(key, _)| !named.contains(key.as_slice()));
        unsaid(unnamed, registry, &mut news)?;
    }
    put(commit, record, news)
}

/// The registry says nothing of a record any more. What devices wrote about it stays.
pub(super) fn silenced(
    commit: &mut Commit<'_, '_>,
    record: &RecordKey,
    registry: Position,
) -> Result<Become, FollowError> {
    let held = states(commit, record)?;
    let mut news = Vec::new();
    unsaid(held.iter(), registry, &mut news)?;
    put(commit, record, news)
}

fn states(commit: &Commit<'_, '_>, record: &RecordKey) -> Result<States, CommitError> {
    let stored = |source| CommitError::Stored {
        record: record.clone(),
        source,
    };
    let Some(blob) = commit.blob(record)? else {
        return Ok(States::new());
    };
    let mut states = States::new();
    for entry in Blob::parse(&blob).map_err(stored)?.entries() {
        let entry = entry.map_err(stored)?;
        states.insert(entry.key.to_vec(), entry.state.to_vec());
    }
    Ok(states)
}

/// The state of an element with the registry's write taken in; nothing when that changes nothing.
fn merged(held: Option<&Vec<u8>>, said: State, whole: Option<Position>) -> Result<Option<State>, DecodeError> {
    let Some(held) = held else {
        return Ok(Some(said));
    };
    let mut state = State::decode(held)?;
    match (&mut state, said) {
        (State::Register(register), State::Register(said)) => {
            if let Some(registry) = whole
                && !is_final(register, registry)
            {
                *register = without_registry(register);
            }
            register.merge(said);
        }
        (state, said) => state.merge(said),
    }
    Ok((state.encoded() != *held).then_some(state))
}

/// Elements of which the registry said something that it no longer says: only what others wrote is left of them.
fn unsaid<'a>(
    held: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>,
    registry: Position,
    news: &mut Vec<(ElementKey, State)>,
) -> Result<(), DecodeError> {
    for (key, state) in held {
        let State::Register(register) = State::decode(state)? else {
            continue;
        };
        if register.write_of(&Writer::Central).is_some() && !is_final(&register, registry) {
            news.push((ElementKey::decode(key)?, State::Register(without_registry(&register))));
        }
    }
    Ok(())
}

/// Whether the registry has said something in its present life that it cannot take back: a restored registry that has
/// lost a revocation does not lift it.
fn is_final(register: &Register, registry: Position) -> bool {
    register
        .write_of(&Writer::Central)
        .is_some_and(|write| write.sticky && write.position.life == registry.life)
}

fn without_registry(register: &Register) -> Register {
    let mut others = Register::default();
    for (writer, write) in register.writes().filter(|(writer, _)| **writer != Writer::Central) {
        others.put(writer.clone(), write.clone());
    }
    others
}

fn put(commit: &mut Commit<'_, '_>, record: &RecordKey, news: Vec<(ElementKey, State)>) -> Result<Become, FollowError> {
    let life = news.iter().find(|(key, _)| *key == ElementKey::Life).map(|(_, state)| {
        let State::Register(register) = state else {
            return false;
        };
        let said = register.write_of(&Writer::Central);
        said.is_some_and(|write| write.value == Some(Value::Bool(true)))
    });
    let outcome = match life {
        _ if news.is_empty() => Become::Same,
        Some(true) => Become::New,
        Some(false) => Become::Gone,
        None => Become::Changed,
    };
    commit.put(record, news)?;
    Ok(outcome)
}
