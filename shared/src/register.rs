//! The register: one value that several writers may set.
//!
//! A register keeps, for each writer, that writer's last write. A writer's writes are totally ordered, so merging is
//! taking the later one of each writer: a product of total orders, hence commutative, associative and idempotent
//! whatever the rule. The rule ([`crate::rule`]) only decides what a reader sees of the writes that stand.
//!
//! A write names what its writer saw and replaces (`covers`): a covered write no longer stands. Resolving a conflict,
//! releasing a rank and removing from a set are all the same: a write that covers what it saw.

mod codec;
#[cfg(test)]
pub(crate) mod tests;

pub use codec::CentralWrite;

use crate::actor::ActorId;
use crate::epoch::{Life, Position};
use crate::stamp::Stamp;
use crate::value::Value;
use alloc::collections::BTreeMap;
use core::cmp::Reverse;
use serde::{Deserialize, Serialize};

/// The most writers that one register keeps: a hub refuses a further one, so that a fleet cannot grow one attribute
/// of one model without bound.
pub const REGISTER_WRITERS_MAX: usize = 64;

/// The authority with which a write is made. A higher one wins under the `precedence` rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Rank {
    /// A program: a monitor, a device.
    #[default]
    Automation,
    /// Someone on duty.
    Operator,
    /// The person responsible.
    Person,
}

/// Who holds one slot of a register.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writer {
    /// The registry.
    Central,
    /// Anybody else, with a rank: one actor's automation must not undo what its operator said.
    Edge(Rank, ActorId),
}

/// By what two writes of one writer are compared: see [`Write`].
type WriteOrder<'a> = (
    Life,
    bool,
    u64,
    Reverse<Stamp>,
    &'a Option<Value>,
    &'a BTreeMap<Writer, Position>,
);

/// One writer's last write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where it stands among its writer's writes.
    pub position: Position,
    /// Set on what no later write of the same life may take back, such as a revocation.
    pub sticky: bool,
    /// When it was written; the order key under `latest`.
    pub at: Stamp,
    /// The value; nothing when the write takes the value away.
    pub value: Option<Value>,
    /// The writes that this one replaces: each writer's, up to the position that was seen.
    pub covers: BTreeMap<Writer, Position>,
}

impl Write {
    /// A registry's write.
    #[must_use]
    pub const fn central(position: Position, at: Stamp, value: Option<Value>) -> Self {
        Self {
            position,
            sticky: false,
            at,
            value,
            covers: BTreeMap::new(),
        }
    }

    /// The order of one writer's writes. A new life replaces; within a life what is sticky stays; then the position.
    /// Of one and the same write with two stamps the smaller counts: a hub may only lower a device's stamp.
    fn order(&self) -> WriteOrder<'_> {
        (
            self.position.life,
            self.sticky,
            self.position.number,
            Reverse(self.at),
            &self.value,
            &self.covers,
        )
    }
}

/// The writes of all writers, one each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Register {
    slots: BTreeMap<Writer, Write>,
}

impl Register {
    /// A register with one write.
    #[must_use]
    pub fn of(writer: Writer, write: Write) -> Self {
        Self {
            slots: BTreeMap::from([(writer, write)]),
        }
    }

    /// All writes, by writer.
    pub fn writes(&self) -> impl Iterator<Item = (&Writer, &Write)> {
        self.slots.iter()
    }

    /// The write of one writer.
    #[must_use]
    pub fn write_of(&self, writer: &Writer) -> Option<&Write> {
        self.slots.get(writer)
    }

    /// How many writers it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether nobody ever wrote.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Takes one write in, unless a later one of the same writer is here.
    pub fn put(&mut self, writer: Writer, write: Write) {
        match self.slots.get_mut(&writer) {
            Some(here) if here.order() >= write.order() => {}
            Some(here) => *here = write,
            None => {
                self.slots.insert(writer, write);
            }
        }
    }

    /// Takes all writes of another register in.
    pub fn merge(&mut self, other: Self) {
        for (writer, write) in other.slots {
            self.put(writer, write);
        }
    }

    /// The writes that no other write covers.
    pub fn standing(&self) -> impl Iterator<Item = (&Writer, &Write)> {
        self.slots.iter().filter(|(writer, write)| {
            !self
                .slots
                .values()
                .any(|other| other.covers.get(writer).is_some_and(|seen| *seen >= write.position))
        })
    }

    /// What a writer who sees this register now has seen: for the `covers` of its next write. A writer's own earlier
    /// covers are part of it, so that nothing stands up again when its slot is taken over.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<Writer, Position> {
        let mut seen = BTreeMap::new();
        let mut note = |writer: &Writer, position: Position| {
            let entry = seen.entry(writer.clone()).or_insert(position);
            *entry = (*entry).max(position);
        };
        for (writer, write) in &self.slots {
            note(writer, write.position);
            for (covered, position) in &write.covers {
                note(covered, *position);
            }
        }
        seen
    }

    /// The same, without where the registry's write stands; and without when it was made if nobody else has written.
    #[must_use]
    pub(crate) fn wherever(mut self) -> Self {
        let alone = self.slots.len() == 1;
        if let Some(write) = self.slots.get_mut(&Writer::Central) {
            write.position = Position::default();
            if alone {
                write.at = Stamp::default();
            }
        }
        self
    }

    /// Whether only the registry ever wrote and has taken the value away: nothing that a fresh replica must know.
    #[must_use]
    pub fn is_void(&self) -> bool {
        self.slots
            .iter()
            .all(|(writer, write)| *writer == Writer::Central && write.value.is_none() && write.covers.is_empty())
    }
}
