//! One writer's word on one thing: what an element's state is made of, taken apart, and put together again.

use headland_shared::actor::{ActorId, Dot};
use headland_shared::bytes::{DecodeError, Reader, put_bytes};
use headland_shared::element::{Remark, State, Tally};
use headland_shared::key::ElementKey;
use headland_shared::name::{AttributeName, Region};
use headland_shared::register::{Rank, Register, Write, Writer};
use headland_shared::view::annotation_id;
use std::fmt::Write as _;

/// What the bytes of a write begin with. Another form gets another number, and the older ones stay readable.
const FORMAT: u8 = 1;
/// The longest member of a set that is part of a row's name as it is, in bytes: with all else far below what an index of
/// PostgreSQL takes (2,704). Of a longer one the name has a hash.
const MEMBER_BYTES_MAX: usize = 256;

/// One writer's word on one thing. Those of one name are totally ordered, so the later one is all that is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EdgeWrite {
    /// A note.
    Note(Dot, Remark),
    /// What one actor counted in one region.
    Count(AttributeName, ActorId, Region, Tally),
    /// What one actor says of an attribute, or of one member of a set, at a rank.
    Value {
        /// Of which attribute.
        attribute: AttributeName,
        /// Of which member, where the attribute is a set.
        member: Option<String>,
        /// With which authority.
        rank: Rank,
        /// Who.
        actor: ActorId,
        /// What.
        write: Write,
    },
}

/// The writes by devices that an element's state is made of, each with whether it still stands.
pub(crate) fn writes_of(key: ElementKey, state: State) -> Vec<(EdgeWrite, bool)> {
    let (attribute, member, register) = match (key, state) {
        (ElementKey::Annotation(dot), State::Remark(remark)) => {
            let stands = remark != Remark::Removed;
            return vec![(EdgeWrite::Note(dot, remark), stands)];
        }
        (ElementKey::Count(name, actor, region), State::Tally(tally)) => {
            return vec![(EdgeWrite::Count(name, actor, region, tally), true)];
        }
        (ElementKey::Attribute(name), State::Register(register)) => (name, None, register),
        (ElementKey::Member(name, member), State::Register(register)) => (name, Some(member), register),
        _ => return Vec::new(),
    };
    let standing: Vec<&Writer> = register.standing().map(|(writer, _)| writer).collect();
    let of_devices = register.writes().filter_map(|(writer, write)| match writer {
        Writer::Central => None,
        Writer::Edge(rank, actor) => Some((writer, *rank, actor, write)),
    });
    let part = |(writer, rank, actor, write): (&Writer, Rank, &ActorId, &Write)| {
        let stands = write.value.is_some() && standing.contains(&writer);
        let part = EdgeWrite::Value {
            attribute: attribute.clone(),
            member: member.clone(),
            rank,
            actor: actor.clone(),
            write: write.clone(),
        };
        (part, stands)
    };
    of_devices.map(part).collect()
}

impl EdgeWrite {
    /// Who wrote it.
    pub(crate) fn actor(&self) -> &ActorId {
        match self {
            Self::Note(dot, _) => &dot.actor,
            Self::Count(_, actor, ..) | Self::Value { actor, .. } => actor,
        }
    }

    /// Of which attribute it is; none for a note.
    pub(crate) fn attribute(&self) -> Option<&AttributeName> {
        match self {
            Self::Note(..) => None,
            Self::Count(attribute, ..) | Self::Value { attribute, .. } => Some(attribute),
        }
    }

    /// What names it within its model, whatever it says: the same for all that one writer says of one thing.
    pub(crate) fn id(&self) -> String {
        let who = |actor: &ActorId| format!("{}.{:016x}", actor.name, actor.incarnation.0);
        match self {
            Self::Note(dot, _) => format!("note:{}", annotation_id(dot)),
            Self::Count(name, actor, region, _) => {
                let (name, region) = (plain(name.as_str()), plain(region.as_str()));
                format!("count:{name}:{}:{region}", who(actor))
            }
            Self::Value {
                attribute,
                member,
                rank,
                actor,
                ..
            } => {
                let (name, rank, actor) = (plain(attribute.as_str()), rank_name(*rank), who(actor));
                match member {
                    None => format!("value:{name}:{rank}:{actor}"),
                    Some(member) => format!("member:{name}:{rank}:{actor}:{}", short(member)),
                }
            }
        }
    }

    /// What orders the writes of one name: the later one has more, and at the same number the smaller stamp counts, as a
    /// hub may only lower it.
    pub(crate) fn order(&self) -> (u128, u64) {
        match self {
            Self::Note(_, Remark::Written(note)) => (0, note.at.0),
            Self::Note(_, Remark::Removed) => (1, 0),
            Self::Count(_, _, _, tally) => (u128::from(tally.added) + u128::from(tally.removed), 0),
            Self::Value { write, .. } => (u128::from(write.position.number), write.at.0),
        }
    }

    /// The element and its state, of which this is all.
    pub(crate) fn into_element(self) -> (ElementKey, State) {
        match self {
            Self::Note(dot, remark) => (ElementKey::Annotation(dot), State::Remark(remark)),
            Self::Count(name, actor, region, tally) => (ElementKey::Count(name, actor, region), State::Tally(tally)),
            Self::Value {
                attribute,
                member,
                rank,
                actor,
                write,
            } => {
                let key = match member {
                    None => ElementKey::Attribute(attribute),
                    Some(member) => ElementKey::Member(attribute, member),
                };
                (key, State::Register(Register::of(Writer::Edge(rank, actor), write)))
            }
        }
    }

    /// The write as hubs read it: the form, the element's key with its length, the state.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let (key, state) = self.clone().into_element();
        let mut out = vec![FORMAT];
        put_bytes(&mut out, &key.encoded());
        out.extend_from_slice(&state.encoded());
        out
    }

    /// Reads it. Whatever the bytes are: an error, or the write of one device.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != FORMAT {
            return Err(DecodeError::Invalid("form of a write, a newer hub's perhaps"));
        }
        let key = ElementKey::decode(reader.bytes(ElementKey::BYTES_MAX)?)?;
        let state = State::decode(reader.rest())?;
        // What the registry said as well would get in by a way on which it is not asked.
        if matches!(&state, State::Register(register) if register.len() != 1) {
            return Err(DecodeError::Invalid("writer of a write"));
        }
        let mut parts = writes_of(key, state);
        let (write, _) = parts.pop().ok_or(DecodeError::Invalid("kind of a write"))?;
        Ok(write)
    }
}

/// As a row names a rank.
pub(super) const fn rank_name(rank: Rank) -> &'static str {
    match rank {
        Rank::Automation => "automation",
        Rank::Operator => "operator",
        Rank::Person => "person",
    }
}

/// A text that can be a part between colons, and that every database takes: no two texts have the same.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ':' | '%' => write!(out, "%{:02x}", u32::from(c)).expect("a string takes what is written to it"),
            c if c.is_control() => {
                write!(out, "%{:02x}", u32::from(c)).expect("a string takes what is written to it");
            }
            c => out.push(c),
        }
    }
    out
}

/// A member of a set, as a part of a name.
fn short(member: &str) -> String {
    let text = plain(member);
    match text.len() > MEMBER_BYTES_MAX {
        // What is plain has no "%" but before two digits.
        true => format!("%%{:032x}", headland_shared::digest::hash_128(&[member.as_bytes()])),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::tests::any_write;
    use super::*;
    use headland_shared::actor::Incarnation;
    use headland_shared::epoch::Position;
    use headland_shared::name::ReplicaName;
    use headland_shared::stamp::Stamp;
    use headland_shared::value::Value;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_write_comes_back_from_its_bytes_and_from_its_element(write in any_write()) {
            prop_assert_eq!(&EdgeWrite::decode(&write.encoded()).unwrap(), &write);
            let (key, state) = write.clone().into_element();
            let parts: Vec<EdgeWrite> = writes_of(key, state).into_iter().map(|(part, _)| part).collect();
            prop_assert_eq!(parts, vec![write]);
        }

        #[test]
        fn of_one_name_the_later_write_is_what_merging_both_gives(
            writes in proptest::collection::vec(any_write(), 40),
        ) {
            let later = |write: &EdgeWrite| {
                let (revision, stamp) = write.order();
                (revision, std::cmp::Reverse(stamp))
            };
            let within = |x: &Tally, y: &Tally| x.added <= y.added && x.removed <= y.removed;
            let pairs = writes.iter().flat_map(|a| writes.iter().map(move |b| (a, b)));
            for (a, b) in pairs.filter(|(a, b)| a.id() == b.id() && later(a) > later(b)) {
                // Each part of a count only grows, so of one writer's two counts one has both.
                if let (EdgeWrite::Count(_, _, _, x), EdgeWrite::Count(_, _, _, y)) = (a, b)
                    && !within(y, x)
                {
                    continue;
                }
                let ((_, wanted), (_, mut merged)) = (a.clone().into_element(), b.clone().into_element());
                merged.merge(wanted.clone());
                prop_assert_eq!(merged, wanted);
            }
        }

        #[test]
        fn noise_is_refused_and_never_panics(mut noise in proptest::collection::vec(any::<u8>(), 0..80), form in 0..3_u8) {
            let _ = EdgeWrite::decode(&noise);
            noise.insert(0, form);
            let _ = EdgeWrite::decode(&noise);
        }

        #[test]
        fn cut_and_changed_bytes_never_panic(write in any_write(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let mut bytes = write.encoded();
            let place = at.index(bytes.len());
            let _ = EdgeWrite::decode(&bytes[..place]);
            bytes[place] = to;
            let _ = EdgeWrite::decode(&bytes);
        }
    }

    #[test]
    fn what_the_registry_says_does_not_come_in_as_the_word_of_a_device() {
        let write = Write::central(Position::default(), Stamp::at_ms(1), Some(Value::text("up")));
        let mut bytes = vec![FORMAT];
        put_bytes(&mut bytes, &ElementKey::encoded_attribute("availability"));
        bytes.extend_from_slice(&State::Register(Register::of(Writer::Central, write)).encoded());
        assert!(EdgeWrite::decode(&bytes).is_err());
    }

    #[test]
    fn no_two_members_share_a_name_however_long_they_are() {
        let of = |member: &str| {
            let actor = ActorId {
                name: ReplicaName::parse("leaf-7").unwrap(),
                incarnation: Incarnation(0xab),
            };
            let write = Write::central(Position::default(), Stamp::at_ms(1), None);
            let (attribute, member) = (AttributeName::new("tags").unwrap(), Some(member.to_owned()));
            let rank = Rank::Operator;
            EdgeWrite::Value {
                attribute,
                member,
                rank,
                actor,
                write,
            }
            .id()
        };
        assert_eq!(of("dry"), "member:tags:operator:leaf-7.00000000000000ab:dry");
        let (long, longer) = ("x".repeat(400), "x".repeat(401));
        let names: std::collections::BTreeSet<String> = ["a:b", "a%3ab", "a\0b", "", &long, &longer].map(of).into();
        assert_eq!(names.len(), 6);
        assert!(names.iter().all(|name| name.len() < 512 && !name.contains('\0')));
    }
}
