//! Keys of elements, and the actors in them.

use super::{Records, Standing, column, of};
use crate::actor::{ActorId, Dot, Incarnation};
use crate::bytes::DecodeError;
use crate::key::ElementKey;
use crate::name::{AttributeName, Region, ReplicaName};
use crate::packed::{Coder, signed, text};
use alloc::string::String;
use alloc::vec::Vec;

impl Records {
    /// Writes the key of an element of this code, or reads it.
    pub(super) fn key<C: Coder>(
        &mut self,
        coder: &mut C,
        standing: &mut Standing<'_, '_>,
        code: u32,
        key: &[u8],
        key_of: &mut dyn FnMut(u32) -> Result<Vec<u8>, DecodeError>,
    ) -> Result<Vec<u8>, DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("element key");
        let (of, alias) = (code >> 3 & 7, (code >> 6).checked_sub(1));
        let written = match of {
            of::ATTRIBUTE if !C::READS => return Ok(Vec::new()),
            of::ATTRIBUTE => return key_of(alias.ok_or(INVALID)?),
            _ if C::READS => ElementKey::Life,
            _ => ElementKey::decode(key)?,
        };
        let attribute = match (of, alias) {
            (of::MEMBER | of::COUNT, Some(alias)) if C::READS => attribute_of(&key_of(alias)?)?,
            // An attribute that the registry does not know has no number.
            (of::MEMBER | of::COUNT, None) => {
                let name = match &written {
                    ElementKey::Member(name, _) | ElementKey::Count(name, ..) => name.as_str(),
                    _ => "",
                };
                text(coder, &mut self.columns, column::ATTRIBUTE, name, standing.sources)?
            }
            _ => String::new(),
        };
        let attribute = || AttributeName::new(attribute).map_err(|_| INVALID);
        match of {
            of::MEMBER => {
                let member = if let ElementKey::Member(_, member) = written {
                    member
                } else {
                    String::new()
                };
                let member = text(coder, &mut self.columns, code >> 3, &member, standing.sources)?;
                if !C::READS {
                    return Ok(Vec::new());
                }
                let key = ElementKey::Member(attribute()?, member).encoded();
                ElementKey::decode(&key).map(|_| key)
            }
            of::COUNT => {
                let (actor, region) = match written {
                    ElementKey::Count(_, actor, region) => (Some(actor), String::from(region)),
                    _ => (None, String::new()),
                };
                let actor = self.actor(coder, actor)?.0;
                let region = text(coder, &mut self.columns, code >> 3, &region, standing.sources)?;
                if !C::READS {
                    return Ok(Vec::new());
                }
                let region = Region::new(region).map_err(|_| INVALID)?;
                Ok(ElementKey::Count(attribute()?, actor, region).encoded())
            }
            of::ANNOTATION => {
                let (actor, counter) = match written {
                    ElementKey::Annotation(dot) => (Some(dot.actor), dot.counter),
                    _ => (None, 0),
                };
                let (actor, at) = self.actor(coder, actor)?;
                let before = self.actors[at].1;
                let more = signed(&mut self.counter, coder, counter.wrapping_sub(before) as i64)?;
                let counter = before.wrapping_add(more as u64);
                self.actors[at].1 = counter;
                Ok(ElementKey::Annotation(Dot { actor, counter }).encoded())
            }
            of::LIFE => Ok(ElementKey::Life.encoded()),
            of::OTHER => {
                let key = self.columns.bytes(coder, key, ElementKey::BYTES_MAX)?;
                ElementKey::decode(&key).map(|_| key)
            }
            _ => Err(INVALID),
        }
    }

    fn actor<C: Coder>(&mut self, coder: &mut C, actor: Option<ActorId>) -> Result<(ActorId, usize), DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("actor");
        let at = actor
            .as_ref()
            .and_then(|actor| self.actors.iter().position(|(known, _)| known == actor));
        if !coder.bit(&mut self.new_actor, at.is_none())? {
            let at = self.actor.code(coder, at.unwrap_or(0) as u64)?;
            let at = usize::try_from(at).map_err(|_| INVALID)?;
            let (actor, _) = self.actors.get(at).ok_or(INVALID)?;
            return Ok((actor.clone(), at));
        }
        let (name, incarnation) = match &actor {
            Some(actor) => (actor.name.as_str(), actor.incarnation.0),
            None => ("", 0),
        };
        let name = self.columns.name(coder, column::ACTOR, name)?;
        let incarnation = Incarnation(coder.plain(64, incarnation)?);
        let actor = match actor {
            Some(actor) => actor,
            None => ActorId {
                name: ReplicaName::parse(&name).map_err(|_| INVALID)?,
                incarnation,
            },
        };
        self.actors.push((actor.clone(), 0));
        Ok((actor, self.actors.len() - 1))
    }
}

fn attribute_of(key: &[u8]) -> Result<String, DecodeError> {
    match ElementKey::decode(key)? {
        ElementKey::Attribute(name) => Ok(name.into()),
        _ => Err(DecodeError::Invalid("attribute alias")),
    }
}
