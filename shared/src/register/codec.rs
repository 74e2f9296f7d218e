//! A register as bytes. The common case, one write by the registry, is kept small.

use super::{REGISTER_WRITERS_MAX, Rank, Register, Write, Writer};
use crate::actor::ActorId;
use crate::bytes::{DecodeError, Reader, put_bytes, put_varint};
use crate::epoch::{Life, Position};
use crate::stamp::Stamp;
use crate::value::{VALUE_BYTES_MAX, Value};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// One write by the registry: what a delta carries in a few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CentralWrite<'a> {
    /// Where it stands.
    pub position: Position,
    /// Whether it can be taken back.
    pub sticky: bool,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The encoded value; empty when the value was taken away.
    pub value: &'a [u8],
}

impl<'a> CentralWrite<'a> {
    /// Appends the content of a state with this one write.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.position.life.0.to_be_bytes());
        put_varint(out, self.position.number);
        put_varint(out, self.at_ms);
        out.extend_from_slice(self.value);
    }

    /// Reads the content without looking at the value.
    pub fn decode(sticky: bool, content: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(content);
        let life = Life(reader.u64_be()?);
        let number = reader.varint()?;
        let at_ms = reader.varint()?;
        Ok(Self {
            position: Position { life, number },
            sticky,
            at_ms,
            value: reader.rest(),
        })
    }
}

impl Register {
    /// The one write of a register that only the registry wrote, if it has the plain form.
    pub(crate) fn as_central(&self) -> Option<&Write> {
        let mut writes = self.slots.iter();
        let (Some((Writer::Central, write)), None) = (writes.next(), writes.next()) else {
            return None;
        };
        let plain = write.covers.is_empty() && write.at == Stamp::at_ms(write.at.ms());
        plain.then_some(write)
    }

    pub(crate) fn from_central(central: &CentralWrite<'_>) -> Result<Self, DecodeError> {
        let value = decode_value(central.value)?;
        let mut write = Write::central(central.position, Stamp::at_ms(central.at_ms), value);
        write.sticky = central.sticky;
        Ok(Self::of(Writer::Central, write))
    }

    /// Appends the general form.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.slots.len() as u64);
        for (writer, write) in &self.slots {
            writer.encode(out);
            write.encode(out);
        }
    }

    /// Reads the general form.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut slots = BTreeMap::new();
        for _ in 0..reader.count(REGISTER_WRITERS_MAX)? {
            let writer = Writer::decode(reader)?;
            let write = Write::decode(reader)?;
            slots.insert(writer, write);
        }
        Ok(Self { slots })
    }
}

fn decode_value(bytes: &[u8]) -> Result<Option<Value>, DecodeError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut reader = Reader::new(bytes);
    let value = Value::decode(&mut reader)?;
    if !reader.is_empty() {
        return Err(DecodeError::Invalid("value"));
    }
    Ok(Some(value))
}

impl Writer {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Central => out.push(0),
            Self::Edge(rank, actor) => {
                out.push(1 + *rank as u8);
                actor.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let rank = match reader.byte()? {
            0 => return Ok(Self::Central),
            1 => Rank::Automation,
            2 => Rank::Operator,
            3 => Rank::Person,
            _ => return Err(DecodeError::Invalid("writer")),
        };
        Ok(Self::Edge(rank, ActorId::decode(reader)?))
    }
}

impl Write {
    /// Appends the general form of one write.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.sticky));
        encode_position(self.position, out);
        put_varint(out, self.at.0);
        let mut value = Vec::new();
        if let Some(held) = &self.value {
            held.encode(&mut value);
        }
        put_bytes(out, &value);
        put_varint(out, self.covers.len() as u64);
        for (writer, position) in &self.covers {
            writer.encode(out);
            encode_position(*position, out);
        }
    }

    /// Reads the general form of one write.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let sticky = match reader.byte()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Invalid("flag")),
        };
        let position = decode_position(reader)?;
        let at = Stamp(reader.varint()?);
        let value = decode_value(reader.bytes(VALUE_BYTES_MAX)?)?;
        let mut covers = BTreeMap::new();
        for _ in 0..reader.count(REGISTER_WRITERS_MAX * 3)? {
            let writer = Writer::decode(reader)?;
            covers.insert(writer, decode_position(reader)?);
        }
        Ok(Self {
            position,
            sticky,
            at,
            value,
            covers,
        })
    }
}

fn encode_position(position: Position, out: &mut Vec<u8>) {
    put_varint(out, position.life.0);
    put_varint(out, position.number);
}

fn decode_position(reader: &mut Reader<'_>) -> Result<Position, DecodeError> {
    Ok(Position {
        life: Life(reader.varint()?),
        number: reader.varint()?,
    })
}
