//! The rows, as they were last said.

use super::{BridgeError, Extent, RowsHeard};
use crate::registry::bridge::mapping::Mapping;
use crate::registry::bridge::row::{Field, RowChange};
use crate::store::{Tables, Writing};
use headland_host::tables::StoreError;
use headland_shared::key::RecordKey;
use std::collections::BTreeSet;

/// Keeps the rows, and says which records they touch.
pub(super) fn take_rows(
    tables: &mut Tables<Writing<'_>>,
    mapping: &Mapping,
    heard: &mut RowsHeard,
) -> Result<BTreeSet<RecordKey>, BridgeError> {
    let mut touched = BTreeSet::new();
    let edge_writes = mapping.edge_writes_number();
    if heard.extent == Extent::Whole {
        tables.clear_rows(None, |_| {})?;
    }
    heard.rows.each(|change| match edge_writes == Some(change.table()) {
        // These are no rows that records are made of.
        true => Ok(()),
        false => take_row(tables, mapping, change, &mut touched),
    })?;
    Ok(touched)
}

fn take_row(
    tables: &mut Tables<Writing<'_>>,
    mapping: &Mapping,
    change: RowChange,
    touched: &mut BTreeSet<RecordKey>,
) -> Result<(), BridgeError> {
    let (number, before, row) = match change {
        RowChange::Clear { table } => {
            tables.clear_rows(Some(table), |record| {
                touched.insert(record);
            })?;
            return Ok(());
        }
        RowChange::Remove { table, key } => (table, Some(key), None),
        RowChange::Put { table, before, row } => (table, before, Some(row)),
    };
    let table = mapping.tables().get(usize::from(number)).ok_or(BridgeError::Gap)?;
    let named = |fields: &[Field]| Some((table.record(fields)?, encoded(fields.get(..table.keys)?)));
    let earlier = before.as_deref().or(row.as_deref()).and_then(named);
    let mut row = row;
    if let Some(row) = row.as_mut().filter(|row| row.contains(&Field::Unchanged)) {
        let (record, name) = earlier.as_ref().ok_or(BridgeError::Gap)?;
        let known = tables.row(record, number, name)?.ok_or(BridgeError::Gap)?;
        for (field, known) in row.iter_mut().zip(fields_of(&known)?) {
            if *field == Field::Unchanged {
                *field = known;
            }
        }
    }
    if let Some((record, name)) = earlier.filter(|_| before.is_some())
        && tables.remove_row(&record, number, &name)?
    {
        touched.insert(record);
    }
    if let Some(row) = row
        && let Some((record, name)) = named(&row)
    {
        tables.set_row(&record, number, &name, &encoded(&row))?;
        touched.insert(record);
    }
    Ok(())
}

fn encoded(fields: &[Field]) -> Vec<u8> {
    postcard::to_allocvec(fields).expect("plain data always serialises")
}

pub(super) fn fields_of(row: &[u8]) -> Result<Vec<Field>, StoreError> {
    postcard::from_bytes(row).map_err(|error| StoreError::corrupt("rows-1", error))
}
