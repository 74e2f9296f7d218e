//! Changing the tables, within one write transaction.

use super::stubs::is_stub;
use super::{Tables, own, own_write, rows, split_record};
use crate::store::own::{OwnWrite, Standing};
use crate::store::rows::{Placed, ScopeRow, StagedHead};
use headland_host::tables::StoreError;
use headland_shared::bytes::Reader;
use headland_shared::delta::{AttributeIntroduction, ScopeAlias};
use headland_shared::element::State;
use headland_shared::session::budget::Ledger;
use headland_shared::stamp::Stamp;
use redb::ReadableTable;

impl Tables<'_> {
    /// Sets where the agent stands.
    pub fn set_placed(&mut self, placed: &Placed) -> Result<(), StoreError> {
        let placed = rows::encode(placed);
        self.meta.insert(rows::PLACED, placed.as_slice())?;
        self.note_found(Some(&placed))
    }

    /// Forgets where the agent stands: it will ask for everything. What it holds stays readable.
    pub fn forget_place(&mut self) -> Result<(), StoreError> {
        self.meta.remove(rows::PLACED)?;
        self.note_found(None)?;
        self.clear_staging()
    }

    /// Notes the patterns by which the store is filled.
    pub fn set_follow(&mut self, follow: &[u8]) -> Result<(), StoreError> {
        self.meta.insert(rows::FOLLOW, follow)?;
        Ok(())
    }

    /// Notes the filter by which the store is filled from here on, if by one.
    pub fn set_filter(&mut self, filter: Option<&str>) -> Result<(), StoreError> {
        match filter {
            Some(filter) => self.meta.insert(rows::FILTER, filter.as_bytes())?,
            None => self.meta.remove(rows::FILTER)?,
        };
        Ok(())
    }

    /// Notes when the catalogue was last known to be the registry's state.
    pub fn set_as_of(&mut self, as_of: &[u8]) -> Result<(), StoreError> {
        self.meta.insert(rows::AS_OF, as_of)?;
        Ok(())
    }

    /// Notes what the link has carried of its budget.
    pub fn set_ledger(&mut self, ledger: &Ledger) -> Result<(), StoreError> {
        self.meta.insert(rows::LEDGER, rows::encode_ledger(ledger).as_slice())?;
        Ok(())
    }

    /// Notes up to which own write the hub has stored all.
    pub fn set_stored(&mut self, dot: u64) -> Result<(), StoreError> {
        self.set_number(rows::STORED, dot)
    }

    fn set_number(&mut self, name: &[u8], number: u64) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        headland_shared::bytes::put_varint(&mut bytes, number);
        self.meta.insert(name, bytes.as_slice())?;
        Ok(())
    }

    /// Adds a part to the staging table.
    pub fn stage(&mut self, head: &StagedHead, delta: &[u8]) -> Result<(), StoreError> {
        let index = (head.parts - 1).to_be_bytes();
        self.staging.insert(index.as_slice(), delta)?;
        self.meta.insert(rows::STAGED, rows::encode(head).as_slice())?;
        Ok(())
    }

    /// Empties the staging table.
    pub fn clear_staging(&mut self) -> Result<(), StoreError> {
        self.meta.remove(rows::STAGED)?;
        self.staging.retain(|_, _| false)?;
        Ok(())
    }

    /// Forgets all numbers: they were another epoch's. The records stay.
    pub fn forget_numbers(&mut self) -> Result<(), StoreError> {
        self.handles.retain(|_, _| false)?;
        self.scopes.retain(|_, _| false)?;
        self.attributes.retain(|_, _| false)?;
        Ok(())
    }

    /// Sets a scope's row.
    pub fn set_scope(&mut self, alias: ScopeAlias, row: &ScopeRow) -> Result<(), StoreError> {
        self.scopes
            .insert(alias.to_be_bytes().as_slice(), row.encoded().as_slice())?;
        Ok(())
    }

    /// Learns an attribute's number and declaration.
    pub fn learn_attribute(&mut self, attribute: &AttributeIntroduction) -> Result<(), StoreError> {
        let name = attribute.name.as_str().as_bytes();
        self.attributes.insert(attribute.alias.to_be_bytes().as_slice(), name)?;
        let mut declaration = Vec::new();
        attribute.declaration.encode(&mut declaration);
        let before = self.schema.insert(name, declaration.as_slice())?;
        // Declared anew, it may be shown otherwise wherever it is.
        if before.is_some_and(|before| before.value() != declaration) {
            self.touched.everything();
        }
        Ok(())
    }

    /// The key of a record by its number.
    pub fn key_of(&self, handle: u32) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .handles
            .get(handle.to_be_bytes().as_slice())?
            .map(|key| key.value().to_vec()))
    }

    /// The number and blob of a record that is held whole.
    pub fn whole(&self, key: &[u8]) -> Result<Option<(u32, Vec<u8>)>, StoreError> {
        self.records
            .get(key)?
            .map(|value| split_record(value.value()))
            .transpose()
    }

    /// A record's number and blob, which may be a stub's.
    pub fn record(&self, key: &[u8]) -> Result<Option<(u32, Vec<u8>)>, StoreError> {
        match self.whole(key)? {
            Some(whole) => Ok(Some(whole)),
            None => self.stub(key),
        }
    }

    /// Sets a record; with a stub for a blob nothing else is left of it.
    pub fn set_record(&mut self, handle: u32, key: &[u8], blob: &[u8]) -> Result<(), StoreError> {
        let mut value = Vec::with_capacity(blob.len() + 4);
        value.extend_from_slice(&handle.to_be_bytes());
        value.extend_from_slice(blob);
        if is_stub(blob)? {
            if self.records.remove(key)?.is_some() {
                self.touched.record(key);
                self.find_no_more(key)?;
            }
            self.stubs.insert(key, value.as_slice())?;
            return self.set_handle(handle, key);
        }
        self.stubs.remove(key)?;
        let before = self.records.insert(key, value.as_slice())?;
        // With another number it is what it was.
        if before.is_none_or(|before| before.value().get(4..) != Some(blob)) {
            self.touched.record(key);
        }
        self.set_handle(handle, key)?;
        self.find_by(key, blob)
    }

    /// Sets whose a number is. Most changes are of records that have theirs, and what is written again costs pages.
    fn set_handle(&mut self, handle: u32, key: &[u8]) -> Result<(), StoreError> {
        if self.key_of(handle)?.as_deref() != Some(key) {
            self.handles.insert(handle.to_be_bytes().as_slice(), key)?;
        }
        Ok(())
    }

    /// Visits all records with their numbers, stubs among them, in the order of keys.
    pub fn each_record<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(&[u8], u32, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut wholes = self.records.iter().map_err(StoreError::from)?.peekable();
        let mut stubs = self.stubs.iter().map_err(StoreError::from)?.peekable();
        loop {
            let stub_next = match (wholes.peek(), stubs.peek()) {
                (Some(Ok((whole, _))), Some(Ok((stub, _)))) => stub.value() < whole.value(),
                (None, _) => true,
                (Some(_), _) => false,
            };
            let next = if stub_next { stubs.next() } else { wholes.next() };
            let Some(row) = next else {
                return Ok(());
            };
            let (key, value) = row.map_err(StoreError::from)?;
            let mut reader = Reader::new(value.value());
            let handle = reader
                .u32_be()
                .map_err(|error| StoreError::corrupt("records-1", error))?;
            visit(key.value(), handle, reader.rest())?;
        }
    }

    /// Gives a record another number; the old one means nothing any more.
    pub fn renumber(&mut self, key: &[u8], from: u32, to: u32) -> Result<(), StoreError> {
        if from == to {
            return self.set_handle(to, key);
        }
        match self.record(key)? {
            Some((_, blob)) => self.set_record(to, key, &blob),
            None => Ok(()),
        }
    }

    /// Drops a record and its number.
    pub fn remove_record(&mut self, handle: u32, key: &[u8]) -> Result<(), StoreError> {
        self.records.remove(key)?;
        self.stubs.remove(key)?;
        self.touched.record(key);
        self.handles.remove(handle.to_be_bytes().as_slice())?;
        self.find_no_more(key)
    }

    /// Drops all records for which `keep` says no; gives how many there were and how many went.
    pub fn retain_records(&mut self, keep: impl Fn(&[u8]) -> bool) -> Result<(u64, u64), StoreError> {
        let (mut before, mut dropped) = (0, 0);
        let mut counted = |key: &[u8]| {
            before += 1;
            let kept = keep(key);
            dropped += u64::from(!kept);
            kept
        };
        self.stubs.retain(|key, _| counted(key))?;
        self.records.retain(|key, _| {
            let kept = counted(key);
            if !kept {
                self.touched.record(key);
            }
            kept
        })?;
        self.find_only(keep)?;
        Ok((before, dropped))
    }

    /// Sets the state of an own element, which takes the next dot; gives that dot.
    pub fn put_own(
        &mut self,
        record: &[u8],
        element: &[u8],
        state: &State,
        dot: u64,
        stamp: Stamp,
    ) -> Result<(), StoreError> {
        let key = own::key(record, element);
        self.touched.record(record);
        self.forget_dot(&key)?;
        self.extend_chain(dot, record, element, &state.encoded())?;
        self.own
            .insert(key.as_slice(), own::value(dot, Standing::Taken, state).as_slice())?;
        self.own_dots.insert(dot.to_be_bytes().as_slice(), key.as_slice())?;
        self.set_number(rows::LAST_DOT, dot)?;
        self.set_number(rows::LAST_STAMP, stamp.0)
    }

    fn forget_dot(&mut self, key: &[u8]) -> Result<(), StoreError> {
        let earlier = match self.own.get(key)? {
            Some(value) => own_write(key, value.value())?.dot,
            None => return Ok(()),
        };
        self.own_dots.remove(earlier.to_be_bytes().as_slice())?;
        Ok(())
    }

    /// The hub has refused the write with this dot: it no longer counts, and stays for the record.
    pub fn refuse_own(&mut self, dot: u64) -> Result<(), StoreError> {
        let Some(key) = self
            .own_dots
            .get(dot.to_be_bytes().as_slice())?
            .map(|key| key.value().to_vec())
        else {
            return Ok(());
        };
        let write = match self.own.get(key.as_slice())? {
            Some(value) => own_write(&key, value.value())?,
            None => return Ok(()),
        };
        self.touched.record(&write.record.encoded());
        self.own.insert(
            key.as_slice(),
            own::value(dot, Standing::Refused, &write.state).as_slice(),
        )?;
        Ok(())
    }

    /// The state of an own element.
    pub fn own(&self, record: &[u8], element: &[u8]) -> Result<Option<OwnWrite>, StoreError> {
        let key = own::key(record, element);
        self.own
            .get(key.as_slice())?
            .map(|value| own_write(&key, value.value()))
            .transpose()
    }

    /// How many own writes are kept.
    pub fn own_count(&self) -> Result<u64, StoreError> {
        use redb::ReadableTableMetadata;
        Ok(self.own.len()?)
    }
}
