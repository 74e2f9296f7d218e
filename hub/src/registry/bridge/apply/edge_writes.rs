//! What devices of other regions wrote, as their hubs stored it in Headland's own table: merged into the records like an
//! upload. What is held already, as after the echo of this hub's own writes, changes nothing.
//!
//! Rows that are gone say nothing: what somebody wrote goes when its author removes it, which is a row as well.

use super::{BridgeApplied, BridgeError, RowsHeard};
use crate::edge::{EdgeWrite, may_leave};
use crate::registry::bridge::mapping::{Mapping, TableMapping};
use crate::registry::bridge::row::{Field, RowChange};
use crate::replica::{Admission, Commit, admit};
use headland_shared::key::RecordKey;

/// Takes over what the database said of that table.
pub(super) fn take_edge_writes(
    commit: &mut Commit<'_, '_>,
    mapping: &Mapping,
    heard: &mut RowsHeard,
    applied: &mut BridgeApplied,
) -> Result<(), BridgeError> {
    let Some(number) = mapping.edge_writes_number() else {
        return Ok(());
    };
    let table = &mapping.tables()[usize::from(number)];
    heard.rows.each(|change| {
        let RowChange::Put { table: of, row, .. } = change else {
            return Ok(());
        };
        if of == number
            && let Some(reason) = take_edge_write(commit, table, &row)?
        {
            applied.leave_out(&mut vec![reason]);
        }
        Ok(())
    })
}

/// Takes over one row. Gives the reason why it cannot be.
fn take_edge_write(
    commit: &mut Commit<'_, '_>,
    table: &TableMapping,
    row: &[Field],
) -> Result<Option<String>, BridgeError> {
    let name = || {
        let texts: Vec<&str> = row.iter().take(table.keys).filter_map(Field::text).collect();
        format!("row {} of table {}.{}", texts.join(" "), table.schema, table.name)
    };
    let write = match read(table, row) {
        Ok(Some(found)) => found,
        // An update of other columns: the write is what it was.
        Ok(None) => return Ok(None),
        Err(why) => return Ok(Some(format!("{}: {why}", name()))),
    };
    let (record, write) = write;
    // What must stay in its region is not taken out of it either, whatever the hub there thinks.
    let leaves = match write.attribute() {
        None => true,
        Some(attribute) => commit.declaration(attribute).is_some_and(may_leave),
    };
    if !leaves {
        return Ok(Some(format!(
            "{}: what devices write of it stays in its region",
            name()
        )));
    }
    let (key, state) = write.into_element();
    Ok(match admit(commit, &record, key, state)? {
        Admission::Stored | Admission::Held => None,
        Admission::Refused => Some(format!("{}: the schema or a limit forbids it", name())),
    })
}

/// What a row says; nothing when its content was not sent.
fn read(table: &TableMapping, row: &[Field]) -> Result<Option<(RecordKey, EdgeWrite)>, String> {
    let [_, _, id, content] = row else {
        return Err("it has not the columns that it should have".to_owned());
    };
    let content = match content {
        Field::Unchanged => return Ok(None),
        field => field.text().and_then(bytes_of).ok_or("its content is no bytes")?,
    };
    let record = table.record(row).ok_or("it names no model that there can be")?;
    let write = EdgeWrite::decode(&content).map_err(|error| format!("its content cannot be read: {error}"))?;
    if id.text() != Some(write.id().as_str()) {
        return Err(format!("its content is of {}", write.id()));
    }
    Ok(Some((record, write)))
}

/// Bytes, as PostgreSQL writes them: "\\x" and two hexadecimal digits for each.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    digits.chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_are_written_and_all_else_is_none() {
        assert_eq!(bytes_of("\\x00ffA0"), Some(vec![0, 255, 160]));
        assert_eq!(bytes_of("\\x"), Some(vec![]));
        for text in ["", "00", "\\x0", "\\x0g", "\\xé", "x00"] {
            assert_eq!(bytes_of(text), None, "{text}");
        }
    }
}
