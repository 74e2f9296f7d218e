//! Writing deltas.

use super::{AttributeIntroduction, Handle, ScopeAlias, ScopeIntroduction, flag, form, kind};
use crate::bytes::{put_bytes, put_signed, put_varint};
use crate::element::central_of;
use crate::epoch::Life;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Gathers a delta, entry by entry, and tells how long it has become.
#[derive(Debug)]
pub struct DeltaWriter {
    life: Life,
    introductions: Vec<u8>,
    stamps: Vec<(u64, u64)>,
    stamp_index: BTreeMap<(u64, u64), u64>,
    entries: Vec<u8>,
    scope: Option<ScopeAlias>,
    handle: Handle,
    count: usize,
}

impl DeltaWriter {
    /// Begins a delta that introduces these numbers.
    #[must_use]
    pub fn new(life: Life, scopes: &[ScopeIntroduction], attributes: &[AttributeIntroduction]) -> Self {
        let mut introductions = Vec::new();
        put_varint(&mut introductions, scopes.len() as u64);
        for scope in scopes {
            put_varint(&mut introductions, u64::from(scope.alias));
            put_bytes(&mut introductions, &scope.scope.encoded());
        }
        put_varint(&mut introductions, attributes.len() as u64);
        for attribute in attributes {
            put_varint(&mut introductions, u64::from(attribute.alias));
            put_bytes(&mut introductions, attribute.name.as_str().as_bytes());
            attribute.declaration.encode(&mut introductions);
        }
        Self {
            life,
            introductions,
            stamps: Vec::new(),
            stamp_index: BTreeMap::new(),
            entries: Vec::new(),
            scope: None,
            handle: 0,
            count: 0,
        }
    }

    /// About how long the delta is by now, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.introductions.len() + self.entries.len() + self.stamps.len() * 4 + 16
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
        self.head(scope, handle, kind::LEFT);
    }

    /// A record's elements as (key, alias of its attribute, state). With a name, the record is whole.
    pub fn record<'a>(
        &mut self,
        scope: ScopeAlias,
        handle: Handle,
        name: Option<&str>,
        elements: &[(&'a [u8], Option<u32>, &'a [u8])],
    ) {
        self.head(scope, handle, if name.is_some() { kind::WHOLE } else { kind::CHANGED });
        if let Some(name) = name {
            put_bytes(&mut self.entries, name.as_bytes());
        }
        let stamp = elements.iter().rev().find_map(|(_, _, state)| self.stamp_of(state));
        put_varint(&mut self.entries, stamp.map_or(0, |stamp| stamp + 1));
        put_varint(&mut self.entries, elements.len() as u64);
        for (key, alias, state) in elements {
            self.element(key, *alias, state, stamp);
        }
    }

    fn head(&mut self, scope: ScopeAlias, handle: Handle, kind: u64) {
        if self.scope != Some(scope) {
            self.scope = Some(scope);
            put_varint(&mut self.entries, u64::from(scope) << 2 | kind::SCOPE);
        }
        let difference = i64::from(handle) - i64::from(self.handle);
        self.handle = handle;
        let zigzag = ((difference << 1) ^ (difference >> 63)) as u64;
        put_varint(&mut self.entries, zigzag << 2 | kind);
        self.count += 1;
    }

    /// The index of the stamp of a state that only the registry wrote, in this delta's life.
    fn stamp_of(&mut self, state: &[u8]) -> Option<u64> {
        let central = central_of(state).filter(|central| central.position.life == self.life)?;
        let stamp = (central.position.number, central.at_ms);
        let next = self.stamps.len() as u64;
        let index = *self.stamp_index.entry(stamp).or_insert(next);
        if index == next {
            self.stamps.push(stamp);
        }
        Some(index)
    }

    fn element(&mut self, key: &[u8], alias: Option<u32>, state: &[u8], default: Option<u64>) {
        let stamp = self.stamp_of(state);
        let central = central_of(state);
        let code = alias.map_or(0, |alias| (u64::from(alias) + 1) << 2);
        let (chosen, central, stamp) = match (central, stamp) {
            (Some(central), Some(stamp)) if Some(stamp) == default && !central.sticky => {
                let plain = if central.value.is_empty() {
                    form::ABSENT
                } else {
                    form::VALUE
                };
                (plain, Some(central), stamp)
            }
            (Some(central), Some(stamp)) => (form::STAMPED, Some(central), stamp),
            _ => (form::STATE, None, 0),
        };
        put_varint(&mut self.entries, code | chosen);
        if alias.is_none() {
            put_bytes(&mut self.entries, key);
        }
        let Some(central) = central else {
            put_bytes(&mut self.entries, state);
            return;
        };
        if chosen == form::STAMPED {
            let value = if central.value.is_empty() { 0 } else { flag::VALUE };
            let sticky = if central.sticky { flag::STICKY } else { 0 };
            self.entries.push(value | sticky);
            put_varint(&mut self.entries, stamp);
        }
        self.entries.extend_from_slice(central.value);
    }

    /// The finished delta.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len() + 16);
        out.extend_from_slice(&self.life.0.to_be_bytes());
        out.extend_from_slice(&self.introductions);
        put_varint(&mut out, self.stamps.len() as u64);
        let (mut number, mut at_ms) = (0_u64, 0_u64);
        for stamp in self.stamps {
            put_signed(&mut out, stamp.0.wrapping_sub(number) as i64);
            put_signed(&mut out, stamp.1.wrapping_sub(at_ms) as i64);
            (number, at_ms) = stamp;
        }
        out.extend_from_slice(&self.entries);
        out
    }
}
