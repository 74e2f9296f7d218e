//! A census: what the hub holds of some patterns, summed up in a sketch that follows each change.
//!
//! All agents that follow the same are compared with the same one, so that a comparison costs the hub a subtraction
//! and the decoding, and not a look at every record.

use super::merge::each_followed;
use crate::store::{ScopeRow, Views};
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::delta::{Handle, ScopeAlias};
use headland_shared::digest::Digest;
use headland_shared::epoch::{Mark, Seq};
use headland_shared::kept::Kept;
use headland_shared::scope::{Follow, Scope};
use headland_shared::sketch::{Salt, Sketch};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

/// A record as the sketch sees it.
#[derive(Debug, Clone, Copy)]
struct Counted {
    id: u32,
    state: Digest,
}

/// What is held of some patterns, at one seq.
#[derive(Debug)]
pub(super) struct Census {
    follow: Vec<Follow>,
    salt: Salt,
    seq: Seq,
    /// The records of the followed scopes.
    records: BTreeMap<Handle, Counted>,
    /// The positions of all records that the hub has ever known, with the record's number.
    known: HashMap<u32, Vec<Handle>>,
    next_handle: Handle,
    sketch: Sketch,
}

impl Census {
    /// Counts everything.
    pub(super) fn take(views: &Views, follow: &[Follow], salt: Salt) -> Result<Self, StoreError> {
        let mut census = Self {
            follow: follow.to_vec(),
            salt,
            seq: Seq::START,
            records: BTreeMap::new(),
            known: HashMap::new(),
            next_handle: 0,
            sketch: Sketch::default(),
        };
        census.update(views)?;
        Ok(census)
    }

    /// Whether this is the census of these patterns.
    pub(super) fn is_of(&self, follow: &[Follow]) -> bool {
        self.follow == follow
    }

    /// Whether changes since it was taken were forgotten, so that it cannot follow them.
    pub(super) fn is_below_floor(&self, scopes: &BTreeMap<ScopeAlias, ScopeRow>) -> bool {
        let mut followed = each_followed(scopes, &self.follow);
        self.seq > Seq::START && followed.any(|row| row.floor > self.seq)
    }

    /// Follows what has changed since.
    pub(super) fn update(&mut self, views: &Views) -> Result<(), StoreError> {
        let (scopes, numbers) = (views.scopes()?, views.numbers()?);
        let mut changed = BTreeSet::new();
        for row in each_followed(&scopes, &self.follow) {
            views.each_change(row.alias, Mark::after(self.seq), numbers.head.seq, |change| {
                changed.insert(change.mark.handle);
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            })?;
        }
        for handle in self.next_handle..numbers.next_handle {
            if let Some((key, _)) = views.record(handle)? {
                self.known.entry(self.salt.id(&key.encoded())).or_default().push(handle);
            }
        }
        for handle in changed {
            self.recount(views, handle)?;
        }
        self.next_handle = numbers.next_handle;
        self.seq = numbers.head.seq;
        Ok(())
    }

    fn recount(&mut self, views: &Views, handle: Handle) -> Result<(), StoreError> {
        let corrupt = |error: DecodeError| StoreError::corrupt("records-1", error);
        if let Some(old) = self.records.remove(&handle) {
            self.sketch.remove(old.id, self.salt.hash(old.state));
        }
        let Some((key, bytes)) = views.record(handle)? else {
            return Ok(());
        };
        let blob = Blob::parse(&bytes).map_err(corrupt)?;
        let scope = blob.head.task.clone().map(|task| Scope {
            namespace: key.namespace.clone(),
            task,
        });
        if scope.is_some_and(|scope| self.follow.iter().any(|follow| follow.matches(&scope))) {
            let key = key.encoded();
            let counted = Counted {
                id: self.salt.id(&key),
                state: blob.digest(&key).map_err(corrupt)?,
            };
            self.sketch.add(counted.id, self.salt.hash(counted.state));
            self.records.insert(handle, counted);
        }
        Ok(())
    }

    /// How many records are held.
    pub(super) fn len(&self) -> u64 {
        self.records.len() as u64
    }

    /// The seq at which everything here holds.
    pub(super) fn seq(&self) -> Seq {
        self.seq
    }

    /// The positions of the records that a follower holds otherwise, if so few cells tell.
    pub(super) fn differ(&mut self, theirs: &Sketch) -> Option<BTreeSet<u32>> {
        if self.sketch.len() < theirs.len() {
            let hashes = self.records.values().map(|one| (one.id, self.salt.hash(one.state)));
            self.sketch.extend(theirs.len(), hashes);
        }
        let difference = self.sketch.minus(theirs);
        headland_shared::sketch::decode(difference, |id| self.known.contains_key(&id)).ok()
    }

    /// The records at these positions.
    pub(super) fn handles_of(&self, ids: &BTreeSet<u32>) -> BTreeSet<Handle> {
        ids.iter()
            .filter_map(|id| self.known.get(id))
            .flatten()
            .copied()
            .collect()
    }

    /// What a follower keeps that holds all but these alike.
    pub(super) fn kept(&self, views: &Views, differ: &BTreeSet<u32>) -> Result<Kept, StoreError> {
        let mut kept = Kept {
            salt: self.salt,
            digest: Digest::default(),
            differ: differ.iter().copied().collect(),
            handles: Vec::with_capacity(self.records.len()),
        };
        views.each_handle(&[], None, |handle| {
            if let Some(one) = self.records.get(&handle).filter(|one| !differ.contains(&one.id)) {
                kept.digest.add(one.state);
                kept.handles.push(handle);
            }
            Ok::<_, StoreError>(ControlFlow::Continue(()))
        })?;
        Ok(kept)
    }
}
