//! What of the store must be written next, in one read transaction.

use super::tags::{Tag, tags_of};
use crate::store::{Progress, Views};
use headland_host::tables::StoreError;
use headland_shared::epoch::{Mark, Seq};
use headland_shared::name::{AttributeName, Region};
use headland_shared::schema::Declaration;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Records looked at in one round, so that the cursor moves within a long backlog.
pub(super) const RECORDS_MAX: usize = 1_024;
/// Writes after which a round ends with the record that it is at: at most some megabytes wait in memory.
const TAGS_MAX: usize = 256;

/// What one round shall write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gathered {
    pub(super) tags: Vec<Tag>,
    /// How far the writing has come once the tags are there.
    pub(super) progress: Progress,
    /// How many records were looked at.
    pub(super) records: usize,
}

/// Gathers what devices wrote and may leave the region, of the models that the registry holds: of the next records that
/// changed, all that did so after the base.
pub(super) fn gather(views: &Views, from: Progress, region: &Region) -> Result<Gathered, StoreError> {
    let head = views.numbers()?.head.seq;
    let rows = views.attributes()?;
    let declared = |name: &AttributeName| -> Option<Declaration> {
        let known = rows.get(name).map(|row| row.declaration);
        known.or_else(|| Declaration::built_in(name.as_str()))
    };
    let marks = changed(views, from.mark, head)?;
    let mut gathered = Gathered {
        tags: Vec::new(),
        progress: from,
        records: 0,
    };
    let last = marks.len() < RECORDS_MAX;
    for mark in marks {
        if gathered.tags.len() >= TAGS_MAX {
            return Ok(gathered);
        }
        if let Some((key, blob)) = views.record(mark.handle)? {
            let tags = tags_of(&key, &blob, declared, from.base, region);
            gathered
                .tags
                .extend(tags.map_err(|error| StoreError::corrupt("records-1", error))?);
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
