//! Commits: every change of the hub's state, whoever it came from, gets one seq and goes through here.

mod priority;

pub(super) use priority::priority_of;

use super::urgent::Gathered;
use crate::store::{AttributeRow, Bridged, Followed, Numbers, ScopeRow, Tables, UNSCOPED, Writing};
use headland_host::tables::StoreError;
use headland_shared::actor::ActorId;
use headland_shared::blob::{self, Blob, Change, RECORD_BYTES_MAX, Tombstones};
use headland_shared::bytes::DecodeError;
use headland_shared::defect::{Defect, planted};
use headland_shared::delta::ScopeAlias;
use headland_shared::digest::Digest;
use headland_shared::element::State;
use headland_shared::epoch::{Life, Position, Seq};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::AttributeName;
use headland_shared::register::Writer;
use headland_shared::rule;
use headland_shared::schema::{ATTRIBUTES_MAX, Declaration, Priority, Rule};
use headland_shared::scope::{SCOPES_MAX, Scope, TASK_ATTRIBUTES};
use headland_shared::session::lanes::Author;
use headland_shared::stamp::Stamp;
use headland_shared::value::Value;
use std::collections::BTreeMap;

/// Why a commit cannot be made. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored record cannot be read.
    #[error("changing model {record}: its stored form cannot be read ({source}); restore a copy of the hub's store")]
    Stored {
        /// The record.
        record: RecordKey,
        /// What is wrong.
        source: DecodeError,
    },
    /// A record would become too long.
    #[error(
        "changing model {record}: it would have {bytes} bytes, at most {RECORD_BYTES_MAX} are kept; shorten its attributes"
    )]
    RecordTooLong {
        /// The record.
        record: RecordKey,
        /// How long it would be.
        bytes: usize,
    },
    /// There are too many scopes.
    #[error("making scope {0}: a hub holds at most {SCOPES_MAX}; use fewer tasks or namespaces")]
    TooManyScopes(Scope),
    /// There are too many attributes.
    #[error("declaring attribute {0}: a catalogue has at most {ATTRIBUTES_MAX}; put rare facts into one attribute")]
    TooManyAttributes(AttributeName),
}

/// One commit in the making, within a write transaction.
#[derive(Debug)]
pub struct Commit<'a, 'tx> {
    /// The tables of the transaction.
    pub tables: &'a mut Tables<Writing<'tx>>,
    /// The hub's counters; the head is this commit's.
    pub numbers: Numbers,
    /// All scopes.
    pub scopes: BTreeMap<ScopeAlias, ScopeRow>,
    /// All attributes.
    pub attributes: BTreeMap<AttributeName, AttributeRow>,
    registry_before: Position,
    touched: BTreeMap<ScopeAlias, ()>,
    priority: Priority,
    /// What must be told at once.
    pub(super) urgent: Gathered,
    changed: bool,
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its seq.
    pub seq: Seq,
    /// How soon it must travel.
    pub priority: Priority,
    /// Whose it is.
    pub author: Author,
}

impl<'a, 'tx> Commit<'a, 'tx> {
    /// Begins a commit. `random` tells its lineage apart from that of a copy of this store.
    pub fn begin(tables: &'a mut Tables<Writing<'tx>>, random: u64) -> Result<Self, StoreError> {
        let mut numbers = tables.numbers()?;
        numbers.head.seq = numbers.head.seq.next();
        numbers.head.lineage = numbers.head.lineage.chained(numbers.head.seq, random);
        Ok(Self {
            scopes: tables.scopes()?,
            attributes: tables.attributes()?,
            tables,
            registry_before: numbers.registry(),
            numbers,
            touched: BTreeMap::new(),
            priority: Priority::P2,
            urgent: Gathered::default(),
            changed: false,
        })
    }

    /// The commit's seq.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.numbers.head.seq
    }

    /// Whether anything has changed so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.changed
    }

    /// Declares an attribute, or changes its declaration.
    pub fn declare(&mut self, name: &AttributeName, declaration: Declaration) -> Result<(), CommitError> {
        let known = self.attributes.get(name).copied();
        if known.is_some_and(|row| row.declaration == declaration) {
            return Ok(());
        }
        if known.is_none() && self.attributes.len() >= ATTRIBUTES_MAX {
            return Err(CommitError::TooManyAttributes(name.clone()));
        }
        let alias = known.map_or(self.numbers.next_attribute, |row| row.alias);
        if known.is_none() {
            self.numbers.next_attribute += 1;
        }
        let row = AttributeRow {
            alias,
            introduced: self.seq(),
            declaration,
        };
        self.tables.set_attribute(name, &row)?;
        self.attributes.insert(name.clone(), row);
        self.changed = true;
        Ok(())
    }

    /// How an attribute behaves.
    #[must_use]
    pub fn declaration(&self, name: &AttributeName) -> Option<Declaration> {
        let declared = self.attributes.get(name).map(|row| row.declaration);
        declared.or_else(|| Declaration::built_in(name.as_str()))
    }

    /// A record's blob.
    pub fn blob(&self, key: &RecordKey) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(handle) = self.tables.handle(&key.encoded())? else {
            return Ok(None);
        };
        Ok(self.tables.record(handle)?.map(|(_, blob)| blob))
    }

    /// Sets elements of one record to new states: index, digest and scope follow.
    pub fn put(&mut self, record: &RecordKey, elements: Vec<(ElementKey, State)>) -> Result<(), CommitError> {
        if elements.is_empty() {
            return Ok(());
        }
        let key = record.encoded();
        let stored = |source| CommitError::Stored {
            record: record.clone(),
            source,
        };
        let handle = match self.tables.handle(&key)? {
            Some(handle) => handle,
            None => self.next_handle(&key)?,
        };
        let old = self.tables.record(handle)?.map(|(_, blob)| blob);
        let old_head = match &old {
            Some(old) => Blob::parse(old).map_err(stored)?.head,
            None => blob::Head::default(),
        };
        let seq = self.seq();
        let changes: Vec<Change> = elements
            .iter()
            .map(|(key, state)| Change {
                key: key.encoded(),
                seq,
                state: state.encoded(),
            })
            .collect();
        let scope = self.scope_after(record, old.as_deref(), &changes).map_err(stored)?;
        let mut head = blob::Head {
            task: scope.as_ref().map(|scope| scope.task.clone()),
            entered: old_head.entered,
            changed: seq,
        };
        if old_head.task != head.task {
            head.entered = seq;
        }
        let before = old.as_deref().map(Blob::parse).transpose().map_err(stored)?;
        self.note_priorities(
            record,
            &elements,
            &changes,
            before.as_ref(),
            scope.as_ref().filter(|_| old_head.task.is_some()),
        )
        .map_err(stored)?;
        let patched = blob::patch(&key, old.as_deref(), &head, changes, Tombstones::Keep).map_err(stored)?;
        let bytes = patched.bytes.len();
        if bytes > RECORD_BYTES_MAX {
            let record = record.clone();
            return Err(CommitError::RecordTooLong { record, bytes });
        }
        self.tables.set_record(handle, &key, &patched.bytes)?;
        self.changed = true;
        if old_head.task == head.task {
            match scope {
                Some(scope) => {
                    self.changed_within(&scope, old_head.changed, handle, patched.before, patched.after)?;
                }
                None => {
                    let earlier = old.is_some().then_some(old_head.changed);
                    self.tables.set_changed(UNSCOPED, earlier, seq, handle)?;
                }
            }
            return Ok(());
        }
        if let (Some(task), Some(old)) = (&old_head.task, &old) {
            let left = Scope {
                namespace: record.namespace.clone(),
                task: task.clone(),
            };
            let digest = Blob::parse(old).and_then(|old| old.digest(&key)).map_err(stored)?;
            self.leave(&left, old_head.changed, handle, digest)?;
        } else if old.is_some() {
            self.tables.forget_unscoped(old_head.changed, handle)?;
        }
        if let Some(scope) = scope {
            let digest = Blob::parse(&patched.bytes)
                .and_then(|new| new.digest(&key))
                .map_err(stored)?;
            self.enter(&scope, handle, digest)?;
        } else {
            self.tables.set_changed(UNSCOPED, None, seq, handle)?;
        }
        Ok(())
    }

    fn next_handle(&mut self, key: &[u8]) -> Result<u32, StoreError> {
        let handle = self.numbers.next_handle;
        self.numbers.next_handle += 1;
        self.tables.set_handle(key, handle)?;
        Ok(handle)
    }

    /// The scope of a record after its changes; nothing when the registry does not hold it.
    fn scope_after(
        &self,
        record: &RecordKey,
        old: Option<&[u8]>,
        changes: &[Change],
    ) -> Result<Option<Scope>, DecodeError> {
        let old = old.map(Blob::parse).transpose()?;
        let state = |key: Vec<u8>| -> Result<Option<State>, DecodeError> {
            if let Some(change) = changes.iter().rev().find(|change| change.key == key) {
                return State::decode(&change.state).map(Some);
            }
            let held = old.as_ref().map(|old| old.state_of(&key)).transpose()?.flatten();
            held.map(State::decode).transpose()
        };
        let central = |state: Option<State>| match state {
            Some(State::Register(register)) => register
                .write_of(&Writer::Central)
                .and_then(|write| write.value.clone()),
            _ => None,
        };
        if central(state(ElementKey::Life.encoded())?) != Some(Value::Bool(true)) {
            return Ok(None);
        }
        let mut task = None;
        for name in TASK_ATTRIBUTES {
            if let Some(State::Register(register)) = state(ElementKey::encoded_attribute(name))? {
                let reading = rule::read(Rule::Registry, &register, None);
                task = task.or_else(|| reading.value().and_then(Value::as_text).map(ToOwned::to_owned));
            }
        }
        Ok(Some(Scope::of(record.namespace.clone(), task.as_deref())))
    }

    fn scope_row(&mut self, scope: &Scope) -> Result<&mut ScopeRow, CommitError> {
        let known = self
            .scopes
            .values()
            .find(|row| row.scope == *scope)
            .map(|row| row.alias);
        let alias = match known {
            Some(alias) => alias,
            None if self.scopes.len() >= SCOPES_MAX => return Err(CommitError::TooManyScopes(scope.clone())),
            None => {
                let alias = self.numbers.next_scope;
                self.numbers.next_scope += 1;
                let row = ScopeRow {
                    scope: scope.clone(),
                    alias,
                    introduced: self.seq(),
                    head: Seq::START,
                    floor: Seq::START,
                    digest: Digest::default(),
                    models: 0,
                };
                self.scopes.insert(alias, row);
                alias
            }
        };
        self.touched.insert(alias, ());
        let seq = self.seq();
        let row = self.scopes.get_mut(&alias).expect("the alias was just found or made");
        row.head = seq;
        Ok(row)
    }

    fn changed_within(
        &mut self,
        scope: &Scope,
        earlier: Seq,
        handle: u32,
        before: Digest,
        after: Digest,
    ) -> Result<(), CommitError> {
        let seq = self.seq();
        let row = self.scope_row(scope)?;
        row.digest.remove(before);
        row.digest.add(after);
        let alias = row.alias;
        Ok(self.tables.set_changed(alias, Some(earlier), seq, handle)?)
    }

    fn leave(&mut self, scope: &Scope, changed: Seq, handle: u32, digest: Digest) -> Result<(), CommitError> {
        let seq = self.seq();
        let row = self.scope_row(scope)?;
        row.digest.remove(digest);
        row.models = row.models.saturating_sub(1);
        let alias = row.alias;
        if planted(Defect::ForgottenLeft) {
            return Ok(self.tables.forget_left(alias, changed, handle)?);
        }
        Ok(self.tables.set_left(alias, changed, seq, handle)?)
    }

    fn enter(&mut self, scope: &Scope, handle: u32, digest: Digest) -> Result<(), CommitError> {
        let seq = self.seq();
        let row = self.scope_row(scope)?;
        row.digest.add(digest);
        row.models += 1;
        let alias = row.alias;
        if let Some(left) = self.tables.left_at(alias, handle)? {
            self.tables.forget_left(alias, left, handle)?;
        }
        Ok(self.tables.set_changed(alias, None, seq, handle)?)
    }

    /// Takes over where the registry of another hub stands, and from where in that hub's order that is known.
    pub fn follow(&mut self, followed: &Followed, registry: Position, stamp: Stamp) -> Result<(), StoreError> {
        self.changed |= self.numbers.life != registry.life;
        self.numbers.life = registry.life;
        self.numbers.revision = registry.number;
        self.numbers.stamp = stamp;
        self.tables.forget_bridged()?;
        self.tables.set_followed(followed)
    }

    /// Takes over where a database stands whose tables this hub follows. That by itself changes nothing.
    pub fn bridge(&mut self, bridged: &Bridged, registry: Position, stamp: Stamp) -> Result<(), StoreError> {
        self.numbers.life = registry.life;
        self.numbers.revision = registry.number;
        self.numbers.stamp = stamp;
        self.tables.forget_followed()?;
        self.tables.set_bridged(bridged)
    }

    /// Begins another life of the registry if the one so far was another hub's or a database's: two that went on in one
    /// life would contradict each other for ever.
    pub fn take_over(&mut self) -> Result<(), StoreError> {
        if self.tables.followed()?.is_some() || self.tables.bridged()?.is_some() {
            self.numbers.life = Life::numbered(self.numbers.life.number() + 1, self.numbers.head.lineage.0);
            self.numbers.revision = 0;
            self.tables.forget_followed()?;
            self.tables.forget_bridged()?;
        }
        Ok(())
    }

    /// Notes up to which dot all of an actor's writes are stored.
    pub fn set_seen(&mut self, actor: &ActorId, counter: u64) -> Result<(), StoreError> {
        self.changed = true;
        self.tables.set_seen(actor, counter)
    }

    /// Finishes the commit within its transaction.
    pub fn finish(self) -> Result<Committed, CommitError> {
        for alias in self.touched.keys() {
            let scope = &self.scopes[alias];
            self.tables.set_scope(scope)?;
            self.tables.set_digest(*alias, self.numbers.head.seq, scope.digest)?;
        }
        let head = self.numbers.head;
        self.tables.set_lineage(head.seq, head.lineage)?;
        let mut numbers = self.numbers;
        // One goes for each that comes, so that the chain stays as long as it is useful.
        while head.seq.0 - numbers.oldest_lineage.0 > LINEAGES_MAX {
            self.tables.forget_lineage(numbers.oldest_lineage)?;
            numbers.oldest_lineage = numbers.oldest_lineage.next();
        }
        self.tables.set_numbers(&numbers)?;
        Ok(Committed {
            seq: head.seq,
            priority: self.priority,
            author: if numbers.registry() != self.registry_before {
                Author::Registry
            } else {
                Author::Devices
            },
        })
    }
}

/// How many commits back a cursor can be checked: years at a busy registry's pace, a few megabytes.
pub const LINEAGES_MAX: u64 = 200_000;
