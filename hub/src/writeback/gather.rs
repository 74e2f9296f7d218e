//! What of the store must be written next, in one read transaction.

use super::destination::Destination;
use crate::store::{AttributeRow, Progress, Views};
use headland_host::tables::StoreError;
use headland_shared::epoch::{Mark, Seq};
use headland_shared::name::{AttributeName, Region};
use headland_shared::schema::Declaration;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Records looked at in one round, so that the cursor moves within a long backlog.
pub(super) const RECORDS_MAX: usize = 1_024;
/// Writes after which a round ends with the record that it is at: at most some megabytes wait in memory.
const WRITES_MAX: usize = 256;

/// What one round shall write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gathered<W> {
    pub(super) writes: Vec<W>,
    /// How far the writing has come once the writes are there.
    pub(super) progress: Progress,
    /// How many records were looked at.
    pub(super) records: usize,
}

/// What a record is looked at with.
pub(super) struct Looked<'a> {
    pub(super) views: &'a Views,
    /// The region of this hub.
    pub(super) region: &'a Region,
    /// What changed after this is to be written.
    pub(super) base: Seq,
    attributes: &'a BTreeMap<AttributeName, AttributeRow>,
}

impl Looked<'_> {
    /// How an attribute behaves.
    pub(super) fn declared(&self, name: &AttributeName) -> Option<Declaration> {
        let known = self.attributes.get(name).map(|row| row.declaration);
        known.or_else(|| Declaration::built_in(name.as_str()))
    }
}

/// Gathers what devices wrote and may leave the region, of the models that the registry holds: of the next records that
/// changed, all that did so after the base.
pub(super) fn gather<D: Destination>(
    views: &Views,
    from: Progress,
    region: &Region,
) -> Result<Gathered<D::Write>, StoreError> {
    let head = views.numbers()?.head.seq;
    let looked = Looked {
        views,
        region,
        base: from.base,
        attributes: &views.attributes()?,
    };
    let marks = changed(views, from.mark, head)?;
    let mut gathered = Gathered {
        writes: Vec::new(),
        progress: from,
        records: 0,
    };
    let last = marks.len() < RECORDS_MAX;
    for mark in marks {
        if gathered.writes.len() >= WRITES_MAX {
            return Ok(gathered);
        }
        if let Some((key, blob)) = views.record(mark.handle)? {
            gathered.writes.extend(D::writes_of(&looked, &key, &blob)?);
        }
        gathered.progress.mark = mark;
        gathered.records += 1;
    }
    if last {
        gathered.progress = Progress::whole(head);
    }
    Ok(gathered)
}

/// The first records in the order of marks that changed in a scope after a mark. One that left its scope is in another,
/// or the registry does not hold it.
fn changed(views: &Views, after: Mark, head: Seq) -> Result<BTreeSet<Mark>, StoreError> {
    let mut marks = BTreeSet::new();
    let scopes: BTreeMap<_, _> = views.scopes()?;
    for (alias, scope) in scopes {
        if scope.head < after.seq {
            continue;
        }
        views.each_change(alias, after, head, |row| {
            if !row.left {
                marks.insert(row.mark);
            }
            let beyond = marks.len() > RECORDS_MAX && marks.pop_last().is_some_and(|last| last == row.mark);
            Ok::<_, StoreError>(match beyond {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            })
        })?;
    }
    Ok(marks)
}

#[cfg(test)]
mod tests;
