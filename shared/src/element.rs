//! The state of one element, and how two states of it merge.

use crate::bytes::{DecodeError, Reader, put_bytes, put_varint};
use crate::register::{CentralWrite, Register};
use crate::stamp::Stamp;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// The longest encoded state, in bytes: the longest value, and room for many writers of short ones.
pub const STATE_BYTES_MAX: usize = 96 * 1024;
/// The longest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 4 * 1024;
/// The longest subject of a note, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 256;

/// What a replica noted about a model. Never changed once written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// When it was written.
    pub at: Stamp,
    /// What it is about, such as a leaf sensor or a field.
    pub subject: Option<String>,
    /// The note.
    pub text: String,
    /// What a newer version added: kept and passed on.
    pub extra: Vec<u8>,
}

/// What became of an annotation. A removed one stays removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// It stands.
    Written(Note),
    /// Its author took it back.
    Removed,
}

impl Remark {
    /// Of one note with two stamps the smaller counts: a hub may only lower a device's stamp. Removal wins.
    fn order(&self) -> (bool, Reverse<Stamp>, &Self) {
        match self {
            Self::Written(note) => (false, Reverse(note.at), self),
            Self::Removed => (true, Reverse(Stamp::default()), self),
        }
    }
}

/// How much one actor counted. Both parts only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// The sum of what was added.
    pub added: u64,
    /// The sum of what was taken back.
    pub removed: u64,
}

/// The state of one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A value that writers set.
    Register(Register),
    /// A count.
    Tally(Tally),
    /// A note.
    Remark(Remark),
    /// A state of a kind that a newer version brought: kept and passed on as it is.
    Unknown(Vec<u8>),
}

/// First bytes of encoded states.
pub(crate) mod tag {
    pub(crate) const CENTRAL: u8 = 1;
    pub(crate) const CENTRAL_STICKY: u8 = 2;
    pub(crate) const REGISTER: u8 = 3;
    pub(crate) const TALLY: u8 = 4;
    pub(crate) const WRITTEN: u8 = 5;
    pub(crate) const REMOVED: u8 = 6;
}

impl State {
    /// Takes another state of the same element in.
    pub fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Register(here), Self::Register(there)) => here.merge(there),
            (Self::Tally(here), Self::Tally(there)) => {
                here.added = here.added.max(there.added);
                here.removed = here.removed.max(there.removed);
            }
            (Self::Remark(here), Self::Remark(there)) => {
                if there.order() > here.order() {
                    *here = there;
                }
            }
            (here, there) => {
                // Two kinds under one key: a newer version's business. Any choice will do that all replicas make.
                if there.encoded() > here.encoded() {
                    *here = there;
                }
            }
        }
    }

    /// Whether this state says nothing that a fresh replica must know.
    #[must_use]
    pub fn is_void(&self) -> bool {
        match self {
            Self::Register(register) => register.is_void(),
            Self::Remark(remark) => *remark == Remark::Removed,
            Self::Tally(_) | Self::Unknown(_) => false,
        }
    }

    /// The canonical encoding.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        match self {
            Self::Register(register) => encode_register(register, &mut out),
            Self::Tally(tally) => {
                out.push(tag::TALLY);
                put_varint(&mut out, tally.added);
                put_varint(&mut out, tally.removed);
            }
            Self::Remark(Remark::Removed) => out.push(tag::REMOVED),
            Self::Remark(Remark::Written(note)) => {
                out.push(tag::WRITTEN);
                note.encode(&mut out);
            }
            Self::Unknown(bytes) => out.extend_from_slice(bytes),
        }
        out
    }

    /// Reads the canonical encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > STATE_BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let (first, content) = bytes.split_first().ok_or(DecodeError::Truncated)?;
        let mut reader = Reader::new(content);
        let state = match *first {
            tag::CENTRAL | tag::CENTRAL_STICKY => {
                let central = CentralWrite::decode(*first == tag::CENTRAL_STICKY, content)?;
                return Register::from_central(&central).map(Self::Register);
            }
            tag::REGISTER => Self::Register(Register::decode(&mut reader)?),
            tag::TALLY => Self::Tally(Tally {
                added: reader.varint()?,
                removed: reader.varint()?,
            }),
            tag::WRITTEN => return Note::decode(&mut reader).map(Remark::Written).map(Self::Remark),
            tag::REMOVED => Self::Remark(Remark::Removed),
            _ => return Ok(Self::Unknown(bytes.to_vec())),
        };
        reader.is_empty().then_some(state).ok_or(DecodeError::Invalid("state"))
    }
}

fn encode_register(register: &Register, out: &mut Vec<u8>) {
    let Some(write) = register.as_central() else {
        out.push(tag::REGISTER);
        register.encode(out);
        return;
    };
    let mut value = Vec::new();
    if let Some(held) = &write.value {
        held.encode(&mut value);
    }
    encode_central(
        &CentralWrite {
            position: write.position,
            sticky: write.sticky,
            at_ms: write.at.ms(),
            value: &value,
        },
        out,
    );
}

/// Appends the state of an element that only the registry wrote.
pub fn encode_central(central: &CentralWrite<'_>, out: &mut Vec<u8>) {
    out.push(if central.sticky {
        tag::CENTRAL_STICKY
    } else {
        tag::CENTRAL
    });
    central.encode(out);
}

/// The one write by the registry, if these are the bytes of such a state.
#[must_use]
pub fn central_of(state: &[u8]) -> Option<CentralWrite<'_>> {
    match state.split_first() {
        Some((&tag::CENTRAL, content)) => CentralWrite::decode(false, content).ok(),
        Some((&tag::CENTRAL_STICKY, content)) => CentralWrite::decode(true, content).ok(),
        _ => None,
    }
}

/// [`State::is_void`] of an encoded state, without building it when it has the common form.
#[must_use]
pub fn is_void(state: &[u8]) -> bool {
    match central_of(state) {
        Some(central) => central.value.is_empty(),
        None => State::decode(state).is_ok_and(|state| state.is_void()),
    }
}

impl Note {
    /// Appends the encoding; what a newer version added comes last.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.at.0);
        put_bytes(out, self.subject.as_deref().unwrap_or("").as_bytes());
        put_bytes(out, self.text.as_bytes());
        out.extend_from_slice(&self.extra);
    }

    /// Reads a note up to the end of the bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = Stamp(reader.varint()?);
        let subject = reader.text(SUBJECT_BYTES_MAX)?;
        let text = reader.text(NOTE_BYTES_MAX)?;
        Ok(Self {
            at,
            subject: (!subject.is_empty()).then(|| subject.into()),
            text: text.into(),
            extra: reader.take(reader.rest().len())?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::tests::any_registers;
    use alloc::vec;
    use proptest::prelude::*;

    fn any_state() -> impl Strategy<Value = State> {
        let note = (0..9_u64, "[a-c]{0,2}", proptest::option::of("[a-z]{1,3}")).prop_map(|(at, text, subject)| {
            State::Remark(Remark::Written(Note {
                at: Stamp::at_ms(at),
                subject,
                text,
                extra: vec![],
            }))
        });
        prop_oneof![
            any_registers().prop_map(|all| State::Register(all[1].clone())),
            (0..9_u64, 0..9_u64).prop_map(|(added, removed)| State::Tally(Tally { added, removed })),
            note,
            Just(State::Remark(Remark::Removed)),
            proptest::collection::vec(200..255_u8, 1..4).prop_map(State::Unknown),
        ]
    }

    proptest! {
        #[test]
        fn a_state_comes_back(state in any_state()) {
            let bytes = state.encoded();
            prop_assert_eq!(is_void(&bytes), state.is_void());
            prop_assert_eq!(State::decode(&bytes).unwrap(), state);
        }

        #[test]
        fn merge_is_lawful_for_tallies_and_remarks(
            parts in proptest::collection::vec(any_state().prop_filter("one kind", |s| matches!(s, State::Tally(_))), 3),
            remarks in proptest::collection::vec(any_state().prop_filter("one kind", |s| matches!(s, State::Remark(_))), 3),
            unknown in proptest::collection::vec(any_state().prop_filter("one kind", |s| matches!(s, State::Unknown(_))), 3),
        ) {
            for group in [parts, remarks, unknown] {
                let merged = |a: &State, b: &State| { let mut a = a.clone(); a.merge(b.clone()); a };
                let (a, b, c) = (&group[0], &group[1], &group[2]);
                prop_assert_eq!(&merged(a, a), a);
                prop_assert_eq!(merged(a, b), merged(b, a));
                prop_assert_eq!(merged(&merged(a, b), c), merged(a, &merged(b, c)));
            }
        }

        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = State::decode(&noise);
            let _ = is_void(&noise);
        }
    }

    #[test]
    fn a_note_with_fields_of_a_newer_version_keeps_them() {
        let note = Note {
            at: Stamp::at_ms(5),
            subject: None,
            text: "dry".into(),
            extra: vec![1, 2, 3],
        };
        let state = State::Remark(Remark::Written(note));
        assert_eq!(State::decode(&state.encoded()).unwrap(), state);
    }

    #[test]
    fn a_removed_annotation_stays_removed_in_every_order() {
        let note = Note {
            at: Stamp::at_ms(5),
            subject: None,
            text: "dry".into(),
            extra: vec![],
        };
        let mut forth = State::Remark(Remark::Written(note.clone()));
        forth.merge(State::Remark(Remark::Removed));
        let mut back = State::Remark(Remark::Removed);
        back.merge(State::Remark(Remark::Written(note)));
        assert_eq!(forth, State::Remark(Remark::Removed));
        assert_eq!(forth, back);
    }
}
