//! Urgent facts: kept ahead of the feed, shown at once, and dropped when a cursor passes them.
//!
//! They move no cursor and are in no digest, so what an agent acknowledges and asks for is as if they had never come.

use super::{ApplyError, Replica};
use crate::store::{ScopeRow, Tables};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::defect::{Defect, planted};
use headland_shared::delta::ScopeAlias;
use headland_shared::epoch::Seq;
use headland_shared::key::RecordKey;
use headland_shared::urgent::Urgent;
use std::collections::BTreeMap;

/// The most frames of urgent facts that wait to be kept.
const URGENT_MAX: usize = 16;

type Scopes = BTreeMap<ScopeAlias, ScopeRow>;

impl Replica {
    /// Whether more frames are here already. As long as there are, what is urgent is not written by itself: often the next
    /// of them brings it with the feed, and that is one wait for the disk and not two.
    pub fn more_waits(&mut self, more: bool) {
        self.more_waits = more;
    }

    /// Takes in what is urgent.
    pub(super) fn take_urgent(&mut self, urgent: Urgent) -> Result<(), StoreError> {
        self.urgent.push(urgent);
        match self.more_waits && self.urgent.len() < URGENT_MAX {
            true => Ok(()),
            false => self.keep_urgent(),
        }
    }

    /// Keeps what was urgent of records that are held here, unless the feed has brought it already. Must be called when no
    /// more frames are here after all.
    pub fn keep_urgent(&mut self) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.urgent);
        let Some(placed) = self.placed.as_ref().filter(|_| !waiting.is_empty()) else {
            return Ok(());
        };
        let views = self.store.read()?;
        let scopes = views.scopes()?;
        let mut news = Vec::new();
        let waiting = waiting.iter().filter(|urgent| placed.epoch.tag() == urgent.epoch);
        for (urgent, fact) in waiting.flat_map(|urgent| urgent.facts.iter().map(move |fact| (urgent, fact))) {
            let (namespace, name) = (urgent.namespace.clone(), fact.model.clone());
            let record = RecordKey { namespace, name }.encoded();
            let Some((_, blob)) = views.record(&record)? else {
                continue;
            };
            let passed = cursor_at(&scopes, placed.base, &record, &blob)?.is_none_or(|cursor| cursor >= urgent.seq);
            let known = || -> Result<bool, StoreError> {
                let ahead = views.ahead_of(&record)?;
                let same = |held: &crate::store::Ahead| held.element.encoded() == fact.element;
                Ok(ahead.iter().any(|held| same(held) && held.seq >= urgent.seq))
            };
            // A repeated frame costs no write of the flash.
            if !passed && !known()? {
                news.push((record, urgent.seq, fact));
            }
        }
        if news.is_empty() {
            return Ok(());
        }
        // Of one element the latest stays.
        news.sort_by_key(|(_, seq, _)| *seq);
        let kept = self.store.write(|tables| {
            let mut kept = 0;
            for (record, seq, fact) in &news {
                kept += u64::from(tables.put_ahead(record, &fact.element, *seq, &fact.state)?);
            }
            Ok::<_, StoreError>(kept)
        })?;
        if planted(Defect::OverlayMovesCursor)
            && let Some((_, seq, _)) = news.last()
        {
            self.cursors.extend(scopes.keys().map(|alias| (*alias, *seq)));
            self.tell_place();
        }
        self.counts.urgent += kept;
        self.counts.urgent_left += news.len() as u64 - kept;
        if kept > 0 {
            self.counts.changes += 1;
        }
        Ok(())
    }
}

/// Drops what the cursors have passed, in the transaction that moved them; what was known of a record that is gone
/// goes too.
pub(super) fn settle(tables: &mut Tables<'_>, base: Seq, scopes: &Scopes) -> Result<(), ApplyError> {
    for fact in tables.ahead()? {
        let cursor = match tables.record(&fact.record)? {
            Some((_, blob)) => cursor_at(scopes, base, &fact.record, &blob)?,
            None => None,
        };
        if cursor.is_none_or(|cursor| cursor >= fact.seq) {
            tables.forget_ahead(&fact)?;
        }
    }
    Ok(())
}

/// A catch-up has brought all that the hub held up to `end`. Facts beyond it that an earlier run of the hub told, up to
/// `unsure`, are in no history any more: the hub was restored.
pub(super) fn forget_lost(tables: &mut Tables<'_>, end: Seq, unsure: Seq) -> Result<(), StoreError> {
    for fact in tables.ahead()? {
        if fact.seq > end && fact.seq <= unsure {
            tables.forget_ahead(&fact)?;
        }
    }
    Ok(())
}

/// Up to where the scope is applied in which a record is held.
fn cursor_at(scopes: &Scopes, base: Seq, record: &[u8], blob: &[u8]) -> Result<Option<Seq>, StoreError> {
    let corrupt = |error| StoreError::corrupt("records-1", error);
    let namespace = RecordKey::decode(record).map_err(corrupt)?.namespace;
    let task = Blob::parse(blob).map_err(corrupt)?.head.task;
    let mut rows = scopes.values();
    let row = rows.find(|row| row.scope.namespace == namespace && Some(&row.scope.task) == task.as_ref());
    Ok(row.map(|row| row.cursor.max(base)))
}
