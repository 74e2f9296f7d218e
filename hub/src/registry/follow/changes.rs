//! The leading end: what the registry said since a position, cut in one read transaction.

use super::encoding::{CHANGES_BYTES_MAX, Changes, Said, SaidRecord};
use crate::store::{Followed, UNSCOPED, Views};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::delta::ScopeAlias;
use headland_shared::element::{State, central_of};
use headland_shared::epoch::{Mark, Seq};
use headland_shared::register::Writer;
use headland_shared::stamp::Stamp;
use std::ops::ControlFlow;

/// What an element takes beside its key and value, in bytes, at most: positions, stamps and lengths.
const ELEMENT_BYTES_BESIDE: usize = 40;

/// Why there is no answer for a follower.
#[derive(Debug, thiserror::Error)]
pub enum ChangesError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is more than one answer may hold.
    #[error(
        "telling a following hub what the registry said: it is longer than {CHANGES_BYTES_MAX} bytes; split the catalogue over several registries"
    )]
    TooLong,
}

/// Whether the registry has said anything after a position, or the position is none of this hub's.
pub fn has_news(views: &Views, from: Option<&Followed>) -> Result<bool, StoreError> {
    let Some(after) = known(views, from)? else {
        return Ok(true);
    };
    Ok(views.commits(1)?.first().is_some_and(|(seq, _)| *seq > after))
}

/// All that the registry said and that changed after a position, each thing once; all that there is when the position
/// is none of this hub's history.
///
/// Nothing of this is ever forgotten, whatever the agents' floor: withdrawn records keep their rows.
pub fn changes_since(views: &Views, from: Option<&Followed>) -> Result<Changes, ChangesError> {
    let numbers = views.numbers()?;
    let after = known(views, from)?;
    let since = after.unwrap_or(Seq::START);
    let attributes = views.attributes()?;
    let declarations = attributes.iter().filter(|(_, row)| row.introduced > since);
    let mut changes = Changes {
        epoch: views.epoch()?.unwrap_or_default(),
        after,
        head: numbers.head,
        registry: numbers.registry(),
        stamp: numbers.stamp,
        complete: numbers.revision > 0,
        waited_ms: 0,
        age_ms: 0,
        declarations: declarations
            .map(|(name, row)| {
                let mut bytes = Vec::new();
                row.declaration.encode(&mut bytes);
                (name.to_string(), bytes)
            })
            .collect(),
        records: Vec::new(),
        more: Vec::new(),
    };
    let mut bytes = 0;
    for alias in views.scopes()?.into_keys().chain([UNSCOPED]) {
        bytes = said_in(views, alias, since, bytes, &mut changes)?;
    }
    Ok(changes)
}

/// The seq of a position that is part of this hub's history.
fn known(views: &Views, from: Option<&Followed>) -> Result<Option<Seq>, StoreError> {
    let Some(from) = from else {
        return Ok(None);
    };
    let (seq, head) = (from.head.seq, views.numbers()?.head.seq);
    let ours = views.epoch()? == Some(from.epoch) && seq <= head && views.lineage(seq)? == Some(from.head.lineage);
    Ok(ours.then_some(seq))
}

/// Adds what the registry said of the records of one scope; gives how long the answer is by now.
fn said_in(
    views: &Views,
    alias: ScopeAlias,
    since: Seq,
    mut bytes: usize,
    changes: &mut Changes,
) -> Result<usize, ChangesError> {
    let head = changes.head.seq;
    views.each_change(alias, Mark::after(since), head, |row| {
        // A record that left is met again where it is now.
        if !row.left
            && let Some((key, blob)) = views.record(row.mark.handle)?
        {
            let elements = said(&blob, since)?;
            if !elements.is_empty() {
                let key = key.encoded();
                bytes += key.len() + ELEMENT_BYTES_BESIDE;
                bytes += elements
                    .iter()
                    .map(|said| said.element.len() + said.value.len() + ELEMENT_BYTES_BESIDE)
                    .sum::<usize>();
                changes.records.push(SaidRecord { key, elements });
            }
        }
        if bytes > CHANGES_BYTES_MAX {
            return Err(ChangesError::TooLong);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(bytes)
}

/// What the registry said of a record in elements that changed after `since`.
fn said(blob: &[u8], since: Seq) -> Result<Vec<Said>, StoreError> {
    let corrupt = |error| StoreError::corrupt("records-1", error);
    let mut all = Vec::new();
    for entry in Blob::parse(blob).map_err(corrupt)?.entries() {
        let entry = entry.map_err(corrupt)?;
        if entry.seq > since
            && let Some(said) = said_of(entry.key, entry.state)
        {
            all.push(said);
        }
    }
    Ok(all)
}

/// The registry's write within the state of an element.
pub(super) fn said_of(element: &[u8], state: &[u8]) -> Option<Said> {
    if let Some(central) = central_of(state) {
        return Some(Said {
            element: element.to_vec(),
            position: central.position,
            stamp: Stamp::at_ms(central.at_ms),
            sticky: central.sticky,
            value: central.value.to_vec(),
        });
    }
    let Ok(State::Register(register)) = State::decode(state) else {
        return None;
    };
    let write = register.write_of(&Writer::Central)?;
    let mut value = Vec::new();
    if let Some(held) = &write.value {
        held.encode(&mut value);
    }
    Some(Said {
        element: element.to_vec(),
        position: write.position,
        stamp: write.at,
        sticky: write.sticky,
        value,
    })
}
