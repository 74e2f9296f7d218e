//! Deltas: what the hub sends of its state, in parts and batches.
//!
//! ```text
//! life      8 bytes   the registry life of all short forms below
//! scopes    count, then (alias, scope key)*          introductions
//! attributes count, then (alias, name, declaration)*
//! stamps    count, then (revision, milliseconds)*    each as the difference from the one before
//! entry*    head varint: difference of handles (zigzag) << 2 | kind, then what the kind says
//! ```
//!
//! Handles and aliases are small numbers of the hub's that stand for stable names within one epoch. A delta from
//! `from` to `to` introduces whatever began to exist between the two, so a receiver that stands at `from` or beyond
//! knows every number that it meets.

mod read;
mod write;

pub use read::{Delta, Record, RecordChange, introduced_scopes, life_of, read};
pub use write::DeltaWriter;

use crate::name::AttributeName;
use crate::schema::Declaration;
use crate::scope::Scope;

/// The most entries of one delta: a part of small records, never a count that a receiver must believe.
pub const ENTRIES_MAX: usize = 65_536;
/// The most elements of one record in a delta.
pub const ELEMENTS_MAX: usize = 16_384;
/// The most distinct commits that one delta refers to.
pub const STAMPS_MAX: usize = 65_536;

/// A small number that stands for a scope within one epoch.
pub type ScopeAlias = u32;
/// A small number that stands for an attribute within one epoch.
pub type AttributeAlias = u32;
/// A small number that stands for a record within one epoch.
pub type Handle = u32;

/// A number and the scope for which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeIntroduction {
    /// The number.
    pub alias: ScopeAlias,
    /// What it stands for.
    pub scope: Scope,
}

/// A number and the attribute for which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeIntroduction {
    /// The number.
    pub alias: AttributeAlias,
    /// What it stands for.
    pub name: AttributeName,
    /// How the attribute behaves.
    pub declaration: Declaration,
}

/// Kinds of entries: the lowest two bits of an entry's head.
mod kind {
    /// What follows is about another scope.
    pub(super) const SCOPE: u64 = 0;
    /// The record left the scope.
    pub(super) const LEFT: u64 = 1;
    /// Elements of a record that the receiver knows.
    pub(super) const CHANGED: u64 = 2;
    /// A whole record, with its name.
    pub(super) const WHOLE: u64 = 3;
}

/// Forms of elements: the lowest two bits of an element's code. The rest is the attribute's alias plus one, or zero
/// when the element's key follows.
mod form {
    /// The registry wrote the value that follows, with the record's stamp.
    pub(super) const VALUE: u64 = 0;
    /// The registry took the value away, with the record's stamp.
    pub(super) const ABSENT: u64 = 1;
    /// As one of these, with flags and a stamp of its own.
    pub(super) const STAMPED: u64 = 2;
    /// Any state, whole.
    pub(super) const STATE: u64 = 3;
}

/// Flags of [`form::STAMPED`].
mod flag {
    pub(super) const VALUE: u8 = 1;
    pub(super) const STICKY: u8 = 2;
}

#[cfg(test)]
mod tests;
