//! Messages of the stream, put together to whole transactions of rows of the mapping.

use super::barrier::{Nonce, Said};
use super::ending::Ending;
use crate::postgres::pgoutput::{Datum, Message, Relation};
use crate::registry::bridge::{Field, Lsn, Mapping, RowChange, Spool};
use headland_shared::bytes::DecodeError;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Milliseconds from 1970 to 2000, from when PostgreSQL counts.
const EPOCH_MS: i64 = 946_684_800_000;
/// The most relations of which anything is remembered: more than any publication that is followed here has.
const RELATIONS_MAX: usize = 4_096;

/// The most of what hubs say in one transaction: they say one thing.
const SAID_MAX: usize = 4;

/// A transaction that is whole.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) xid: u32,
    pub(super) end: Lsn,
    /// When it was committed, in milliseconds since 1970 by the database's clock.
    pub(super) at_ms: u64,
    pub(super) rows: Spool,
    /// What hubs said in it.
    pub(super) said: Vec<Said>,
}

/// A transaction that has begun.
#[derive(Debug)]
struct Open {
    xid: u32,
    rows: Spool,
    said: Vec<Said>,
}

/// A table of the mapping, as its rows are sent.
#[derive(Debug)]
struct Sent {
    table: u16,
    keys: usize,
    /// For each column of the mapping, its place in the row and its type.
    places: Vec<(usize, u32)>,
}

/// Puts transactions together.
#[derive(Debug)]
pub(super) struct Assembler {
    mapping: Arc<Mapping>,
    directory: PathBuf,
    /// Relations by their numbers; nothing for one that is not of the mapping.
    relations: BTreeMap<u32, Option<Sent>>,
    open: Option<Open>,
    nonce: Nonce,
}

impl Assembler {
    pub(super) fn new(mapping: Arc<Mapping>, directory: PathBuf, nonce: Nonce) -> Self {
        Self {
            mapping,
            directory,
            relations: BTreeMap::new(),
            open: None,
            nonce,
        }
    }

    /// Whether a transaction has begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Takes a message in; gives the transaction that it ends.
    pub(super) fn take(&mut self, message: &[u8]) -> Result<Option<Transaction>, Ending> {
        let message = Message::decode(message).map_err(unreadable)?;
        match message {
            Message::Begin { xid, .. } => {
                let (rows, said) = (Spool::new(self.directory.clone()), Vec::new());
                self.open = Some(Open { xid, rows, said });
            }
            Message::Commit { end, at_us, .. } => {
                let Open { xid, rows, said } = self.open.take().ok_or_else(out_of_order)?;
                let at_ms = u64::try_from(at_us / 1_000 + EPOCH_MS).unwrap_or(0);
                return Ok(Some(Transaction {
                    xid,
                    end,
                    at_ms,
                    rows,
                    said,
                }));
            }
            Message::Relation(relation) => self.relation(&relation)?,
            Message::Insert { relation, new } => {
                if let Some(sent) = self.sent(relation)? {
                    let row = sent.row(&new)?;
                    let (table, before) = (sent.table, None);
                    self.push(&RowChange::Put { table, before, row })?;
                }
            }
            Message::Update { relation, old, new } => {
                if let Some(sent) = self.sent(relation)? {
                    let row = sent.row(&new)?;
                    let key = old.as_ref().map(|old| sent.key(old)).transpose()?;
                    let before = key.filter(|key| !row.starts_with(key));
                    let table = sent.table;
                    self.push(&RowChange::Put { table, before, row })?;
                }
            }
            Message::Delete { relation, old } => {
                if let Some(sent) = self.sent(relation)? {
                    let (table, key) = (sent.table, sent.key(&old)?);
                    self.push(&RowChange::Remove { table, key })?;
                }
            }
            Message::Truncate { relations } => {
                for relation in relations {
                    if let Some(table) = self.sent(relation)?.map(|sent| sent.table) {
                        self.push(&RowChange::Clear { table })?;
                    }
                }
            }
            Message::Emitted {
                transactional: true,
                prefix,
                content,
                ..
            } => {
                let open = self.open.as_mut().ok_or_else(out_of_order)?;
                let said = self.nonce.read(prefix, content);
                open.said.extend(said.filter(|_| open.said.len() < SAID_MAX));
            }
            Message::Emitted { .. } | Message::Ignored => {}
        }
        Ok(None)
    }

    fn push(&mut self, change: &RowChange) -> Result<(), Ending> {
        let open = self.open.as_mut().ok_or_else(out_of_order)?;
        Ok(open.rows.push(change)?)
    }

    fn sent(&self, relation: u32) -> Result<Option<&Sent>, Ending> {
        let known = self.relations.get(&relation).ok_or_else(out_of_order)?;
        Ok(known.as_ref())
    }

    fn relation(&mut self, relation: &Relation) -> Result<(), Ending> {
        let number = self.mapping.number_of(&relation.schema, &relation.name);
        let sent = number.map(|table| self.places(table, relation)).transpose()?;
        if self.relations.len() >= RELATIONS_MAX && !self.relations.contains_key(&relation.id) {
            self.relations.retain(|_, sent| sent.is_some());
        }
        self.relations.insert(relation.id, sent);
        Ok(())
    }

    /// Where the mapping's columns are. A table that was changed so that they are not all there is looked at anew, from
    /// the examination on.
    fn places(&self, table: u16, relation: &Relation) -> Result<Sent, Ending> {
        let mapped = &self.mapping.tables()[usize::from(table)];
        let mut places = Vec::new();
        for (nth, name) in mapped.columns.iter().enumerate() {
            let place = relation.columns.iter().position(|column| column.name == *name);
            let Some(place) = place else {
                let text = format!("table {} was changed: it has no column {name} any more", mapped.name);
                return Err(Ending::recopy(text));
            };
            let column = &relation.columns[place];
            if nth < mapped.keys && !column.identity {
                let text = format!("table {} was changed: {name} no longer names its rows", mapped.name);
                return Err(Ending::recopy(text));
            }
            places.push((place, column.type_oid));
        }
        let keys = mapped.keys;
        Ok(Sent { table, keys, places })
    }
}

impl Sent {
    fn row(&self, tuple: &[Datum<'_>]) -> Result<Vec<Field>, Ending> {
        self.places.iter().map(|place| field(tuple, *place)).collect()
    }

    fn key(&self, tuple: &[Datum<'_>]) -> Result<Vec<Field>, Ending> {
        self.places[..self.keys]
            .iter()
            .map(|place| field(tuple, *place))
            .collect()
    }
}

fn field(tuple: &[Datum<'_>], (place, type_oid): (usize, u32)) -> Result<Field, Ending> {
    Ok(match tuple.get(place).ok_or_else(out_of_order)? {
        Datum::Null => Field::Null,
        Datum::Unchanged => Field::Unchanged,
        Datum::Text(text) => Field::of(text, type_oid),
    })
}

fn unreadable(error: DecodeError) -> Ending {
    Ending::Halt(format!(
        "a message of the replication cannot be read: {error}; update this hub"
    ))
}

fn out_of_order() -> Ending {
    Ending::Refused("a message of the replication does not follow on the one before; it is asked for again".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::pgoutput::Column;

    fn assembler() -> Assembler {
        Assembler::new(Arc::new(Mapping::mlflow()), std::env::temp_dir(), Nonce::new())
    }

    fn tags(columns: &[(&str, bool)]) -> Relation {
        let column = |(name, identity): &(&str, bool)| Column {
            name: (*name).to_owned(),
            identity: *identity,
            type_oid: 1_043,
        };
        Relation {
            id: 7,
            schema: "public".to_owned(),
            name: "registered_model_tags".to_owned(),
            columns: columns.iter().map(column).collect(),
        }
    }

    #[test]
    fn columns_are_found_by_name_whatever_their_order_and_company() {
        let mut assembler = assembler();
        let columns = [
            ("value", false),
            ("key", true),
            ("more", false),
            ("name", true),
            ("workspace", true),
        ];
        assembler.relation(&tags(&columns)).unwrap();
        let sent = assembler.sent(7).unwrap().unwrap();
        let tuple = ["v", "k", "m", "n", "w"].map(Datum::Text);
        let texts = |fields: Vec<Field>| {
            fields
                .iter()
                .map(|field| field.text().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(texts(sent.row(&tuple).unwrap()), ["w", "n", "k", "v"]);
        assert_eq!(texts(sent.key(&tuple).unwrap()), ["w", "n", "k"]);
    }

    #[test]
    fn a_table_that_lost_what_names_its_rows_is_not_followed_on() {
        for columns in [
            [("value", false), ("key", true), ("name", true), ("place", true)],
            [("value", false), ("key", false), ("name", true), ("workspace", true)],
        ] {
            let refused = assembler().relation(&tags(&columns));
            assert!(matches!(refused, Err(Ending::Recopy(_))), "{columns:?}");
        }
    }

    #[test]
    fn tables_of_others_are_passed_over() {
        let mut assembler = assembler();
        let mut other = tags(&[("x", true)]);
        other.name = "experiments".to_owned();
        assembler.relation(&other).unwrap();
        assert!(assembler.sent(7).unwrap().is_none());
        assert!(assembler.sent(8).is_err(), "rows never come before their relation");
    }
}
