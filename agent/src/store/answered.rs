//! Answered requests: what a retry is answered with instead of being done again.
//!
//! No part of the store's format: a version that does not know the tables leaves them alone, and only retries across
//! the change of version are done twice.

use super::tables::{Tables, Views};
use headland_host::tables::{ByteTable, StoreError};
use headland_shared::actor::Dot;
use headland_shared::bytes::{DecodeError, Reader, put_varint};
use headland_shared::element::Tally;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, TableError};

/// Hash of the request's key (16 bytes) -> number (8), hash of the request (16), what was written.
pub(super) const ANSWERED: ByteTable = TableDefinition::new("answered-1");
/// Number (8) -> hash of the request's key (16): the oldest go first.
pub(super) const ANSWERED_ORDER: ByteTable = TableDefinition::new("answered-order-1");

/// The most answers that are kept for retries: more than an hour of a write each second, half a megabyte of flash. A
/// client that has waited longer for an answer has to look whether its write is there.
pub const ANSWERED_MAX: u64 = 4_096;

/// A request that is to be done once, however often it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The hash of the key that its sender gave it.
    pub key: u128,
    /// The hash of all that it asks for.
    pub content: u128,
}

/// What a write made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The note.
    Note(Dot),
    /// A note is gone.
    Removed,
    /// What this device has counted.
    Counted(Tally),
    /// What this device sees is kept.
    Reported,
}

/// What is known of a request's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// This request was done, and made this.
    Same(Written),
    /// Another request was done under this key.
    Other,
}

impl Written {
    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Note(dot) => {
                out.push(1);
                dot.encode(&mut out);
            }
            Self::Removed => out.push(2),
            Self::Counted(tally) => {
                out.push(3);
                put_varint(&mut out, tally.added);
                put_varint(&mut out, tally.removed);
            }
            Self::Reported => out.push(4),
        }
        out
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.byte()? {
            1 => Dot::decode(reader).map(Self::Note),
            2 => Ok(Self::Removed),
            3 => Ok(Self::Counted(Tally {
                added: reader.varint()?,
                removed: reader.varint()?,
            })),
            4 => Ok(Self::Reported),
            _ => Err(DecodeError::Invalid("answered request")),
        }
    }
}

/// Makes both tables unless they are there.
pub(super) fn make_where_missing(database: &Database) -> Result<(), StoreError> {
    let reading = database.begin_read()?;
    let missing = |table| matches!(reading.open_table(table), Err(TableError::TableDoesNotExist(_)));
    if !missing(ANSWERED) && !missing(ANSWERED_ORDER) {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    for table in [ANSWERED, ANSWERED_ORDER] {
        transaction.open_table(table)?;
    }
    Ok(transaction.commit()?)
}

impl Views {
    /// What is known of a request's key; nothing when it is new, or too long ago.
    pub fn answered(&self, request: &Request) -> Result<Option<Answered>, StoreError> {
        let Some(row) = self.answered.get(request.key.to_be_bytes().as_slice())? else {
            return Ok(None);
        };
        let read = || -> Result<Answered, DecodeError> {
            let mut reader = Reader::new(row.value());
            let _number = reader.u64_be()?;
            let content = u128::from(reader.u64_be()?) << 64 | u128::from(reader.u64_be()?);
            match content == request.content {
                true => Written::decode(&mut reader).map(Answered::Same),
                false => Ok(Answered::Other),
            }
        };
        read()
            .map(Some)
            .map_err(|error| StoreError::corrupt("answered-1", error))
    }
}

impl Tables<'_> {
    /// Keeps what a request made, in the transaction that makes it; the oldest go when there are too many.
    pub fn set_answered(&mut self, request: &Request, written: &Written) -> Result<(), StoreError> {
        let last = self.answered_order.last()?.map(|(number, _)| number.value().to_vec());
        let last = last.map_or(Ok(0), |bytes| Reader::new(&bytes).u64_be());
        let number = last.map_err(|error| StoreError::corrupt("answered-order-1", error))? + 1;
        let mut row = number.to_be_bytes().to_vec();
        row.extend_from_slice(&request.content.to_be_bytes());
        row.extend_from_slice(&written.encoded());
        let key = request.key.to_be_bytes();
        self.answered.insert(key.as_slice(), row.as_slice())?;
        self.answered_order
            .insert(number.to_be_bytes().as_slice(), key.as_slice())?;
        while self.answered_order.len()? > ANSWERED_MAX {
            let oldest = self.answered_order.pop_first()?.map(|(_, key)| key.value().to_vec());
            if let Some(key) = oldest {
                self.answered.remove(key.as_slice())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use headland_shared::name::ReplicaName;
    use redb::backends::InMemoryBackend;

    #[test]
    fn the_oldest_answers_go_and_the_others_stay() {
        let open = || Ok(Database::builder().create_with_backend(InMemoryBackend::new()).unwrap());
        let store = Store::open(open, &ReplicaName::parse("leaf-7").unwrap(), 7).unwrap();
        let request = |number: u64| Request {
            key: u128::from(number),
            content: 1,
        };
        let counted = |added| Written::Counted(Tally { added, removed: 0 });
        let put = |tables: &mut Tables<'_>| -> Result<(), StoreError> {
            (0..=ANSWERED_MAX).try_for_each(|number| tables.set_answered(&request(number), &counted(number)))
        };
        store.write(put).unwrap();
        let views = store.read().unwrap();
        assert_eq!(views.answered(&request(0)).unwrap(), None);
        for number in [1, ANSWERED_MAX] {
            assert_eq!(
                views.answered(&request(number)).unwrap(),
                Some(Answered::Same(counted(number)))
            );
        }
        let other = Request { key: 1, content: 2 };
        assert_eq!(views.answered(&other).unwrap(), Some(Answered::Other));
    }
}
