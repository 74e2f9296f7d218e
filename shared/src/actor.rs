//! Who writes: actors, and the dots that name single writes.

use crate::bytes::{DecodeError, Reader, put_bytes, put_varint};
use crate::name::ReplicaName;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// One life of a replica's store: random, made with the store. A store that was lost, cloned or restored gets
/// another, so that no dot is ever used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// One writer: a replica's name and its incarnation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ActorId {
    /// The replica's name.
    pub name: ReplicaName,
    /// Which of its lives.
    pub incarnation: Incarnation,
}

impl ActorId {
    /// Appends the stable encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.name.as_str().as_bytes());
        out.extend_from_slice(&self.incarnation.0.to_be_bytes());
    }

    /// Reads the stable encoding.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let name = reader.text(ReplicaName::BYTES_MAX)?;
        let name = ReplicaName::parse(name).map_err(|_| DecodeError::Invalid("replica name"))?;
        Ok(Self {
            name,
            incarnation: Incarnation(reader.u64_be()?),
        })
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:08x}", self.name, self.incarnation.0 >> 32)
    }
}

/// The name of one atomic write: the actor and its own count of writes, from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dot {
    /// Who wrote.
    pub actor: ActorId,
    /// The how-manieth of its writes this is.
    pub counter: u64,
}

impl Dot {
    /// Appends the stable encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.actor.encode(out);
        put_varint(out, self.counter);
    }

    /// Reads the stable encoding.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            actor: ActorId::decode(reader)?,
            counter: reader.varint()?,
        })
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.actor.to_string())?;
        write!(f, ":{}", self.counter)
    }
}
