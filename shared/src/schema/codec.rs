//! A declaration as bytes: a length, then one byte a field, so that a later version can append fields.

use super::{Declaration, Kind, Priority, Residency, Rule, Tier, Writers};
use crate::bytes::{DecodeError, Reader, put_bytes};
use alloc::vec::Vec;

/// What a declaration may grow to.
const DECLARATION_BYTES_MAX: usize = 64;

impl Rule {
    const fn code(self) -> u8 {
        match self {
            Self::Registry => 0,
            Self::Latest => 1,
            Self::Precedence => 2,
            Self::KeepAll => 3,
            Self::Set => 4,
            Self::Counter => 5,
            Self::Unknown(code) => code,
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Registry,
            1 => Self::Latest,
            2 => Self::Precedence,
            3 => Self::KeepAll,
            4 => Self::Set,
            5 => Self::Counter,
            other => Self::Unknown(other),
        }
    }
}

impl Declaration {
    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fields = [
            self.kind as u8,
            self.rule.code(),
            self.tier as u8,
            self.priority as u8,
            self.residency as u8,
            self.writers as u8,
        ];
        put_bytes(out, &fields);
    }

    /// Reads a declaration. Fields that a newer version appended are passed over; a choice that this version does
    /// not know becomes the cautious one.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = Reader::new(reader.bytes(DECLARATION_BYTES_MAX)?);
        Ok(Self {
            kind: match fields.byte()? {
                0 => Kind::Bool,
                1 => Kind::Number,
                2 => Kind::Text,
                _ => Kind::Any,
            },
            rule: Rule::from_code(fields.byte()?),
            tier: match fields.byte()? {
                1 => Tier::Bounded,
                2 => Tier::Eventual,
                _ => Tier::Decided,
            },
            priority: match fields.byte()? {
                1 => Priority::P1,
                2 => Priority::P2,
                _ => Priority::P0,
            },
            residency: match fields.byte()? {
                0 => Residency::Anywhere,
                1 => Residency::Region,
                _ => Residency::Device,
            },
            writers: match fields.byte()? {
                1 => Writers::Devices,
                _ => Writers::Registry,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_declaration_from_a_newer_version_is_read() {
        let newer = [8, 2, 9, 1, 1, 0, 1, 77, 78];
        let read = Declaration::decode(&mut Reader::new(&newer)).unwrap();
        assert_eq!(read.rule, Rule::Unknown(9));
        assert_eq!(read.kind, Kind::Text);
        let mut out = Vec::new();
        read.encode(&mut out);
        assert_eq!(Declaration::decode(&mut Reader::new(&out)).unwrap(), read);
    }
}
