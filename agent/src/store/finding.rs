//! Finding records without reading them: by their task, and by words.
//!
//! Both tables follow from the records and are kept in the same transactions. They are no part of the store's format: a
//! version that does not know them changes records beside them, so they are built anew when they are missing, of
//! another version, or were not kept up to where the agent stands.

use super::tables::{RECORDS, Rows, Tables, Views, Writing};
use super::{meta, rows};
use headland_host::tables::{ByteTable, META, StoreError};
use headland_shared::blob::Blob;
use headland_shared::bytes::{DecodeError, Reader, put_bytes};
use headland_shared::digest::hash_128;
use headland_shared::element::State;
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::Task;
use headland_shared::query::{fold, is_searched};
use headland_shared::value::Value;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};
use std::ops::ControlFlow;

/// Record key -> task (bytes), the texts that words are looked for in, without their case; the name only where it has
/// a case, since the key holds it.
pub(super) const FINDING: ByteTable = TableDefinition::new("finding-1");
/// Task, 0, record key -> nothing.
pub(super) const TASKS: ByteTable = TableDefinition::new("tasks-1");

/// Which form the rows have; a higher one is built anew from the records.
const VERSION: u8 = 1;

/// A record as a search sees it.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    /// Its encoded key.
    pub key: &'a [u8],
    /// Its name.
    pub name: &'a str,
    /// Its other texts, and its name if that has a case; all without case.
    pub texts: &'a str,
}

/// What `found` in the table of single values says when all rows are there.
fn mark(placed: Option<&[u8]>) -> Vec<u8> {
    let place = placed.map_or(0, |placed| hash_128(&[placed]) as u64);
    let mut mark = vec![VERSION];
    mark.extend_from_slice(&place.to_be_bytes());
    mark
}

/// Builds both tables unless they are there and whole.
pub(super) fn build_where_missing(database: &Database) -> Result<(), StoreError> {
    if is_whole(database)? {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    {
        let records = transaction.open_table(RECORDS)?;
        let mut finding = transaction.open_table(FINDING)?;
        let mut tasks = transaction.open_table(TASKS)?;
        finding.retain(|_, _| false)?;
        tasks.retain(|_, _| false)?;
        for row in records.iter()? {
            let (key, value) = row?;
            let blob = value.value().get(4..).unwrap_or_default();
            put(&mut finding, &mut tasks, key.value(), blob)?;
        }
        let mut values = transaction.open_table(META)?;
        let mark = mark(meta(&values, rows::PLACED)?.as_deref());
        values.insert(rows::FOUND, mark.as_slice())?;
    }
    Ok(transaction.commit()?)
}

fn is_whole(database: &Database) -> Result<bool, StoreError> {
    let transaction = database.begin_read()?;
    for table in [FINDING, TASKS] {
        match transaction.open_table(table) {
            Ok(_) => {}
            Err(TableError::TableDoesNotExist(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    let values: Rows = transaction.open_table(META)?;
    let found = meta(&values, rows::FOUND)?;
    Ok(found == Some(mark(meta(&values, rows::PLACED)?.as_deref())))
}

/// Writes a record's rows where they are not what they should be: most changes touch no text and no task.
fn put(finding: &mut Writing<'_>, tasks: &mut Writing<'_>, key: &[u8], blob: &[u8]) -> Result<(), StoreError> {
    // What cannot be read is found by nothing, and whoever reads it is told.
    let row = row_of(key, blob).unwrap_or_else(|_| vec![0]);
    let before = finding.get(key)?.map(|value| value.value().to_vec());
    if before.as_ref() == Some(&row) {
        return Ok(());
    }
    let (task, task_before) = (task_of(&row)?, before.as_deref().map(task_of).transpose()?);
    if task_before != Some(task) {
        if let Some(task) = task_before {
            tasks.remove(task_key(task, key).as_slice())?;
        }
        tasks.insert(task_key(task, key).as_slice(), [].as_slice())?;
    }
    finding.insert(key, row.as_slice())?;
    Ok(())
}

fn row_of(key: &[u8], blob: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let blob = Blob::parse(blob)?;
    let mut row = Vec::new();
    put_bytes(&mut row, blob.head.task.as_ref().map_or("", Task::as_str).as_bytes());
    let mut add = |text: &str| {
        row.extend_from_slice(fold(text).as_bytes());
        row.push(b'\n');
    };
    let name = RecordKey::decode(key)?.name;
    if fold(name.as_str()) != name.as_str() {
        add(name.as_str());
    }
    for entry in blob.entries() {
        let entry = entry?;
        let attribute = ElementKey::names_attribute(entry.key).and_then(|name| std::str::from_utf8(name).ok());
        if !attribute.is_some_and(is_searched) {
            continue;
        }
        let Ok(State::Register(register)) = State::decode(entry.state) else {
            continue;
        };
        if let Ok(ElementKey::Member(_, member)) = ElementKey::decode(entry.key) {
            add(&member);
        }
        // Whoever wrote it and whether it stands: what is found is read before it is shown.
        for value in register.writes().filter_map(|(_, write)| write.value.as_ref()) {
            let items = match value {
                Value::List(items) => items.as_slice(),
                other => std::slice::from_ref(other),
            };
            items.iter().filter_map(Value::as_text).for_each(&mut add);
        }
    }
    Ok(row)
}

fn corrupt(error: impl ToString) -> StoreError {
    StoreError::corrupt("finding-1", error)
}

fn task_of(row: &[u8]) -> Result<&[u8], StoreError> {
    Reader::new(row).bytes(Task::BYTES_MAX).map_err(corrupt)
}

fn task_key(task: &[u8], key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(task.len() + key.len() + 1);
    out.extend_from_slice(task);
    out.push(0);
    out.extend_from_slice(key);
    out
}

impl Tables<'_> {
    /// Has a record found by what its blob says.
    pub(super) fn find_by(&mut self, key: &[u8], blob: &[u8]) -> Result<(), StoreError> {
        put(&mut self.finding, &mut self.tasks, key, blob)
    }

    /// Has a record found no more.
    pub(super) fn find_no_more(&mut self, key: &[u8]) -> Result<(), StoreError> {
        let row = self.finding.remove(key)?.map(|value| value.value().to_vec());
        if let Some(row) = row {
            self.tasks.remove(task_key(task_of(&row)?, key).as_slice())?;
        }
        Ok(())
    }

    /// Has no other records found than those for which `keep` says yes.
    pub(super) fn find_only(&mut self, keep: impl Fn(&[u8]) -> bool) -> Result<(), StoreError> {
        self.finding.retain(|key, _| keep(key))?;
        self.tasks.retain(|key, _| {
            let end = key.iter().position(|byte| *byte == 0);
            end.is_some_and(|end| keep(&key[end + 1..]))
        })?;
        Ok(())
    }

    /// Notes that both tables are kept up to where the agent stands.
    pub(super) fn note_found(&mut self, placed: Option<&[u8]>) -> Result<(), StoreError> {
        self.meta.insert(rows::FOUND, mark(placed).as_slice())?;
        Ok(())
    }
}

impl Views {
    /// Visits the keys of the records of one task that begin with `prefix` and come after `after`, in order.
    pub fn each_of_task<E: From<StoreError>>(
        &self,
        task: &Task,
        prefix: &[u8],
        after: Option<&[u8]>,
        mut visit: impl FnMut(&[u8]) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let task = task.as_str().as_bytes();
        let bound = task_key(task, prefix);
        let start = after.map_or_else(|| bound.clone(), |after| task_key(task, after).max(bound.clone()));
        for row in self.tasks.range(start.as_slice()..).map_err(StoreError::from)? {
            let (key, _) = row.map_err(StoreError::from)?;
            if !key.value().starts_with(&bound) {
                break;
            }
            let key = &key.value()[task.len() + 1..];
            if Some(key) != after && visit(key)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Visits the texts of all records whose keys begin with `prefix` and come after `after`, in order.
    pub fn each_text<E: From<StoreError>>(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
        mut visit: impl FnMut(Hit<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<(), E> {
        let start = after.map_or(prefix, |after| after.max(prefix));
        for row in self.finding.range(start..).map_err(StoreError::from)? {
            let (key, value) = row.map_err(StoreError::from)?;
            let key = key.value();
            if !key.starts_with(prefix) {
                break;
            }
            if Some(key) == after {
                continue;
            }
            let mut row = Reader::new(value.value());
            row.bytes(Task::BYTES_MAX).map_err(corrupt)?;
            let name = key
                .iter()
                .position(|byte| *byte == 0)
                .map_or(key, |end| &key[end + 1..]);
            let hit = Hit {
                key,
                name: std::str::from_utf8(name).map_err(corrupt)?,
                texts: std::str::from_utf8(row.rest()).map_err(corrupt)?,
            };
            if visit(hit)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}
