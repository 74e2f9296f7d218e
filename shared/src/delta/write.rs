//! Writing deltas.

use super::introductions::introductions;
use super::records::{NOTHING, Records, Standing, column, kind};
use super::{AttributeIntroduction, FORM_DENSE, FORM_DENSE_OF_PLACE, Handle, ScopeAlias, ScopeIntroduction};
use crate::element::central_of;
use crate::epoch::Life;
use crate::packed::{Packer, Sources};
use crate::register::CentralWrite;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Why writing cannot fail: only what is read can be wrong.
const WRITES: &str = "a writer takes whatever it is given";

/// Gathers a delta, entry by entry, and tells how long it has become.
#[derive(Debug)]
pub struct DeltaWriter {
    packer: Packer,
    records: Records,
    told: usize,
    count: usize,
    chooses_life: bool,
}

impl DeltaWriter {
    /// Begins a delta that introduces these numbers, in which writes of the registry in this life are told shortly.
    #[must_use]
    pub fn new(life: Life, scopes: &[ScopeIntroduction], attributes: &[AttributeIntroduction]) -> Self {
        let mut packer = Packer::default();
        let mut records = Records::of(life);
        introductions(&mut records.columns, &mut packer, scopes, attributes).expect(WRITES);
        Self {
            packer,
            records,
            told: 0,
            count: 0,
            chooses_life: false,
        }
    }

    /// The same, in the life of the first writes that come, or in this one if none do. What was not touched since a
    /// registry began another life is all of the one before, and six times as long if told in another.
    #[must_use]
    pub fn in_its_own_life(life: Life, scopes: &[ScopeIntroduction], attributes: &[AttributeIntroduction]) -> Self {
        Self {
            chooses_life: true,
            ..Self::new(life, scopes, attributes)
        }
    }

    /// About how long the delta is by now, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packer.len() + 16
    }

    /// How many bytes of keys and states it tells: what its receiver must hold.
    #[must_use]
    pub fn told(&self) -> usize {
        self.told
    }

    /// Whether it holds no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many records it speaks of.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// A record that left a scope.
    pub fn left(&mut self, scope: ScopeAlias, handle: Handle) {
        self.head(kind::LEFT, scope, handle);
    }

    /// A record's elements as (key, alias of the attribute that the key names, state). What is not whole is what
    /// changed of a record that the receiver knows.
    pub fn record(
        &mut self,
        scope: ScopeAlias,
        handle: Handle,
        name: &str,
        whole: bool,
        elements: &[(&[u8], Option<u32>, &[u8])],
    ) {
        if self.chooses_life {
            let most = most_told(elements.iter().filter_map(|(_, _, state)| central_of(state)));
            self.records.life = most.unwrap_or(self.records.life);
            self.chooses_life = most.is_none();
        }
        let kind = if whole { kind::WHOLE } else { kind::CHANGED };
        self.head(kind, scope, handle);
        let (records, packer) = (&mut self.records, &mut self.packer);
        if whole {
            records.columns.name(packer, column::NAME, name).expect(WRITES);
        }
        // Later keys come first: an address often repeats a version or a name that its record has as well.
        let commit = elements.iter().rev().find_map(|(_, _, state)| records.commit_in(state));
        let commit = records.commit_of_record(packer, commit).expect(WRITES);
        let named = || Some(String::from(name));
        let mut sources = Sources::new(&named);
        let mut standing = Standing::new(kind, commit, &mut sources);
        let mut known = |_| Ok(Vec::new());
        for (key, alias, state) in elements.iter().rev() {
            let element = records.element_of(key, *alias, state, commit);
            records
                .element(packer, &mut standing, &element, &mut known)
                .expect(WRITES);
            self.told += key.len() + state.len();
        }
        records
            .element(packer, &mut standing, &NOTHING, &mut known)
            .expect(WRITES);
    }

    fn head(&mut self, kind: usize, scope: ScopeAlias, handle: Handle) {
        self.records.head(&mut self.packer, kind, scope, handle).expect(WRITES);
        self.count += usize::from(kind != kind::END);
    }

    /// The finished delta.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.head(kind::END, 0, 0);
        let mut out = Vec::with_capacity(self.len() + 16);
        out.push(FORM_DENSE);
        out.extend_from_slice(&self.records.life.0.to_be_bytes());
        out.extend_from_slice(&self.packer.finish());
        out
    }

    /// The finished delta, for those who know its life.
    #[must_use]
    pub fn finish_of_place(mut self) -> Vec<u8> {
        self.head(kind::END, 0, 0);
        let mut out = alloc::vec![FORM_DENSE_OF_PLACE];
        out.extend_from_slice(&self.packer.finish());
        out
    }
}

/// The life in which most of these were written.
fn most_told<'a>(writes: impl Iterator<Item = CentralWrite<'a>>) -> Option<Life> {
    let mut counts: BTreeMap<Life, usize> = BTreeMap::new();
    for write in writes {
        *counts.entry(write.position.life).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(life, _)| life)
}
