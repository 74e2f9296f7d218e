//! A record as one byte string: how both stores hold it.
//!
//! ```text
//! format  u8       1
//! task    text     the task of its scope; empty when the registry does not hold the record
//! entered varint   the seq at which it entered that scope
//! changed varint   the seq of its last change
//! element*         key (length-prefixed), seq (varint), state (length-prefixed), sorted by key
//! ```
//!
//! Changes are merged in without decoding what they do not touch, and the digest follows in the same pass.

use crate::bytes::{DecodeError, Reader, put_bytes, put_varint};
use crate::digest::Digest;
use crate::element::{self, STATE_BYTES_MAX};
use crate::epoch::Seq;
use crate::key::ElementKey;
use crate::name::Task;
use alloc::vec::Vec;

const FORMAT: u8 = 1;
/// The longest record, in bytes: about a hundred times the largest real one seen. A hub refuses what would exceed it.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// What a stored record begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// The task of the scope that it is in; nothing when the registry does not hold the record.
    pub task: Option<Task>,
    /// When it entered that scope.
    pub entered: Seq,
    /// When it last changed.
    pub changed: Seq,
}

/// One element as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The encoded [`ElementKey`].
    pub key: &'a [u8],
    /// When it last changed.
    pub seq: Seq,
    /// The encoded state.
    pub state: &'a [u8],
}

/// A stored record, read in place.
#[derive(Debug, Clone)]
pub struct Blob<'a> {
    /// What it begins with.
    pub head: Head,
    entries: Reader<'a>,
}

impl<'a> Blob<'a> {
    /// Reads the head.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != FORMAT {
            return Err(DecodeError::Invalid("record format"));
        }
        let task = reader.text(Task::BYTES_MAX)?;
        let task = match task {
            "" => None,
            name => Some(Task::new(name).map_err(|_| DecodeError::Invalid("task"))?),
        };
        let head = Head {
            task,
            entered: Seq(reader.varint()?),
            changed: Seq(reader.varint()?),
        };
        Ok(Self { head, entries: reader })
    }

    /// The elements, sorted by key.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry<'a>, DecodeError>> + use<'a> {
        let mut reader = self.entries;
        core::iter::from_fn(move || (!reader.is_empty()).then(|| next_entry(&mut reader)))
    }

    /// The state of one element.
    pub fn state_of(&self, key: &[u8]) -> Result<Option<&'a [u8]>, DecodeError> {
        for entry in self.entries() {
            let entry = entry?;
            if entry.key == key {
                return Ok(Some(entry.state));
            }
        }
        Ok(None)
    }

    /// Whether this stands for a record that a filter leaves out.
    pub fn is_stub(&self) -> Result<bool, DecodeError> {
        match self.entries().next() {
            Some(entry) => Ok(ElementKey::is_stub(entry?.key)),
            None => Ok(false),
        }
    }

    /// The digest of all elements that say something.
    pub fn digest(&self, record_key: &[u8]) -> Result<Digest, DecodeError> {
        let mut digest = Digest::default();
        for entry in self.entries() {
            digest.add(contribution(record_key, entry?));
        }
        Ok(digest)
    }
}

fn next_entry<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>, DecodeError> {
    Ok(Entry {
        key: reader.bytes(ElementKey::BYTES_MAX)?,
        seq: Seq(reader.varint()?),
        state: reader.bytes(STATE_BYTES_MAX)?,
    })
}

fn contribution(record_key: &[u8], entry: Entry<'_>) -> Digest {
    Digest::of_element(record_key, entry.key, entry.state)
}

/// Whether elements that say nothing are kept as tombstones or dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tombstones {
    /// A hub keeps them until its floor has passed.
    Keep,
    /// An agent has no use for them.
    Drop,
}

/// One element's new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The encoded [`ElementKey`].
    pub key: Vec<u8>,
    /// When it changed.
    pub seq: Seq,
    /// The encoded state.
    pub state: Vec<u8>,
}

/// A record after its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// The stored form.
    pub bytes: Vec<u8>,
    /// The digest of the elements that were replaced or added, before.
    pub before: Digest,
    /// The digest of the same elements, after.
    pub after: Digest,
}

/// Replaces elements of a stored record. `changes` need not be sorted; of two for one element the last counts.
pub fn patch(
    record_key: &[u8],
    old: Option<&[u8]>,
    head: &Head,
    mut changes: Vec<Change>,
    tombstones: Tombstones,
) -> Result<Patched, DecodeError> {
    changes.sort_by(|a, b| a.key.cmp(&b.key));
    changes.dedup_by(|later, kept| {
        let same = later.key == kept.key;
        if same {
            core::mem::swap(later, kept);
        }
        same
    });
    let mut out = Patched {
        bytes: encode_head(head, old.map_or(256, <[u8]>::len)),
        before: Digest::default(),
        after: Digest::default(),
    };
    let mut changes = changes.into_iter().peekable();
    let add = |out: &mut Patched, change: &Change| {
        let entry = Entry {
            key: &change.key,
            seq: change.seq,
            state: &change.state,
        };
        if tombstones == Tombstones::Keep || !element::is_void(entry.state) {
            put_entry(&mut out.bytes, entry);
        }
        out.after.add(contribution(record_key, entry));
    };
    if let Some(old) = old {
        for entry in Blob::parse(old)?.entries() {
            let entry = entry?;
            while let Some(change) = changes.next_if(|change| change.key.as_slice() < entry.key) {
                add(&mut out, &change);
            }
            match changes.next_if(|change| change.key.as_slice() == entry.key) {
                Some(change) => {
                    out.before.add(contribution(record_key, entry));
                    add(&mut out, &change);
                }
                None => put_entry(&mut out.bytes, entry),
            }
        }
    }
    for change in changes {
        add(&mut out, &change);
    }
    Ok(out)
}

fn encode_head(head: &Head, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity + 64);
    out.push(FORMAT);
    put_bytes(&mut out, head.task.as_ref().map_or("", Task::as_str).as_bytes());
    put_varint(&mut out, head.entered.0);
    put_varint(&mut out, head.changed.0);
    out
}

fn put_entry(out: &mut Vec<u8>, entry: Entry<'_>) {
    put_bytes(out, entry.key);
    put_varint(out, entry.seq.0);
    put_bytes(out, entry.state);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::vec;
    use proptest::prelude::*;

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        // 6 is a removed annotation: a tombstone.
        let change = (
            0..8_u8,
            0..20_u64,
            prop_oneof![Just(vec![6_u8]), any::<u8>().prop_map(|n| vec![4, n & 63, 0])],
        )
            .prop_map(|(key, seq, state)| Change {
                key: vec![1, key],
                seq: Seq(seq),
                state,
            });
        proptest::collection::vec(change, 0..8)
    }

    proptest! {
        #[test]
        fn patching_agrees_with_a_plain_map_and_the_digest_follows(
            rounds in proptest::collection::vec(changes(), 1..6), keep in any::<bool>(),
        ) {
            let tombstones = if keep { Tombstones::Keep } else { Tombstones::Drop };
            let mut model: BTreeMap<Vec<u8>, (Seq, Vec<u8>)> = BTreeMap::new();
            let mut stored: Option<Vec<u8>> = None;
            let mut digest = Digest::default();
            for round in rounds {
                for change in &round {
                    model.insert(change.key.clone(), (change.seq, change.state.clone()));
                }
                if !keep {
                    model.retain(|_, (_, state)| !element::is_void(state));
                }
                let patched = patch(b"key", stored.as_deref(), &Head::default(), round, tombstones).unwrap();
                digest.remove(patched.before);
                digest.add(patched.after);
                let blob = Blob::parse(&patched.bytes).unwrap();
                let held: BTreeMap<_, _> = blob.entries().map(|entry| {
                    let entry = entry.unwrap();
                    (entry.key.to_vec(), (entry.seq, entry.state.to_vec()))
                }).collect();
                prop_assert_eq!(&held, &model);
                prop_assert_eq!(blob.digest(b"key").unwrap(), digest);
                stored = Some(patched.bytes);
            }
        }

        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(blob) = Blob::parse(&noise) {
                for entry in blob.entries() {
                    if entry.is_err() { break; }
                }
            }
        }
    }
}
