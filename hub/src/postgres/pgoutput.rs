//! Messages of PostgreSQL's `pgoutput` plugin, protocol version 1, with columns as text.
//!
//! The format is in PostgreSQL's manual, "Logical Replication Message Formats". Everything is bounded; what is not
//! understood is an error, and never a panic.

#[cfg(test)]
mod tests;

use crate::registry::bridge::Lsn;
use headland_shared::bytes::{DecodeError, Reader};

/// The most columns that a relation has: PostgreSQL's own bound for a table is 1,600.
pub const COLUMNS_MAX: usize = 1_600;
/// The most relations that one TRUNCATE names: more than any publication that is followed here has.
pub const RELATIONS_MAX: usize = 4_096;
/// The longest name, in bytes: PostgreSQL keeps 63 unless it was built otherwise.
pub const NAME_BYTES_MAX: usize = 255;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// A transaction begins; messages up to its commit belong to it.
    Begin {
        /// Where its commit record is.
        commit: Lsn,
        /// When it was committed, in microseconds since 2000 by the database's clock.
        at_us: i64,
        /// The transaction's number, which wraps around.
        xid: u32,
    },
    /// The transaction ends.
    Commit {
        /// Where its commit record is.
        commit: Lsn,
        /// Where its commit record ends: what is confirmed once all of it is durable.
        end: Lsn,
        /// When it was committed, in microseconds since 2000 by the database's clock.
        at_us: i64,
    },
    /// What a relation looks like from here on; comes before its first row and after each change.
    Relation(Relation),
    /// A new row.
    Insert {
        /// The relation's number.
        relation: u32,
        /// The row.
        new: Tuple<'a>,
    },
    /// A row that changed.
    Update {
        /// The relation's number.
        relation: u32,
        /// The row before: its identity where that changed, or all of it. Nothing when the identity is the same and
        /// the relation tells no more.
        old: Option<Tuple<'a>>,
        /// The row.
        new: Tuple<'a>,
    },
    /// A row that is gone.
    Delete {
        /// The relation's number.
        relation: u32,
        /// Its identity, or all of it.
        old: Tuple<'a>,
    },
    /// All rows of these relations are gone.
    Truncate {
        /// The relations' numbers.
        relations: Vec<u32>,
    },
    /// What somebody said with `pg_logical_emit_message`.
    Emitted {
        /// Whether it is part of the transaction.
        transactional: bool,
        /// Where it is.
        at: Lsn,
        /// What tells messages of one program from those of another.
        prefix: &'a str,
        /// What it says.
        content: &'a [u8],
    },
    /// A type or an origin: nothing that is needed here.
    Ignored,
}

/// A relation, as its rows are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its number.
    pub id: u32,
    /// Its schema; empty for the system's own.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns in the order of values.
    pub columns: Vec<Column>,
}

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Whether it is part of what names a row in updates and deletions.
    pub identity: bool,
    /// The number of its type.
    pub type_oid: u32,
}

/// The values of a row, one for each column of its relation.
pub type Tuple<'a> = Vec<Datum<'a>>;

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datum<'a> {
    /// NULL; also what is not part of the identity where only that is sent.
    Null,
    /// A long value, stored apart, that the update did not touch. It is not sent: it is what it was.
    Unchanged,
    /// The value as text.
    Text(&'a str),
}

impl<'a> Message<'a> {
    /// Reads one message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let message = match reader.byte()? {
            b'B' => Self::Begin {
                commit: Lsn(reader.u64_be()?),
                at_us: i64_be(&mut reader)?,
                xid: reader.u32_be()?,
            },
            b'C' => {
                reader.byte()?; // Flags: none are defined.
                Self::Commit {
                    commit: Lsn(reader.u64_be()?),
                    end: Lsn(reader.u64_be()?),
                    at_us: i64_be(&mut reader)?,
                }
            }
            b'R' => Self::Relation(relation(&mut reader)?),
            b'I' => Self::Insert {
                relation: reader.u32_be()?,
                new: marked(&mut reader, b'N')?,
            },
            b'U' => update(&mut reader)?,
            b'D' => {
                let relation = reader.u32_be()?;
                let old = match reader.byte()? {
                    b'K' | b'O' => tuple(&mut reader)?,
                    _ => return Err(DecodeError::Invalid("kind of a deleted row")),
                };
                Self::Delete { relation, old }
            }
            b'T' => truncate(&mut reader)?,
            b'M' => emitted(&mut reader)?,
            b'Y' | b'O' => return Ok(Self::Ignored),
            _ => return Err(DecodeError::Invalid("kind of message")),
        };
        reader
            .is_empty()
            .then_some(message)
            .ok_or(DecodeError::Invalid("length of a message"))
    }
}

fn relation(reader: &mut Reader<'_>) -> Result<Relation, DecodeError> {
    let id = reader.u32_be()?;
    let (schema, name) = (name(reader)?.to_owned(), name(reader)?.to_owned());
    reader.byte()?; // Which identity it has; each column says whether it is part of it.
    let count = columns(reader)?;
    let mut columns = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let identity = reader.byte()? & 1 == 1;
        let column = Column {
            name: self::name(reader)?.to_owned(),
            identity,
            type_oid: reader.u32_be()?,
        };
        reader.u32_be()?; // The type's modifier.
        columns.push(column);
    }
    Ok(Relation {
        id,
        schema,
        name,
        columns,
    })
}

fn update<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, DecodeError> {
    let relation = reader.u32_be()?;
    let (old, new) = match reader.byte()? {
        b'N' => (None, tuple(reader)?),
        b'K' | b'O' => (Some(tuple(reader)?), marked(reader, b'N')?),
        _ => return Err(DecodeError::Invalid("kind of an updated row")),
    };
    Ok(Message::Update { relation, old, new })
}

fn truncate<'a>(reader: &mut Reader<'_>) -> Result<Message<'a>, DecodeError> {
    let count = reader.u32_be()? as usize;
    if count > RELATIONS_MAX {
        return Err(DecodeError::TooLong);
    }
    reader.byte()?; // CASCADE and RESTART IDENTITY: the relations that it cascades to are listed.
    let relations = (0..count).map(|_| reader.u32_be()).collect::<Result<_, _>>()?;
    Ok(Message::Truncate { relations })
}

fn emitted<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, DecodeError> {
    let transactional = reader.byte()? & 1 == 1;
    let at = Lsn(reader.u64_be()?);
    let prefix = name(reader)?;
    let length = reader.u32_be()? as usize;
    Ok(Message::Emitted {
        transactional,
        at,
        prefix,
        content: reader.take(length)?,
    })
}

fn marked<'a>(reader: &mut Reader<'a>, mark: u8) -> Result<Tuple<'a>, DecodeError> {
    match reader.byte()? {
        found if found == mark => tuple(reader),
        _ => Err(DecodeError::Invalid("mark of a row")),
    }
}

fn tuple<'a>(reader: &mut Reader<'a>) -> Result<Tuple<'a>, DecodeError> {
    let count = columns(reader)?;
    let mut values = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        values.push(match reader.byte()? {
            b'n' => Datum::Null,
            b'u' => Datum::Unchanged,
            b't' => {
                let length = reader.u32_be()? as usize;
                let bytes = reader.take(length)?;
                Datum::Text(std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?)
            }
            _ => return Err(DecodeError::Invalid("kind of a value")),
        });
    }
    Ok(values)
}

fn columns(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let bytes = reader.take(2)?;
    let count = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    if count > COLUMNS_MAX {
        return Err(DecodeError::TooLong);
    }
    Ok(count)
}

/// A text that ends with a zero.
fn name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let within = reader.rest();
    let within = &within[..within.len().min(NAME_BYTES_MAX + 1)];
    let Some(length) = within.iter().position(|byte| *byte == 0) else {
        return Err(match within.len() > NAME_BYTES_MAX {
            true => DecodeError::TooLong,
            false => DecodeError::Truncated,
        });
    };
    let bytes = reader.take(length + 1)?;
    std::str::from_utf8(&bytes[..length]).map_err(|_| DecodeError::NotUtf8)
}

fn i64_be(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    Ok(reader.u64_be()?.cast_signed())
}
