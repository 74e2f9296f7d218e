//! Applying what the hub sends: parts of a catch-up and groups of live batches, each in one transaction.

mod error;
mod finish;

pub use error::ApplyError;

use super::seen::Seen;
use super::{Replica, overlay};
use crate::store::{Commit, ScopeRow, StagedHead, Tables};
use headland_host::tables::StoreError;
use headland_shared::blob::{self, Change, Tombstones};
use headland_shared::defect::{Defect, planted};
use headland_shared::delta::{self, Delta, Known, RecordChange, ScopeAlias};
use headland_shared::digest::Digest;
use headland_shared::epoch::{Epoch, Head, Life, Mark, Seq};
use headland_shared::kept::Kept;
use headland_shared::key::RecordKey;
use headland_shared::message::{Batch, Part, Welcome};
use headland_shared::name::{AttributeName, ModelName};
use headland_shared::scope::{Follow, Scope};
use headland_shared::session::Now;
use headland_shared::stub::is_stub;
use std::collections::{BTreeMap, BTreeSet};

/// A resync that would delete more than one in this many records waits until the hub says that it is complete.
const DELETES_PART_MAX: u64 = 10;

/// A transaction's view of scopes and numbers, which it changes as it goes.
pub(super) struct Applying<'a, 'tx> {
    pub(super) tables: &'a mut Tables<'tx>,
    scopes: BTreeMap<ScopeAlias, ScopeRow>,
    attributes: BTreeMap<u32, AttributeName>,
    follow: &'a [Follow],
    epoch: Epoch,
    /// The registry's life in what is held here.
    life: Life,
    /// In a snapshot: the keys of the records that it holds so far.
    pub(super) replaced: Option<BTreeSet<Vec<u8>>>,
    /// Records that changed, came or went.
    touched: u64,
    /// How far the registry was seen.
    seen: Seen,
}

impl Replica {
    pub(super) fn begin(&mut self, welcome: Welcome) -> Result<(), StoreError> {
        if self.begun_by != Some(welcome.boot) {
            self.ahead_unsure = self.store.read()?.ahead_through()?;
            self.begun_by = Some(welcome.boot);
        }
        let head = StagedHead::of(&welcome);
        self.begun = Some((welcome, head));
        Ok(())
    }

    /// Holds a part durably. What an earlier, other catch-up had staged goes in the same transaction.
    pub(super) fn stage(&mut self, part: &Part) -> Result<(), ApplyError> {
        let Some((welcome, head)) = &mut self.begun else {
            return Ok(());
        };
        let goes_on = self
            .store
            .read()?
            .staged()?
            .filter(|staged| continues(staged, head, part.from));
        let mut next = goes_on.unwrap_or(StagedHead { parts: 0, ..*head });
        next.parts += 1;
        next.to = part.to;
        let boot = welcome.boot;
        self.store.write(|tables| {
            if goes_on.is_none() {
                tables.clear_staging()?;
                tables.set_staged_under(boot)?;
            }
            tables.stage(&next, &part.delta)
        })?;
        if planted(Defect::CursorAmidCatchUp)
            && let Some(placed) = &mut self.placed
        {
            placed.base = part.to.seq;
        }
        *head = next;
        Ok(())
    }

    /// Learns the scopes that a live batch introduces, so that the session knows whether to wait for them.
    pub(super) fn note_introductions(&mut self, batch: &Batch) -> Result<(), ApplyError> {
        let current = self
            .placed
            .as_ref()
            .is_some_and(|placed| placed.epoch.tag() == batch.epoch);
        let Some(bytes) = batch.delta.as_ref().filter(|_| current) else {
            return Ok(());
        };
        for introduction in delta::introduced_scopes(bytes)? {
            let followed = self
                .config
                .follow
                .iter()
                .any(|follow| follow.matches(&introduction.scope));
            self.session.introduce(introduction.alias, followed);
        }
        Ok(())
    }

    /// Applies live batches that end at one seq, in one transaction.
    pub(super) fn apply_live(&mut self, group: &[Batch], now: Now) -> Result<(), ApplyError> {
        let Some(mut placed) = self.placed.clone() else {
            return Ok(());
        };
        let before = self.store.read()?.scopes()?;
        let scopes = before.clone();
        let attributes = self.attributes.clone();
        let follow = self.config.follow.as_slice();
        let mut cursors = self.cursors.clone();
        let commit = match self.groups_commits {
            true => Commit::WithTheNext,
            false => Commit::Now,
        };
        let (attributes, touched) = self.store.commit(commit, |tables| {
            let mut applying = Applying {
                tables,
                scopes,
                attributes,
                follow,
                epoch: placed.epoch,
                life: placed.registry.life,
                replaced: None,
                touched: 0,
                seen: Seen::at(placed.registry),
            };
            let mut head = placed.head;
            for batch in lefts_first(group) {
                if let Some(bytes) = &batch.delta {
                    applying.delta(bytes)?;
                }
                applying.advance(batch.scope, batch.to.seq)?;
                cursors.insert(batch.scope, batch.to.seq);
                head = later(head, batch.to);
            }
            applying.keep_scopes(&before)?;
            overlay::settle(applying.tables, placed.base, &applying.scopes)?;
            placed.registry = applying.seen.position();
            let learnt = (applying.attributes, applying.touched);
            placed.head = head;
            tables.set_placed(&placed)?;
            Ok::<_, ApplyError>(learnt)
        })?;
        self.unsynced |= commit == Commit::WithTheNext;
        self.counts.records_changed += touched;
        self.attributes = attributes;
        self.placed = Some(placed);
        self.cursors = cursors;
        self.counts.live_groups += 1;
        self.tell_place();
        self.counts.changes += 1;
        self.session.applied(now.mono);
        Ok(())
    }
}

/// Whether what is staged is the beginning of the catch-up that goes on at `from`.
fn continues(staged: &StagedHead, begun: &StagedHead, from: Mark) -> bool {
    staged.epoch == begun.epoch
        && staged.snapshot == begun.snapshot
        && staged.started == begun.started
        && staged.to == from
        && staged.parts > 0
}

fn later(a: Head, b: Head) -> Head {
    if b.seq > a.seq { b } else { a }
}

/// A record that moves leaves one scope and enters another at the same seq. Either order of the two is right, since
/// leaving only counts where the record still is; the order of aliases makes runs alike.
fn lefts_first(group: &[Batch]) -> Vec<&Batch> {
    let mut batches: Vec<_> = group.iter().collect();
    batches.sort_by_key(|batch| batch.scope);
    batches
}

impl Known for Applying<'_, '_> {
    fn life(&self) -> Option<Life> {
        Some(self.life)
    }

    fn attribute(&self, alias: u32) -> Option<AttributeName> {
        self.attributes.get(&alias).cloned()
    }

    fn name(&self, handle: u32) -> Option<ModelName> {
        // A store that fails here fails again, and is told of, when the record is changed.
        let key = self.tables.key_of(handle).ok()??;
        RecordKey::decode(&key).ok().map(|key| key.name)
    }
}

impl Applying<'_, '_> {
    /// All parts of a catch-up. In a repair the first one says what is kept; the next introduces the hub's numbers.
    fn parts(&mut self, staged: &[Vec<u8>], last: &[u8]) -> Result<(), ApplyError> {
        let mut parts = staged.iter().map(Vec::as_slice).chain([last]).peekable();
        if let Some(first) = parts.next_if(|part| Kept::is_kept(part)) {
            if let Some(next) = parts.peek() {
                self.learn(&delta::read(next, self)?)?;
            }
            self.keep(&Kept::decode(first)?)?;
        }
        parts.try_for_each(|part| self.delta(part))
    }

    fn delta(&mut self, bytes: &[u8]) -> Result<(), ApplyError> {
        let delta = delta::read(bytes, self)?;
        self.learn(&delta)?;
        self.seen.note(&delta.records);
        for record in delta.records {
            match record.change {
                RecordChange::Left(scope) => self.left(scope, record.handle)?,
                RecordChange::Changed(elements) => self.changed(record.handle, elements)?,
                RecordChange::Whole(scope, name, elements) => {
                    let scope = self.scope(scope)?.scope.clone();
                    let key = RecordKey {
                        namespace: scope.namespace.clone(),
                        name,
                    };
                    self.whole(&scope, record.handle, &key.encoded(), elements)?;
                }
            }
        }
        Ok(())
    }

    fn learn(&mut self, delta: &Delta) -> Result<(), ApplyError> {
        for introduction in &delta.scopes {
            if self.scopes.contains_key(&introduction.alias) {
                continue;
            }
            let row = ScopeRow {
                followed: self.follow.iter().any(|follow| follow.matches(&introduction.scope)),
                scope: introduction.scope.clone(),
                cursor: Seq::START,
                digest: Digest::default(),
            };
            self.tables.set_scope(introduction.alias, &row)?;
            self.scopes.insert(introduction.alias, row);
        }
        for attribute in &delta.attributes {
            self.tables.learn_attribute(attribute)?;
            self.attributes.insert(attribute.alias, attribute.name.clone());
        }
        Ok(())
    }

    fn scope(&mut self, alias: ScopeAlias) -> Result<&mut ScopeRow, ApplyError> {
        let unknown = ApplyError::UnknownNumber {
            what: "scope",
            number: alias,
        };
        self.scopes.get_mut(&alias).ok_or(unknown)
    }

    /// The digest of the scope in which a record is.
    pub(super) fn digest_of(&mut self, key: &[u8], head: &blob::Head) -> Option<&mut Digest> {
        let namespace = RecordKey::decode(key).ok()?.namespace;
        let task = head.task.as_ref()?;
        let row = self
            .scopes
            .values_mut()
            .find(|row| row.scope.namespace == namespace && row.scope.task == *task);
        row.map(|row| &mut row.digest)
    }

    fn left(&mut self, alias: ScopeAlias, handle: u32) -> Result<(), ApplyError> {
        let scope = self.scope(alias)?.scope.clone();
        let Some(key) = self.tables.key_of(handle)? else {
            return Ok(());
        };
        let Some((_, bytes)) = self.tables.record(&key)? else {
            return Ok(());
        };
        let held = blob::Blob::parse(&bytes)?;
        let here =
            RecordKey::decode(&key)?.namespace == scope.namespace && held.head.task.as_ref() == Some(&scope.task);
        if !here {
            return Ok(());
        }
        let gone = held.digest(&key)?;
        if let Some(digest) = self.digest_of(&key, &held.head) {
            digest.remove(gone);
        }
        if let Some(replaced) = &mut self.replaced {
            replaced.remove(&key);
        }
        self.touched += 1;
        Ok(self.tables.remove_record(handle, &key)?)
    }

    fn changed(&mut self, handle: u32, elements: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), ApplyError> {
        let unknown = ApplyError::UnknownNumber {
            what: "record",
            number: handle,
        };
        let Some(key) = self.tables.key_of(handle)? else {
            return Err(unknown);
        };
        let (_, old) = self.tables.record(&key)?.ok_or(unknown)?;
        let held = blob::Blob::parse(&old)?;
        if held.is_stub()? != is_stub(&elements) {
            return Err(ApplyError::Filtered);
        }
        let head = held.head;
        let patched = blob::patch(&key, Some(&old), &head, changes(elements), Tombstones::Drop)?;
        if let Some(digest) = self.digest_of(&key, &head) {
            digest.remove(patched.before);
            digest.add(patched.after);
        }
        self.touched += 1;
        Ok(self.tables.set_record(handle, &key, &patched.bytes)?)
    }

    fn whole(
        &mut self,
        scope: &Scope,
        handle: u32,
        key: &[u8],
        elements: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<(), ApplyError> {
        let counted = self.replaced.as_ref().is_none_or(|replaced| replaced.contains(key));
        let before = self.tables.record(key)?;
        if let Some((old_handle, old)) = &before {
            let held = blob::Blob::parse(old)?;
            // In a snapshot the digests begin at nothing, so what was here before does not count.
            if counted {
                let gone = held.digest(key)?;
                if let Some(digest) = self.digest_of(key, &held.head) {
                    digest.remove(gone);
                }
            }
            // In a snapshot of another epoch its old number may be another record's by now.
            if *old_handle != handle && self.tables.key_of(*old_handle)?.as_deref() == Some(key) {
                self.tables.remove_record(*old_handle, key)?;
            }
        }
        let head = blob::Head {
            task: Some(scope.task.clone()),
            ..blob::Head::default()
        };
        let patched = blob::patch(key, None, &head, changes(elements), Tombstones::Drop)?;
        if let Some(digest) = self.digest_of(key, &head) {
            digest.add(patched.after);
        }
        if let Some(replaced) = &mut self.replaced {
            replaced.insert(key.to_vec());
        }
        self.touched += u64::from(before.is_none_or(|(_, old)| old != patched.bytes));
        Ok(self.tables.set_record(handle, key, &patched.bytes)?)
    }

    /// After a snapshot: what it does not hold goes, unless that is much and the hub does not have everything.
    fn drop_the_rest(&mut self, complete: bool) -> Result<(), ApplyError> {
        let Some(replaced) = &self.replaced else {
            return Ok(());
        };
        let (records, deletes) = self.tables.retain_records(|key| replaced.contains(key))?;
        let guarded = !complete && !planted(Defect::ResyncFromEmptyHub);
        if guarded && deletes * DELETES_PART_MAX > records {
            return Err(ApplyError::Held { deletes, records });
        }
        self.touched += deletes;
        Ok(())
    }

    /// After a catch-up all scopes stand at its end.
    fn settle_scopes(&mut self, end: Seq) -> Result<(), ApplyError> {
        debug_assert_ne!(self.epoch, Epoch::default(), "a catch-up belongs to an epoch");
        for (alias, row) in &mut self.scopes {
            row.cursor = end;
            self.tables.set_scope(*alias, row)?;
        }
        Ok(())
    }

    /// After a live batch its scope stands at its end.
    fn advance(&mut self, alias: ScopeAlias, to: Seq) -> Result<(), ApplyError> {
        self.scope(alias)?.cursor = to;
        Ok(())
    }

    /// Writes the rows of scopes that are not as they were: with other cursors, and with other digests.
    fn keep_scopes(&mut self, before: &BTreeMap<ScopeAlias, ScopeRow>) -> Result<(), ApplyError> {
        for (alias, row) in &self.scopes {
            if before.get(alias) != Some(row) {
                self.tables.set_scope(*alias, row)?;
            }
        }
        Ok(())
    }
}

fn changes(elements: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<Change> {
    let change = |(key, state)| Change {
        key,
        seq: Seq::START,
        state,
    };
    elements.into_iter().map(change).collect()
}
