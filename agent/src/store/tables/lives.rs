//! What tells this store from copies of it: the hub's token, and the chain of its own writes.

use super::{Tables, Views, Writing, number, own, own_write, rows};
use crate::store::meta;
use crate::store::own::{OWN_WRITES_MAX, OwnWrite};
use headland_host::tables::StoreError;
use headland_shared::actor::ActorId;
use headland_shared::bytes::{Reader, put_varint};
use headland_shared::chain::Link;
use headland_shared::element::Tally;
use headland_shared::message::more::SessionToken;
use redb::{ReadableTable, ReadableTableMetadata};

/// The most dots of which the chain is kept: twice the writes that can be kept, since a count that was overtaken may
/// have been sent. Of what is beyond it nothing can be shown, and the store would begin a new life.
const LINKS_MAX: u64 = 2 * OWN_WRITES_MAX;

impl Views {
    /// The hub's token of the latest session.
    pub fn token(&self) -> Result<Option<SessionToken>, StoreError> {
        meta(&self.meta, rows::TOKEN)?
            .map(|bytes| rows::decode(&bytes))
            .transpose()
    }

    /// The run of the hub in which the parts were cut that are staged.
    pub fn staged_under(&self) -> Result<Option<u64>, StoreError> {
        meta(&self.meta, rows::STAGED_UNDER)?
            .map(|bytes| rows::decode(&bytes))
            .transpose()
    }

    /// The chain up to a dot, where that is kept.
    pub fn link(&self, dot: u64) -> Result<Option<Link>, StoreError> {
        if dot == 0 {
            return Ok(Some(Link::default()));
        }
        link_of(&self.own_chain, dot)
    }

    /// What the hub had of a count when it last said so.
    pub fn counted(&self, record: &[u8], element: &[u8]) -> Result<Tally, StoreError> {
        let Some(value) = self.own_base.get(own::key(record, element).as_slice())? else {
            return Ok(Tally::default());
        };
        let corrupt = |error| StoreError::corrupt("own-base-1", error);
        let mut reader = Reader::new(value.value());
        Ok(Tally {
            added: reader.varint().map_err(corrupt)?,
            removed: reader.varint().map_err(corrupt)?,
        })
    }
}

fn link_of(table: &impl ReadableTable<&'static [u8], &'static [u8]>, dot: u64) -> Result<Option<Link>, StoreError> {
    let value = table.get(dot.to_be_bytes().as_slice())?;
    let corrupt = |error| StoreError::corrupt("own-chain-1", error);
    value
        .map(|value| Reader::new(value.value()).u64_be().map(Link).map_err(corrupt))
        .transpose()
}

impl Tables<'_> {
    /// Remembers the hub's token of this session.
    pub fn set_token(&mut self, token: SessionToken) -> Result<(), StoreError> {
        self.meta.insert(rows::TOKEN, rows::encode(&token).as_slice())?;
        Ok(())
    }

    /// Notes the run of the hub in which the parts were cut that are staged.
    pub fn set_staged_under(&mut self, boot: u64) -> Result<(), StoreError> {
        self.meta.insert(rows::STAGED_UNDER, rows::encode(&boot).as_slice())?;
        Ok(())
    }

    /// Extends the chain by a write, which takes the next dot.
    pub(super) fn extend_chain(
        &mut self,
        dot: u64,
        record: &[u8],
        element: &[u8],
        state: &[u8],
    ) -> Result<(), StoreError> {
        let before = match meta(&self.meta, rows::LAST_DOT)? {
            Some(bytes) => link_of(&self.own_chain, number(&bytes)?)?,
            None => None,
        };
        let link = before.unwrap_or_default().extended(dot, record, element, state);
        self.own_chain
            .insert(dot.to_be_bytes().as_slice(), link.0.to_be_bytes().as_slice())?;
        while self.own_chain.len()? > LINKS_MAX {
            self.own_chain.pop_first()?;
        }
        Ok(())
    }

    /// Forgets the chain before a dot that the hub has stored.
    pub fn forget_chain_before(&mut self, dot: u64) -> Result<(), StoreError> {
        let end = dot.to_be_bytes();
        self.own_chain.retain_in(..end.as_slice(), |_, _| false)?;
        Ok(())
    }

    /// Notes what the hub has of a count.
    pub fn set_counted(&mut self, record: &[u8], element: &[u8], tally: Tally) -> Result<(), StoreError> {
        let mut value = Vec::new();
        put_varint(&mut value, tally.added);
        put_varint(&mut value, tally.removed);
        self.own_base
            .insert(own::key(record, element).as_slice(), value.as_slice())?;
        Ok(())
    }

    /// Begins another life under a new actor: its dots and its chain begin anew. `writes` are taken out, to be put in
    /// again by the new actor.
    pub fn begin_life(&mut self, actor: &ActorId, writes: &[OwnWrite]) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        actor.encode(&mut bytes);
        self.meta.insert(rows::ACTOR, bytes.as_slice())?;
        for name in [rows::TOKEN, rows::LAST_DOT, rows::STORED] {
            self.meta.remove(name)?;
        }
        self.touched.everything();
        clear(&mut self.own_dots)?;
        clear(&mut self.own_chain)?;
        clear(&mut self.own_base)?;
        for write in writes {
            let key = own::key(&write.record.encoded(), &write.element.encoded());
            self.own.remove(key.as_slice())?;
        }
        Ok(())
    }

    /// All own elements, in the order of their keys.
    pub fn own_all(&self) -> Result<Vec<OwnWrite>, StoreError> {
        let rows = self.own.iter()?;
        rows.map(|row| {
            let (key, value) = row?;
            own_write(key.value(), value.value())
        })
        .collect()
    }
}

fn clear(table: &mut Writing<'_>) -> Result<(), StoreError> {
    Ok(table.retain(|_, _| false)?)
}
