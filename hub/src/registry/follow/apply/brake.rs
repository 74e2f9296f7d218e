//! What a whole answer leaves out, and the brake on it.

use super::{FollowError, Held};
use crate::registry::follow::Said;
use crate::registry::{REMOVALS_PERCENT_MAX, Removals};
use crate::replica::Commit;
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::element::{State, encode_central};
use headland_shared::epoch::Position;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::Namespace;
use headland_shared::register::CentralWrite;
use headland_shared::value::Value;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// How many models of a namespace there are, and how many would go.
#[derive(Debug, Default)]
struct Tally {
    held: u64,
    gone: u64,
}

/// The records here that a whole answer does not name. The brake holds when too many models would go.
pub(super) fn removals(
    commit: &Commit<'_, '_>,
    said: &BTreeMap<RecordKey, &[Said]>,
    registry: Position,
    allowed: Removals,
) -> Result<Vec<RecordKey>, FollowError> {
    let mut silent = Vec::new();
    let mut namespaces: BTreeMap<Namespace, Tally> = BTreeMap::new();
    commit.tables.each_handle(&[], None, |handle| {
        if let Some((key, blob)) = commit.tables.record(handle)? {
            let head = Blob::parse(&blob)
                .map_err(|error| StoreError::corrupt("records-1", error))?
                .head;
            let elements = said.get(&key).copied();
            if head.task.is_some() {
                let tally = namespaces.entry(key.namespace.clone()).or_default();
                tally.held += 1;
                tally.gone += u64::from(!elements.is_some_and(is_alive));
            }
            if elements.is_none() {
                silent.push(key);
            }
        }
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    let worst = namespaces
        .into_iter()
        .filter(|(_, tally)| tally.gone * 100 > tally.held * REMOVALS_PERCENT_MAX)
        .max_by_key(|(_, tally)| tally.gone);
    match worst {
        Some((namespace, Tally { held, gone })) if allowed == Removals::Braked => Err(FollowError::Held(Held {
            registry,
            namespace,
            gone,
            held,
        })),
        _ => Ok(silent),
    }
}

/// Whether the registry holds a record of which it says this.
fn is_alive(elements: &[Said]) -> bool {
    let (life, mut alive) = (ElementKey::Life.encoded(), Vec::new());
    Value::Bool(true).encode(&mut alive);
    elements.iter().any(|said| said.element == life && said.value == alive)
}

/// What the registry said, as the state of an element that nobody else wrote.
pub(super) fn state_of(said: &Said) -> Result<State, FollowError> {
    let mut bytes = Vec::new();
    let central = CentralWrite {
        position: said.position,
        sticky: said.sticky,
        at_ms: said.stamp.ms(),
        value: &said.value,
    };
    encode_central(&central, &mut bytes);
    Ok(State::decode(&bytes)?)
}
