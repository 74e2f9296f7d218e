//! Rows become records: one commit of the database, or all that it holds, becomes one commit of the hub.

use super::history::Source;
use super::lsn::Lsn;
use super::mapping::Mapping;
use super::record::assemble;
use super::row::{Field, RowChange};
use super::spool::{Spool, SpoolError};
use crate::import_file::ImportedRecord;
use crate::registry::change::{Outcome, RegistryCommit, Wanted, stamp_after};
use crate::registry::follow::Held;
use crate::registry::statement::{Stated, declaration_to_hold, elements};
use crate::registry::{REMOVALS_PERCENT_MAX, Removals};
use crate::replica::{Commit, CommitError, Replica};
use crate::store::{Bridged, Origin, Tables, Writing};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::epoch::{Life, Position, Seq};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::Namespace;
use headland_shared::schema::{ATTRIBUTES_MAX, Kind, Rule};
use headland_shared::session::Now;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// A commit that takes away a single model is somebody's decision, however few models there are.
const REMOVALS_MIN: u64 = 2;
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
    let views = replica.store().read()?;
    let (numbers, before) = (views.numbers()?, views.bridged()?);
    drop(views);
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
    if !whole && !goes_on || numbers.revision > 0 && registry <= numbers.registry() {
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
    if whole || !heard.rows.is_empty() {
        let built = replica.commit(now, |commit| build(commit, mapping, heard, &bridged, removals))?;
        if let (mut applied, Some(committed)) = built {
            applied.seq = Some(committed.seq);
            return Ok(applied);
        }
    }
    // What differs is nothing that anybody sees, and needs no seq; but it says how far the registry is known.
    replica.store().write(|tables| {
        take_rows(tables, mapping, heard)?;
        tables.set_registry(registry, numbers.stamp)?;
        tables.set_bridged(&bridged)?;
        Ok::<_, BridgeError>(BridgeApplied::default())
    })
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
    applied.left_out.0 += left_out.len() as u64;
    left_out.truncate(REASONS_MAX.saturating_sub(applied.left_out.1.len()));
    applied.left_out.1.append(&mut left_out);
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

/// Keeps the rows, and says which records they touch.
fn take_rows(
    tables: &mut Tables<Writing<'_>>,
    mapping: &Mapping,
    heard: &mut RowsHeard,
) -> Result<BTreeSet<RecordKey>, BridgeError> {
    let mut touched = BTreeSet::new();
    if heard.extent == Extent::Whole {
        tables.clear_rows(None, |_| {})?;
    }
    heard
        .rows
        .each(|change| take_row(tables, mapping, change, &mut touched))?;
    Ok(touched)
}

fn take_row(
    tables: &mut Tables<Writing<'_>>,
    mapping: &Mapping,
    change: RowChange,
    touched: &mut BTreeSet<RecordKey>,
) -> Result<(), BridgeError> {
    let (number, before, row) = match change {
        RowChange::Clear { table } => {
            tables.clear_rows(Some(table), |record| {
                touched.insert(record);
            })?;
            return Ok(());
        }
        RowChange::Remove { table, key } => (table, Some(key), None),
        RowChange::Put { table, before, row } => (table, before, Some(row)),
    };
    let table = mapping.tables().get(usize::from(number)).ok_or(BridgeError::Gap)?;
    let named = |fields: &[Field]| Some((table.record(fields)?, encoded(fields.get(..table.keys)?)));
    let earlier = before.as_deref().or(row.as_deref()).and_then(named);
    let mut row = row;
    if let Some(row) = row.as_mut().filter(|row| row.contains(&Field::Unchanged)) {
        let (record, name) = earlier.as_ref().ok_or(BridgeError::Gap)?;
        let known = tables.row(record, number, name)?.ok_or(BridgeError::Gap)?;
        for (field, known) in row.iter_mut().zip(fields_of(&known)?) {
            if *field == Field::Unchanged {
                *field = known;
            }
        }
    }
    if let Some((record, name)) = earlier.filter(|_| before.is_some())
        && tables.remove_row(&record, number, &name)?
    {
        touched.insert(record);
    }
    if let Some(row) = row
        && let Some((record, name)) = named(&row)
    {
        tables.set_row(&record, number, &name, &encoded(&row))?;
        touched.insert(record);
    }
    Ok(())
}

fn encoded(fields: &[Field]) -> Vec<u8> {
    postcard::to_allocvec(fields).expect("plain data always serialises")
}

fn fields_of(row: &[u8]) -> Result<Vec<Field>, StoreError> {
    postcard::from_bytes(row).map_err(|error| StoreError::corrupt("rows-1", error))
}

/// How many models of each namespace there are, and how many of them go.
#[derive(Debug, Default)]
struct Tally {
    namespaces: BTreeMap<Namespace, (u64, u64)>,
}

impl Tally {
    fn of(commit: &Commit<'_, '_>) -> Self {
        let mut tally = Self::default();
        for row in commit.scopes.values() {
            tally.namespaces.entry(row.scope.namespace.clone()).or_default().0 += row.models;
        }
        tally
    }

    fn count_gone(&mut self, namespace: &Namespace) {
        self.namespaces.entry(namespace.clone()).or_default().1 += 1;
    }

    /// What the brake holds back, if it must.
    fn too_many(self, registry: Position) -> Option<Held> {
        let worst = self
            .namespaces
            .into_iter()
            .filter(|(_, (held, gone))| *gone >= REMOVALS_MIN && gone * 100 > held * REMOVALS_PERCENT_MAX)
            .max_by_key(|(_, (_, gone))| *gone);
        worst.map(|(namespace, (held, gone))| Held {
            registry,
            namespace,
            gone,
            held,
        })
    }
}
