//! Rows of several scopes in one order: what a catch-up is cut from.

use super::conversation::Transfer;
use crate::store::{ChangeRow, ScopeRow, Views};
use headland_host::tables::StoreError;
use headland_shared::delta::ScopeAlias;
use headland_shared::epoch::{Mark, Seq};
use headland_shared::scope::Follow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::ops::ControlFlow;

/// How many rows of the index are read ahead for each scope.
const ROWS_AHEAD: usize = 64;

/// The scopes that match some pattern.
pub(super) fn each_followed<'a>(
    scopes: &'a BTreeMap<ScopeAlias, ScopeRow>,
    follow: &'a [Follow],
) -> impl Iterator<Item = &'a ScopeRow> {
    scopes
        .values()
        .filter(|row| follow.iter().any(|follow| follow.matches(&row.scope)))
}

/// Rows of all followed scopes, merged by their marks. Reads a few rows of each scope at a time.
pub(super) struct Merge<'a> {
    views: &'a Views,
    to: Seq,
    heap: BinaryHeap<Reverse<(ChangeRow, usize)>>,
    sources: Vec<Source>,
}

struct Source {
    alias: ScopeAlias,
    rows: VecDeque<ChangeRow>,
    read_to: Mark,
    exhausted: bool,
}

impl<'a> Merge<'a> {
    pub(super) fn new(
        views: &'a Views,
        scopes: &BTreeMap<ScopeAlias, ScopeRow>,
        transfer: &Transfer,
        from: Mark,
        to: Seq,
    ) -> Result<Self, StoreError> {
        let mut merge = Self {
            views,
            to,
            heap: BinaryHeap::new(),
            sources: Vec::new(),
        };
        for row in each_followed(scopes, &transfer.follow) {
            let read_to = from.max(Mark::after(transfer.cursor(row.alias)));
            merge.sources.push(Source {
                alias: row.alias,
                rows: VecDeque::new(),
                read_to,
                exhausted: false,
            });
            merge.refill(merge.sources.len() - 1)?;
        }
        Ok(merge)
    }

    fn refill(&mut self, index: usize) -> Result<(), StoreError> {
        let source = &mut self.sources[index];
        if source.rows.is_empty() && !source.exhausted {
            let rows = &mut source.rows;
            self.views.each_change(source.alias, source.read_to, self.to, |row| {
                rows.push_back(row);
                let go_on = rows.len() < ROWS_AHEAD;
                Ok::<_, StoreError>(if go_on {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            })?;
            source.exhausted = source.rows.len() < ROWS_AHEAD;
            if let Some(last) = source.rows.back() {
                source.read_to = last.mark;
            }
        }
        if let Some(row) = source.rows.pop_front() {
            self.heap.push(Reverse((row, index)));
        }
        Ok(())
    }

    pub(super) fn next(&mut self) -> Result<Option<ChangeRow>, StoreError> {
        let Some(Reverse((row, index))) = self.heap.pop() else {
            return Ok(None);
        };
        self.refill(index)?;
        Ok(Some(row))
    }
}
