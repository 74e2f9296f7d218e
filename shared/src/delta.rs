//! Deltas: what the hub sends of its state, in parts and batches.
//!
//! ```text
//! form     u8       2: packed; 3: packed, and the life is the receiver's
//! life     8 bytes  the registry life whose writes are told shortly; not in form 3
//! packed            introductions and records: see `docs/wire.md` and [`crate::packed`]
//! ```
//!
//! What begins with a zero is a delta in rows, which the first release wrote (`rows`).
//!
//! Handles and aliases are small numbers of the hub's that stand for stable names within one epoch. A delta from
//! `from` to `to` introduces whatever began to exist between the two, so a receiver that stands at `from` or beyond
//! knows every number that it meets.

mod introductions;
mod read;
mod records;
mod rows;
mod write;

pub use read::{introduced_scopes, read};
pub use write::DeltaWriter;

use crate::epoch::Life;
use crate::name::{AttributeName, ModelName};
use crate::schema::Declaration;
use crate::scope::Scope;
use alloc::vec::Vec;

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

/// First byte of a packed delta.
pub(crate) const FORM_PACKED: u8 = 2;
/// First byte of a packed delta that leaves out the life, which its receiver knows.
pub(crate) const FORM_OF_PLACE: u8 = 3;

/// First bytes of the same two in today's form.
pub(crate) const FORM_DENSE: u8 = 4;
pub(crate) const FORM_DENSE_OF_PLACE: u8 = 5;

/// What the receiver of a delta knows.
pub trait Known {
    /// The life of the registry whose state it holds.
    fn life(&self) -> Option<Life> {
        None
    }

    /// The attribute of a number that was introduced earlier.
    fn attribute(&self, alias: AttributeAlias) -> Option<AttributeName>;

    /// The name of a record that it holds.
    fn name(&self, _: Handle) -> Option<ModelName> {
        None
    }
}

/// What a delta says of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordChange {
    /// It left this scope.
    Left(ScopeAlias),
    /// These elements changed: encoded keys and states.
    Changed(Vec<(Vec<u8>, Vec<u8>)>),
    /// The whole record: its scope, its name, and all its elements.
    Whole(ScopeAlias, ModelName, Vec<(Vec<u8>, Vec<u8>)>),
}

/// One entry of a delta.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The record's number.
    pub handle: Handle,
    /// What happened.
    pub change: RecordChange,
}

/// A delta, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// Scopes that it introduces.
    pub scopes: Vec<ScopeIntroduction>,
    /// Attributes that it introduces.
    pub attributes: Vec<AttributeIntroduction>,
    /// Its records.
    pub records: Vec<Record>,
}

#[cfg(test)]
mod tests;
