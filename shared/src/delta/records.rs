//! The records of a packed delta: what they say and in which order, the same for writing and reading.

mod keys;

use super::{Handle, ScopeAlias};
use crate::actor::ActorId;
use crate::bytes::DecodeError;
use crate::element::{Note, Remark, STATE_BYTES_MAX, State, Tally, central_of, encode_central};
use crate::epoch::{Life, Position};
use crate::key::ElementKey;
use crate::packed::{Bit, Coder, Columns, Notes, Number, Place, Ranked, Sources, Tree, Tried, mixed, signed};
use crate::register::CentralWrite;
use crate::stamp::Stamp;
use crate::value::Parts;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// What a record's entry says.
pub(super) mod kind {
    pub(crate) const END: usize = 0;
    pub(crate) const LEFT: usize = 1;
    pub(crate) const CHANGED: usize = 2;
    pub(crate) const WHOLE: usize = 3;
}

/// What an element's key is.
mod of {
    pub(super) const ATTRIBUTE: u32 = 0;
    pub(super) const MEMBER: u32 = 1;
    pub(super) const COUNT: u32 = 2;
    pub(super) const ANNOTATION: u32 = 3;
    pub(super) const LIFE: u32 = 4;
    pub(super) const OTHER: u32 = 5;
}

/// What an element's state is.
mod form {
    /// The registry wrote a value, or took it away, with the record's stamp.
    pub(super) const VALUE: u32 = 0;
    pub(super) const ABSENT: u32 = 1;
    /// As one of these, with flags and a stamp of its own.
    pub(super) const STAMPED: u32 = 2;
    pub(super) const TALLY: u32 = 3;
    pub(super) const NOTE: u32 = 4;
    pub(super) const REMOVED: u32 = 5;
    pub(super) const OTHER: u32 = 6;
}

const FLAG_VALUE: usize = 1;
const FLAG_STICKY: usize = 2;
/// The code after the last element.
const LAST: u32 = 63;
/// Columns of texts that belong to no attribute.
pub(super) mod column {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const ACTOR: u32 = 2;
    pub(crate) const INTRODUCED: u32 = 5;
    pub(crate) const ATTRIBUTE: u32 = 6;
}
/// Aliases from here on are told by their keys.
const ALIAS_MAX: u32 = 1 << 24;
/// Handles nearer to the one before are told by the distance.
const NEAR: i64 = 64;

/// From when commits are told, in milliseconds since 1970: the year 2020.
const COMMITS_FROM_MS: u64 = 1_577_836_800_000;

/// One commit of the registry: its revision and its milliseconds.
type Commit = (u64, u64);

/// All models of a delta's records, and what went before.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) life: Life,
    pub(super) columns: Columns,
    kinds: [Tree<4>; 4],
    kind: usize,
    near: Bit,
    distance: Number,
    absolute: Number,
    handle: Handle,
    same_scope: Bit,
    scope_number: Number,
    scope: ScopeAlias,
    after: Ranked,
    last: Bit,
    alias: Number,
    next_alias: Bit,
    alias_step: Number,
    of: Tree<8>,
    form: Tree<8>,
    commits: Vec<Commit>,
    /// The places of commits, for writing.
    places: BTreeMap<Commit, usize>,
    committed: Bit,
    new_commit: [Bit; 2],
    back: Number,
    revision: Number,
    later: Number,
    flags: Tree<4>,
    actors: Vec<(ActorId, u64)>,
    new_actor: Bit,
    actor: Number,
    counter: Number,
    tallies: [Number; 2],
    notes: Notes,
}

/// One element as it is told: what it is, its key and its state.
pub(super) struct Element<'a> {
    code: u32,
    key: &'a [u8],
    state: &'a [u8],
}

/// Nothing to write: what a reader passes for an element.
pub(super) const NOTHING: Element<'static> = Element {
    code: LAST,
    key: &[],
    state: &[],
};

impl Records {
    /// Before the first record of a delta in which the registry writes in this life.
    pub(super) fn of(life: Life) -> Self {
        let mut records = Self {
            life,
            ..Self::default()
        };
        // What the shortest deltas say: one commit, one record, one value.
        records.kinds[kind::END].expect(kind::CHANGED);
        records.kinds[kind::CHANGED].expect(kind::END);
        records.committed.learn(true);
        records.new_commit[0].learn(true);
        records.of.expect(of::ATTRIBUTE as usize);
        records.form.expect(form::VALUE as usize);
        records.commits.push((0, COMMITS_FROM_MS));
        records
    }

    /// The kind of an entry, and its record.
    pub(super) fn head<C: Coder>(
        &mut self,
        coder: &mut C,
        kind: usize,
        scope: ScopeAlias,
        handle: Handle,
    ) -> Result<(usize, ScopeAlias, Handle), DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("handle");
        let kind = self.kinds[self.kind].code(coder, kind)?;
        self.kind = kind;
        if kind == kind::END {
            return Ok((kind, 0, 0));
        }
        let distance = i64::from(handle) - i64::from(self.handle);
        if coder.bit(&mut self.near, distance.abs() < NEAR)? {
            let distance = signed(&mut self.distance, coder, distance)?;
            let handle = i64::from(self.handle).checked_add(distance).ok_or(INVALID)?;
            self.handle = Handle::try_from(handle).map_err(|_| INVALID)?;
        } else {
            let handle = self.absolute.code(coder, u64::from(handle))?;
            self.handle = Handle::try_from(handle).map_err(|_| INVALID)?;
        }
        // A known record is where the receiver has it.
        if kind != kind::CHANGED && !coder.bit(&mut self.same_scope, scope == self.scope)? {
            let scope = self.scope_number.code(coder, u64::from(scope))?;
            self.scope = ScopeAlias::try_from(scope).map_err(|_| DecodeError::Invalid("scope alias"))?;
        }
        Ok((kind, self.scope, self.handle))
    }

    /// The commit to which most of a record belongs, if the registry wrote any of it.
    pub(super) fn commit_of_record<C: Coder>(
        &mut self,
        coder: &mut C,
        commit: Option<Commit>,
    ) -> Result<Option<Commit>, DecodeError> {
        if !coder.bit(&mut self.committed, commit.is_some())? {
            return Ok(None);
        }
        self.commit(coder, commit.unwrap_or_default(), 0).map(Some)
    }

    fn commit<C: Coder>(&mut self, coder: &mut C, commit: Commit, of: usize) -> Result<Commit, DecodeError> {
        let known = if C::READS {
            None
        } else {
            self.places.get(&commit).copied()
        };
        if coder.bit(&mut self.new_commit[of], known.is_none())? {
            let (revision, ms) = self.commits.last().copied().unwrap_or_default();
            let more = signed(&mut self.revision, coder, commit.0.wrapping_sub(revision) as i64)?;
            let later = signed(&mut self.later, coder, commit.1.wrapping_sub(ms) as i64)?;
            let commit = (
                revision.wrapping_add(more as u64),
                ms.wrapping_add(later as u64) & 0xffff_ffff_ffff,
            );
            if !C::READS {
                self.places.insert(commit, self.commits.len());
            }
            self.commits.push(commit);
            return Ok(commit);
        }
        let back = self.commits.len() - known.map_or(self.commits.len(), |at| at + 1).min(self.commits.len());
        let back = self.back.code(coder, back as u64)?;
        let at = usize::try_from(back)
            .ok()
            .and_then(|back| self.commits.len().checked_sub(back + 1));
        at.map(|at| self.commits[at]).ok_or(DecodeError::Invalid("stamp"))
    }

    /// What a state says that only the registry wrote, in this delta's life.
    fn central<'s>(&self, state: &'s [u8]) -> Option<CentralWrite<'s>> {
        let central = central_of(state).filter(|central| central.position.life == self.life)?;
        let mut canonical = Vec::with_capacity(state.len());
        encode_central(&central, &mut canonical);
        let plain = canonical == state && (central.value.is_empty() || Parts::of(central.value).is_ok());
        plain.then_some(central)
    }

    /// The commit of a state that only the registry wrote, in this delta's life.
    pub(super) fn commit_in(&self, state: &[u8]) -> Option<Commit> {
        self.central(state)
            .map(|central| (central.position.number, central.at_ms))
    }

    /// How an element is told, for writing.
    pub(super) fn element_of<'a>(
        &self,
        key: &'a [u8],
        alias: Option<u32>,
        state: &'a [u8],
        commit: Option<Commit>,
    ) -> Element<'a> {
        let alias = alias.filter(|alias| *alias < ALIAS_MAX);
        let decoded = ElementKey::decode(key).ok().filter(|decoded| decoded.encoded() == key);
        let (of, alias) = match (decoded, alias) {
            (Some(ElementKey::Attribute(_)), Some(alias)) => (of::ATTRIBUTE, alias + 1),
            (Some(ElementKey::Member(..)), alias) => (of::MEMBER, alias.map_or(0, |alias| alias + 1)),
            (Some(ElementKey::Count(..)), alias) => (of::COUNT, alias.map_or(0, |alias| alias + 1)),
            (Some(ElementKey::Annotation(_)), _) => (of::ANNOTATION, 0),
            (Some(ElementKey::Life), _) => (of::LIFE, 0),
            _ => (of::OTHER, 0),
        };
        let form = match self.central(state) {
            Some(central) if !central.sticky && Some((central.position.number, central.at_ms)) == commit => {
                if central.value.is_empty() {
                    form::ABSENT
                } else {
                    form::VALUE
                }
            }
            Some(_) => form::STAMPED,
            None => match State::decode(state).ok().filter(|decoded| decoded.encoded() == state) {
                Some(State::Tally(_)) => form::TALLY,
                Some(State::Remark(Remark::Written(note))) if note.extra.is_empty() => form::NOTE,
                Some(State::Remark(Remark::Removed)) => form::REMOVED,
                _ => form::OTHER,
            },
        };
        Element {
            code: alias << 6 | of << 3 | form,
            key,
            state,
        }
    }
}

/// An element that was read: its encoded key and state.
pub(super) type Told = (Vec<u8>, Vec<u8>);

/// Where an element stands in its record.
pub(super) struct Standing<'a, 'b> {
    commit: Option<Commit>,
    /// The codes of the two elements before.
    codes: [u32; 2],
    /// What the value before was.
    value: u32,
    sources: &'a mut Sources<'b>,
}

impl<'a, 'b> Standing<'a, 'b> {
    /// Before the first element.
    pub(super) fn new(kind: usize, commit: Option<Commit>, sources: &'a mut Sources<'b>) -> Self {
        Self {
            commit,
            codes: [LAST, kind as u32],
            value: 0,
            sources,
        }
    }
}

impl Records {
    /// One element, or nothing after the last one. A reader gets its key and state.
    pub(super) fn element<C: Coder>(
        &mut self,
        coder: &mut C,
        standing: &mut Standing<'_, '_>,
        element: &Element<'_>,
        key_of: &mut dyn FnMut(u32) -> Result<Vec<u8>, DecodeError>,
    ) -> Result<Option<Told>, DecodeError> {
        let code = self.code(coder, standing, element.code)?;
        if code == LAST {
            return Ok(None);
        }
        let key = self.key(coder, standing, code, element.key, key_of)?;
        let mut state = Vec::with_capacity(if C::READS { 40 } else { 0 });
        match code & 7 {
            form @ (form::VALUE | form::ABSENT | form::STAMPED) => {
                self.central_state(coder, standing, (code >> 3, form), element.state, &mut state)?;
            }
            form::TALLY => {
                let Ok(State::Tally(tally)) = known(C::READS, element.state, State::Tally(Tally::default())) else {
                    return Err(DecodeError::Invalid("count"));
                };
                let added = self.tallies[0].code(coder, tally.added)?;
                let removed = self.tallies[1].code(coder, tally.removed)?;
                if C::READS {
                    state = State::Tally(Tally { added, removed }).encoded();
                }
            }
            form::NOTE => state = self.note(coder, standing, element.state)?,
            form::REMOVED => state = State::Remark(Remark::Removed).encoded(),
            form::OTHER => {
                state = self.columns.bytes(coder, element.state, STATE_BYTES_MAX)?;
                State::decode(&state)?;
            }
            _ => return Err(DecodeError::Invalid("form of a state")),
        }
        Ok(Some((key, state)))
    }

    fn code<C: Coder>(
        &mut self,
        coder: &mut C,
        standing: &mut Standing<'_, '_>,
        wanted: u32,
    ) -> Result<u32, DecodeError> {
        let [before, last] = standing.codes;
        let contexts = [mixed([before, last, 4]), mixed([last, 0, 5])];
        let mut tried = Tried::default();
        let mut found = self.after.code(coder, contexts[0], wanted, &mut tried)?;
        if found.is_none() {
            found = self.after.code(coder, contexts[1], wanted, &mut tried)?;
        }
        let code = match found {
            Some(code) => code,
            None if coder.bit(&mut self.last, wanted == LAST)? => LAST,
            None => {
                let alias = self.alias(coder, last >> 6, wanted >> 6)?;
                let of = self.of.code(coder, (wanted >> 3 & 7) as usize)?;
                let form = self.form.code(coder, (wanted & 7) as usize)?;
                alias << 6 | (of as u32) << 3 | form as u32
            }
        };
        self.after.learn::<C>(contexts[0], code);
        self.after.learn::<C>(contexts[1], code);
        standing.codes = [last, code];
        Ok(code)
    }

    /// An alias plus one: attributes that were declared together are told together, and the last one first.
    fn alias<C: Coder>(&mut self, coder: &mut C, before: u32, wanted: u32) -> Result<u32, DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("attribute alias");
        let alias = if !C::DENSE || before == 0 {
            u32::try_from(self.alias.code(coder, u64::from(wanted))?).map_err(|_| INVALID)?
        } else if coder.bit(&mut self.next_alias, wanted + 1 == before)? {
            before - 1
        } else {
            let less = signed(&mut self.alias_step, coder, i64::from(before) - i64::from(wanted))?;
            let alias = i64::from(before).checked_sub(less).ok_or(INVALID)?;
            u32::try_from(alias).map_err(|_| INVALID)?
        };
        (alias <= ALIAS_MAX).then_some(alias).ok_or(INVALID)
    }

    fn central_state<C: Coder>(
        &mut self,
        coder: &mut C,
        standing: &mut Standing<'_, '_>,
        (column, form): (u32, u32),
        state: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let written = central_of(state);
        let (mut has_value, mut sticky, mut commit) = (form == form::VALUE, false, standing.commit);
        if form == form::STAMPED {
            let flags = written.map_or(0, |central| {
                usize::from(!central.value.is_empty()) * FLAG_VALUE + usize::from(central.sticky) * FLAG_STICKY
            });
            let flags = self.flags.code(coder, flags)?;
            (has_value, sticky) = (flags & FLAG_VALUE != 0, flags & FLAG_STICKY != 0);
            let wanted = written.map_or((0, 0), |central| (central.position.number, central.at_ms));
            commit = Some(self.commit(coder, wanted, 1)?);
        }
        let (number, at_ms) = commit.ok_or(DecodeError::Invalid("stamp"))?;
        if C::READS {
            let position = Position {
                life: self.life,
                number,
            };
            let value = &[];
            encode_central(
                &CentralWrite {
                    position,
                    sticky,
                    at_ms,
                    value,
                },
                out,
            );
        }
        if has_value {
            let mut place = Place {
                column,
                at_ms,
                before: standing.value,
                sources: standing.sources,
            };
            let value = written.map_or(&[] as &[u8], |central| central.value);
            standing.value = self.columns.value(coder, &mut place, value, out)?;
        }
        Ok(())
    }

    fn note<C: Coder>(
        &mut self,
        coder: &mut C,
        standing: &mut Standing<'_, '_>,
        state: &[u8],
    ) -> Result<Vec<u8>, DecodeError> {
        let none = Note {
            at: Stamp::default(),
            subject: None,
            text: String::new(),
            extra: Vec::new(),
        };
        let Ok(State::Remark(Remark::Written(note))) = known(C::READS, state, State::Remark(Remark::Written(none)))
        else {
            return Err(DecodeError::Invalid("note"));
        };
        let note = self.notes.code(coder, &mut self.columns, &note, standing.sources)?;
        Ok(State::Remark(Remark::Written(note)).encoded())
    }
}

/// The state that is written, or what stands for it when one is read.
fn known(reads: bool, state: &[u8], none: State) -> Result<State, DecodeError> {
    if reads { Ok(none) } else { State::decode(state) }
}
