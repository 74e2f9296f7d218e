//! Rows become records: one commit of the database, or all that it holds, becomes one commit of the hub.

mod edge_writes;
mod rows;
mod tally;

use super::history::Source;
use super::lsn::Lsn;
use super::mapping::Mapping;
use super::record::assemble;
use super::spool::{Spool, SpoolError};
use crate::import_file::ImportedRecord;
use crate::registry::Removals;
use crate::registry::change::{Outcome, RegistryCommit, Wanted, stamp_after};
use crate::registry::follow::Held;
use crate::registry::statement::{Stated, declaration_to_hold, elements};
use crate::replica::{Commit, CommitError, Replica};
use crate::store::{Bridged, Origin};
use edge_writes::take_edge_writes;
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::epoch::{Life, Position, Seq};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::schema::{ATTRIBUTES_MAX, Kind, Rule};
use headland_shared::session::Now;
use rows::{fields_of, take_rows};
use std::ops::ControlFlow;
use tally::Tally;

/// How many reasons for what was left out are told.
const REASONS_MAX: usize = 5;

/// How much of a database is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All rows that there are.
    Whole,
    /// What one commit changed.
    Commit {
        /// The transaction's number.
        xid: u32,
    },
    /// Nothing has changed up to the position.
    Position,
}

/// What the database said.
#[derive(Debug)]
pub struct RowsHeard {
    /// Which history it has.
    pub source: Source,
    /// The life of the registry that this history is.
    pub life: Life,
    /// The replication slot.
    pub slot: String,
    /// Up to here in the database's log.
    pub end: Lsn,
    /// When, in milliseconds since 1970 by the database's clock.
    pub at_ms: u64,
    /// How much it is.
    pub extent: Extent,
    /// The rows.
    pub rows: Spool,
    /// The names of the requests whose transaction it is.
    pub requests: Vec<String>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BridgeApplied {
    /// The commit's seq; nothing when the catalogue held all of it.
    pub seq: Option<Seq>,
    /// Models that are new.
    pub new: u64,
    /// Models that changed.
    pub changed: u64,
    /// Models that are gone.
    pub gone: u64,
    /// What the catalogue cannot hold: how much, and some of the reasons.
    pub left_out: (u64, Vec<String>),
}

impl BridgeApplied {
    /// Counts what the catalogue cannot hold, and keeps some of the reasons.
    fn leave_out(&mut self, reasons: &mut Vec<String>) {
        self.left_out.0 += reasons.len() as u64;
        reasons.truncate(REASONS_MAX.saturating_sub(self.left_out.1.len()));
        self.left_out.1.append(reasons);
    }
}

/// Why it was not applied. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The rows cannot be read again.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// It does not go on where this hub stands.
    #[error("following the database: what it says does not follow on what is held here; everything is read anew")]
    Gap,
    /// It would withdraw too much.
    #[error("following the database: {0}")]
    Held(Held),
}

/// Takes over what the database said as one commit, together with the position in the database's log: so its effect
/// comes once, however often it is said.
pub fn apply(
    replica: &mut Replica,
    mapping: &Mapping,
    heard: &mut RowsHeard,
    removals: Removals,
    now: Now,
) -> Result<BridgeApplied, BridgeError> {
    let applied = apply_each(replica, mapping, std::slice::from_mut(heard), removals, now)?;
    Ok(applied.into_iter().next().unwrap_or_default())
}

/// Does so with each of several commits of the database, with one wait for the disk. If one cannot be taken over, none is.
pub fn apply_each(
    replica: &mut Replica,
    mapping: &Mapping,
    heard: &mut [RowsHeard],
    removals: Removals,
    now: Now,
) -> Result<Vec<BridgeApplied>, BridgeError> {
    let made = replica.commit_each(now, heard, |commit, heard| take_over(commit, mapping, heard, removals))?;
    let applied = made.into_iter().map(|(mut applied, committed)| {
        applied.seq = committed.map(|committed| committed.seq);
        applied
    });
    Ok(applied.collect())
}

fn take_over(
    commit: &mut Commit<'_, '_>,
    mapping: &Mapping,
    heard: &mut RowsHeard,
    removals: Removals,
) -> Result<BridgeApplied, BridgeError> {
    let before = commit.tables.bridged()?;
    let (held, stamp) = (commit.numbers.registry(), commit.numbers.stamp);
    let whole = heard.extent == Extent::Whole;
    let goes_on = before.as_ref().is_some_and(|at| {
        (at.system, at.timeline, at.life, at.mapping)
            == (
                heard.source.system,
                heard.source.timeline,
                heard.life,
                mapping.fingerprint(),
            )
            && at.durable < heard.end.0
    });
    let registry = Position {
        life: heard.life,
        number: heard.end.0,
    };
    if !whole && !goes_on || commit.numbers.revision > 0 && registry <= held {
        return Err(BridgeError::Gap);
    }
    let bridged = Bridged {
        system: heard.source.system,
        timeline: heard.source.timeline,
        slot: heard.slot.clone(),
        durable: heard.end.0,
        life: heard.life,
        witness: match heard.extent {
            Extent::Commit { xid } => Some((heard.end.0, xid)),
            Extent::Whole => None,
            Extent::Position => before.and_then(|at| at.witness),
        },
        mapping: mapping.fingerprint(),
    };
    let mut applied = BridgeApplied::default();
    if heard.extent == Extent::Position {
        commit.bridge(&bridged, registry, stamp)?;
    } else {
        applied = build(commit, mapping, heard, &bridged, removals)?;
    }
    if commit.is_empty() {
        // What differs is nothing that anybody sees, and needs no seq; but it says how far the registry is known.
        commit.tables.set_registry(registry, stamp)?;
    }
    let seq = (!commit.is_empty()).then(|| commit.seq());
    for request in &heard.requests {
        commit.tables.land_request(request, registry, seq)?;
    }
    Ok(applied)
}

fn build(
    commit: &mut Commit<'_, '_>,
    mapping: &Mapping,
    heard: &mut RowsHeard,
    bridged: &Bridged,
    removals: Removals,
) -> Result<BridgeApplied, BridgeError> {
    let mut tally = Tally::of(commit);
    let mut touched = take_rows(commit.tables, mapping, heard)?;
    if heard.extent == Extent::Whole {
        touched.extend(alive(commit)?);
        commit.tables.set_restored(None)?;
    }
    let registry = Position {
        life: heard.life,
        number: heard.end.0,
    };
    let stamp = stamp_after(commit, heard.at_ms);
    commit.bridge(bridged, registry, stamp)?;
    let mut registry_commit = RegistryCommit::taken_over(commit);
    let mut applied = BridgeApplied::default();
    for key in touched {
        let outcome = remake(&mut registry_commit, mapping, &key, &mut applied)?;
        if outcome == Outcome::Gone {
            tally.count_gone(&key.namespace);
        }
    }
    if let Some(held) = tally.too_many(registry).filter(|_| removals == Removals::Braked) {
        return Err(BridgeError::Held(held));
    }
    (applied.new, applied.changed, applied.gone) = (registry_commit.new, registry_commit.changed, registry_commit.gone);
    if !registry_commit.commit.is_empty() {
        registry_commit.finish(Origin::Database(heard.end.0))?;
    }
    // No part of the registry's commit, whose history does not name it.
    take_edge_writes(commit, mapping, heard, &mut applied)?;
    Ok(applied)
}

/// Makes a record anew from its rows, and says what differs.
fn remake(
    registry: &mut RegistryCommit<'_, '_, '_>,
    mapping: &Mapping,
    key: &RecordKey,
    applied: &mut BridgeApplied,
) -> Result<Outcome, BridgeError> {
    let stored = registry.commit.tables.rows_of(key)?;
    let rows = stored.iter().map(|(table, row)| Ok((*table, fields_of(row)?)));
    let assembled = assemble(mapping, key, &rows.collect::<Result<Vec<_>, StoreError>>()?);
    let mut left_out = assembled.left_out;
    let held = registry.held(key)?;
    let wanted = match assembled.record {
        Some(mut record) => {
            declare(registry.commit, &mut record, &mut left_out)?;
            elements(registry.commit, &held, record, Stated::Everything)
        }
        None if held.alive => vec![Wanted::new(ElementKey::Life, None)],
        None => Vec::new(),
    };
    applied.leave_out(&mut left_out);
    Ok(registry.set(key, &held, wanted)?)
}

/// Declares what the record needs, and takes out what cannot be declared.
fn declare(
    commit: &mut Commit<'_, '_>,
    record: &mut ImportedRecord,
    left_out: &mut Vec<String>,
) -> Result<(), CommitError> {
    let mut unheld = Vec::new();
    for (name, value) in &record.attributes {
        if commit.declaration(name).map(|declaration| declaration.rule) == Some(Rule::Counter) {
            unheld.push((name.clone(), "is counted by devices"));
            continue;
        }
        let Some(declaration) = Kind::of(value).and_then(|kind| declaration_to_hold(commit, name, kind)) else {
            continue;
        };
        if !commit.attributes.contains_key(name) && commit.attributes.len() >= ATTRIBUTES_MAX {
            unheld.push((name.clone(), "is one too many for this catalogue"));
            continue;
        }
        commit.declare(name, declaration)?;
    }
    for (name, why) in unheld {
        record.attributes.remove(&name);
        left_out.push(format!("model {}: attribute {name} {why}", record.key));
    }
    Ok(())
}

/// The records that the registry holds.
fn alive(commit: &Commit<'_, '_>) -> Result<Vec<RecordKey>, StoreError> {
    let mut keys = Vec::new();
    commit.tables.each_handle(&[], None, |handle| {
        if let Some((key, blob)) = commit.tables.record(handle)?
            && Blob::parse(&blob).is_ok_and(|blob| blob.head.task.is_some())
        {
            keys.push(key);
        }
        Ok::<_, StoreError>(ControlFlow::Continue(()))
    })?;
    Ok(keys)
}
