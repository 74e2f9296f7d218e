//! Keys: which record, and which element of it.

use crate::actor::{ActorId, Dot};
use crate::bytes::{DecodeError, Reader, put_bytes};
use crate::name::{AliasName, ApprovalName, AttributeName, ModelName, Namespace, Region, VersionName};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A model record's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordKey {
    /// Whose model.
    pub namespace: Namespace,
    /// Its name there.
    pub name: ModelName,
}

impl RecordKey {
    /// The longest encoded key, in bytes.
    pub const BYTES_MAX: usize = Namespace::BYTES_MAX + ModelName::BYTES_MAX + 4;

    /// The stable encoding. Keys of one namespace are neighbours in byte order, sorted by name.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut out = Self::prefix(&self.namespace);
        out.extend_from_slice(self.name.as_str().as_bytes());
        out
    }

    /// What the keys of a namespace begin with.
    #[must_use]
    pub fn prefix(namespace: &Namespace) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(namespace.as_str().as_bytes());
        out.push(0);
        out
    }

    /// Reads the stable encoding.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("record key");
        let text = core::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?;
        let (namespace, name) = text.split_once('\0').ok_or(INVALID)?;
        Ok(Self {
            namespace: Namespace::new(namespace).map_err(|_| INVALID)?,
            name: ModelName::new(name).map_err(|_| INVALID)?,
        })
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One element of a record: the unit that has a state of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ElementKey {
    /// Whether the registry holds the record.
    Life,
    /// An attribute's value.
    Attribute(AttributeName),
    /// One member of a set attribute.
    Member(AttributeName, String),
    /// What one actor counted in one region.
    Count(AttributeName, ActorId, Region),
    /// A version's manifest.
    Version(VersionName),
    /// Whether a version is approved for something.
    Approval(VersionName, ApprovalName),
    /// Which version is current.
    Current,
    /// Which version an alias names.
    Alias(AliasName),
    /// A note, named by the write that made it.
    Annotation(Dot),
    /// What a record is to an agent whose filter leaves it out: in place of all its elements, the digest of them.
    Stub,
    /// An element of a kind that a newer version brought: kept and passed on as it is.
    Unknown(Vec<u8>),
}

mod tag {
    pub(super) const LIFE: u8 = 1;
    pub(super) const ATTRIBUTE: u8 = 2;
    pub(super) const MEMBER: u8 = 3;
    pub(super) const COUNT: u8 = 4;
    pub(super) const VERSION: u8 = 5;
    pub(super) const APPROVAL: u8 = 6;
    pub(super) const CURRENT: u8 = 7;
    pub(super) const ALIAS: u8 = 8;
    pub(super) const ANNOTATION: u8 = 9;
    pub(super) const STUB: u8 = 10;
}

impl ElementKey {
    /// The longest encoded key, in bytes.
    pub const BYTES_MAX: usize = 1_024;
    /// The longest member of a set, in bytes.
    pub const MEMBER_BYTES_MAX: usize = 512;

    /// The stable encoding: a tag, then the parts, the last of which needs no length.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(48);
        match self {
            Self::Life => out.push(tag::LIFE),
            Self::Attribute(name) => {
                out.push(tag::ATTRIBUTE);
                out.extend_from_slice(name.as_str().as_bytes());
            }
            Self::Member(name, member) => {
                out.push(tag::MEMBER);
                put_bytes(&mut out, name.as_str().as_bytes());
                out.extend_from_slice(member.as_bytes());
            }
            Self::Count(name, actor, region) => {
                out.push(tag::COUNT);
                put_bytes(&mut out, name.as_str().as_bytes());
                actor.encode(&mut out);
                out.extend_from_slice(region.as_str().as_bytes());
            }
            Self::Version(version) => {
                out.push(tag::VERSION);
                out.extend_from_slice(version.as_str().as_bytes());
            }
            Self::Approval(version, approval) => {
                out.push(tag::APPROVAL);
                put_bytes(&mut out, version.as_str().as_bytes());
                out.extend_from_slice(approval.as_str().as_bytes());
            }
            Self::Current => out.push(tag::CURRENT),
            Self::Alias(alias) => {
                out.push(tag::ALIAS);
                out.extend_from_slice(alias.as_str().as_bytes());
            }
            Self::Annotation(dot) => {
                out.push(tag::ANNOTATION);
                dot.encode(&mut out);
            }
            Self::Stub => out.push(tag::STUB),
            Self::Unknown(bytes) => out.extend_from_slice(bytes),
        }
        out
    }

    /// The encoding of an attribute's key, without building the key.
    #[must_use]
    pub fn encoded_attribute(name: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(name.len() + 1);
        out.push(tag::ATTRIBUTE);
        out.extend_from_slice(name.as_bytes());
        out
    }

    /// The name, if these are the bytes of an attribute's key.
    #[must_use]
    pub fn attribute_of(encoded: &[u8]) -> Option<&[u8]> {
        match encoded.split_first() {
            Some((&tag::ATTRIBUTE, name)) => Some(name),
            _ => None,
        }
    }

    /// The name of the attribute to which these bytes of a key belong: an attribute's, a member's or a count's.
    #[must_use]
    pub fn names_attribute(encoded: &[u8]) -> Option<&[u8]> {
        match encoded.split_first() {
            Some((&(tag::MEMBER | tag::COUNT), parts)) => Reader::new(parts).bytes(AttributeName::BYTES_MAX).ok(),
            _ => Self::attribute_of(encoded),
        }
    }

    /// Reads the stable encoding. A tag of a newer version is kept as it is; a known tag with a wrong content is
    /// refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        const INVALID: DecodeError = DecodeError::Invalid("element key");
        if bytes.len() > Self::BYTES_MAX {
            return Err(DecodeError::TooLong);
        }
        let mut reader = Reader::new(bytes);
        let first = reader.byte()?;
        let attribute =
            |reader: &mut Reader<'_>| AttributeName::new(reader.text(AttributeName::BYTES_MAX)?).map_err(|_| INVALID);
        let version = |text: &str| VersionName::new(text).map_err(|_| INVALID);
        Ok(match first {
            tag::LIFE => Self::Life,
            tag::ATTRIBUTE => Self::Attribute(AttributeName::new(rest(&mut reader)?).map_err(|_| INVALID)?),
            tag::MEMBER => {
                let name = attribute(&mut reader)?;
                let member = rest(&mut reader)?;
                if member.len() > Self::MEMBER_BYTES_MAX {
                    return Err(DecodeError::TooLong);
                }
                Self::Member(name, member.into())
            }
            tag::COUNT => {
                let name = attribute(&mut reader)?;
                let actor = ActorId::decode(&mut reader)?;
                Self::Count(name, actor, Region::new(rest(&mut reader)?).map_err(|_| INVALID)?)
            }
            tag::VERSION => Self::Version(version(rest(&mut reader)?)?),
            tag::APPROVAL => {
                let version = version(reader.text(VersionName::BYTES_MAX)?)?;
                Self::Approval(version, ApprovalName::new(rest(&mut reader)?).map_err(|_| INVALID)?)
            }
            tag::CURRENT => Self::Current,
            tag::ALIAS => Self::Alias(AliasName::new(rest(&mut reader)?).map_err(|_| INVALID)?),
            tag::ANNOTATION => {
                let dot = Dot::decode(&mut reader)?;
                if !reader.is_empty() {
                    return Err(INVALID);
                }
                Self::Annotation(dot)
            }
            tag::STUB if reader.is_empty() => Self::Stub,
            _ => Self::Unknown(bytes.to_vec()),
        })
    }

    /// Whether these are the bytes of a stub's key.
    #[must_use]
    pub const fn is_stub(encoded: &[u8]) -> bool {
        matches!(encoded, [tag::STUB])
    }
}

fn rest<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let bytes = reader.take(reader.rest().len())?;
    core::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::Incarnation;
    use crate::name::ReplicaName;
    use alloc::vec;

    #[test]
    fn every_element_key_comes_back() {
        let actor = ActorId {
            name: ReplicaName::parse("leaf-7").unwrap(),
            incarnation: Incarnation(99),
        };
        let name = AttributeName::new("usage").unwrap();
        let version = VersionName::new("1.6").unwrap();
        let keys = vec![
            ElementKey::Life,
            ElementKey::Attribute(name.clone()),
            ElementKey::Member(name.clone(), "wheat".into()),
            ElementKey::Count(name, actor.clone(), Region::new("north").unwrap()),
            ElementKey::Version(version.clone()),
            ElementKey::Approval(version, ApprovalName::new("field-use").unwrap()),
            ElementKey::Current,
            ElementKey::Alias(AliasName::new("champion").unwrap()),
            ElementKey::Annotation(Dot { actor, counter: 300 }),
            ElementKey::Stub,
            ElementKey::Unknown(vec![200, 1, 2]),
        ];
        for key in keys {
            assert_eq!(ElementKey::decode(&key.encoded()).unwrap(), key);
        }
    }

    #[test]
    fn record_keys_sort_by_namespace_then_name() {
        let key = |namespace: &str, name: &str| RecordKey {
            namespace: Namespace::new(namespace).unwrap(),
            name: ModelName::new(name).unwrap(),
        };
        let (a, b) = (key("a", "z"), key("ab", "a"));
        assert!(a.encoded() < b.encoded());
        assert_eq!(RecordKey::decode(&b.encoded()).unwrap(), b);
    }
}
