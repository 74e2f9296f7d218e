//! The following end: an answer of the leading hub becomes one commit of this one.

mod brake;
mod record;

use super::encoding::Changes;
use crate::registry::Removals;
use crate::replica::{Commit, CommitError, Replica};
use crate::store::{CommitRow, Followed, Numbers, Origin};
use brake::removals;
use headland_host::tables::StoreError;
use headland_shared::bytes::{DecodeError, Reader};
use headland_shared::epoch::{Position, Seq};
use headland_shared::key::RecordKey;
use headland_shared::name::{AttributeName, Namespace};
use headland_shared::schema::Declaration;
use headland_shared::session::Now;
use record::{Become, silenced, told};
use std::collections::BTreeMap;

/// How far the leading hub's order may run ahead, by what devices write there, before the new position is worth a
/// write of its own: far less than the lineages that a hub keeps, so that a position never becomes unknown.
const POSITION_EVERY: u64 = 1_000;

/// What an answer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// The commit's seq; nothing when this hub held all of it.
    pub seq: Option<Seq>,
    /// Models that are new.
    pub new: u64,
    /// Models that changed.
    pub changed: u64,
    /// Models that are gone.
    pub gone: u64,
}

/// Why a leading registry is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    /// It has never said anything.
    Empty,
    /// It is in a life that came before the one that is held here.
    Life {
        /// What is held here.
        held: Position,
        /// Where it stands.
        leads: Position,
    },
    /// It is the same life, at an earlier revision.
    Revision {
        /// What is held here.
        held: Position,
        /// Where it stands.
        leads: Position,
    },
}

/// An answer that would withdraw too much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Where the registry stands that says so.
    pub registry: Position,
    /// The namespace that it would hurt most.
    pub namespace: Namespace,
    /// How many models of it would go.
    pub gone: u64,
    /// How many it holds.
    pub held: u64,
}

/// Why an answer was not applied. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The answer cannot be read.
    #[error("applying what the leading hub said: {0}; update this hub, or check which program serves the socket")]
    Content(#[from] DecodeError),
    /// It does not go on where this hub stands.
    #[error("applying what the leading hub said: it does not follow on what is held here; it is asked for again")]
    Gap,
    /// The leading registry must not be believed.
    #[error("applying what the leading hub said: {0}")]
    Behind(Behind),
    /// It would withdraw too much.
    #[error("applying what the leading hub said: {0}")]
    Held(Held),
}

/// Takes an answer over as one commit, with the registry's own positions and stamps, together with the position in the
/// leading hub's order: so its effect comes once, however often it is applied.
pub fn apply(replica: &mut Replica, changes: &Changes, removals: Removals, now: Now) -> Result<Applied, FollowError> {
    let views = replica.store().read()?;
    let (numbers, before) = (views.numbers()?, views.followed()?);
    drop(views);
    if let Some(behind) = behind(&numbers, changes) {
        return Err(FollowError::Behind(behind));
    }
    let follows_on = before.is_some_and(|at| at.epoch == changes.epoch && Some(at.head.seq) == changes.after);
    if changes.after.is_some() && !follows_on {
        return Err(FollowError::Gap);
    }
    let followed = Followed {
        epoch: changes.epoch,
        head: changes.head,
    };
    let (mut applied, committed) = replica.commit(now, |commit| build(commit, changes, &followed, removals))?;
    applied.seq = committed.map(|committed| committed.seq);
    let moved = before.is_none_or(|at| {
        at.epoch != followed.epoch
            || changes.after.is_none()
            || !changes.records.is_empty()
            || numbers.registry() != changes.registry
            || followed.head.seq.0.saturating_sub(at.head.seq.0) > POSITION_EVERY
    });
    if committed.is_none() && moved {
        replica.store().write(|tables| {
            tables.set_registry(changes.registry, changes.stamp)?;
            tables.set_followed(&followed)
        })?;
    }
    Ok(applied)
}

/// Why the registry of an answer must not be believed, if it must not.
fn behind(held: &Numbers, changes: &Changes) -> Option<Behind> {
    let (here, there) = (held.registry(), changes.registry);
    if !changes.complete || there.number == 0 {
        return Some(Behind::Empty);
    }
    // A registry that has said nothing here has nothing to lose, whatever life it would have had.
    if held.revision == 0 || there >= here {
        return None;
    }
    let (held, leads) = (here, there);
    Some(if there.life == here.life {
        Behind::Revision { held, leads }
    } else {
        Behind::Life { held, leads }
    })
}

fn build(
    commit: &mut Commit<'_, '_>,
    changes: &Changes,
    followed: &Followed,
    allowed: Removals,
) -> Result<Applied, FollowError> {
    for (name, declaration) in &changes.declarations {
        let name = AttributeName::new(name.as_str()).map_err(|_| DecodeError::Invalid("attribute name"))?;
        let declaration = Declaration::decode(&mut Reader::new(declaration))?;
        commit.declare(&name, declaration)?;
    }
    let whole = changes.after.is_none();
    let mut said = BTreeMap::new();
    for record in &changes.records {
        said.insert(RecordKey::decode(&record.key)?, record.elements.as_slice());
    }
    let silent = if whole {
        removals(commit, &said, changes.registry, allowed)?
    } else {
        Vec::new()
    };
    let mut applied = Applied::default();
    for (record, elements) in said {
        let outcome = told(commit, &record, elements, whole.then_some(changes.registry))?;
        count(&mut applied, outcome);
    }
    for record in silent {
        let outcome = silenced(commit, &record, changes.registry)?;
        count(&mut applied, outcome);
    }
    commit.follow(followed, changes.registry, changes.stamp)?;
    if !commit.is_empty() {
        let row = CommitRow {
            revision: changes.registry.number,
            at_ms: changes.stamp.ms(),
            origin: Origin::Follow(changes.head.seq.0),
            new: applied.new,
            changed: applied.changed,
            gone: applied.gone,
        };
        let seq = commit.seq();
        commit.tables.add_followed_commit(seq, &row)?;
    }
    Ok(applied)
}

fn count(applied: &mut Applied, what: Become) {
    match what {
        Become::Same => {}
        Become::New => applied.new += 1,
        Become::Changed => applied.changed += 1,
        Become::Gone => applied.gone += 1,
    }
}

impl std::fmt::Display for Behind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("its registry has said nothing yet; import there, or restore it"),
            Self::Life { held, leads } => write!(
                f,
                "its registry is in life {}, and this hub holds a later one ({}); restore it, or begin a new store here",
                life(*leads),
                life(*held)
            ),
            Self::Revision { held, leads } => write!(
                f,
                "its registry is at revision {}, and this hub holds revision {} of the same life; restore it, or import there what it has lost",
                leads.number, held.number
            ),
        }
    }
}

/// A life for people: its number, and what tells it apart from others of that number.
fn life(position: Position) -> String {
    format!("{}-{:08x}", position.life.number(), position.life.0 as u32)
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            namespace, gone, held, ..
        } = self;
        write!(
            f,
            "it would withdraw {gone} of {held} models of namespace {namespace}, more than {} %; look there, then let it happen with `headland-hub release`",
            crate::registry::REMOVALS_PERCENT_MAX
        )
    }
}
