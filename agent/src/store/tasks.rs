//! The index of tasks: which records are in the scopes of a task.

use super::tables::{RECORDS, Tables, Views};
use headland_host::tables::{ByteTable, StoreError};
use headland_shared::blob::Blob;
use headland_shared::bytes::{Reader, put_bytes};
use headland_shared::key::RecordKey;
use headland_shared::name::{Namespace, Task};
use redb::{ReadableTable, TableDefinition, WriteTransaction};

/// Task (length-prefixed), record key -> nothing. Written with `records-1`, in the same transaction.
pub(super) const TASKS: ByteTable = TableDefinition::new("tasks-1");

/// Migration 4: makes the index of what is held already.
pub(super) fn create(transaction: &WriteTransaction) -> Result<(), StoreError> {
    let mut tasks = transaction.open_table(TASKS)?;
    for row in transaction.open_table(RECORDS)?.iter()? {
        let (key, value) = row?;
        if let Some(task) = task_of(value.value())? {
            tasks.insert(row_of(&task, key.value()).as_slice(), [].as_slice())?;
        }
    }
    Ok(())
}

/// The task of the scope of a row of `records-1`.
pub(super) fn task_of(row: &[u8]) -> Result<Option<Task>, StoreError> {
    let read = || -> Result<Option<Task>, _> {
        let mut reader = Reader::new(row);
        reader.u32_be()?;
        Ok(Blob::parse(reader.rest())?.head.task)
    };
    read().map_err(|error: headland_shared::bytes::DecodeError| StoreError::corrupt("records-1", error))
}

/// The record of a row of the index.
pub(super) fn record_of(row: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(row);
    reader.bytes(Task::BYTES_MAX).ok()?;
    Some(reader.rest())
}

fn row_of(task: &Task, rest: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(task.as_str().len() + rest.len() + 2);
    put_bytes(&mut row, task.as_str().as_bytes());
    row.extend_from_slice(rest);
    row
}

impl Views {
    /// Visits the records of a task, of one namespace or of all, in the order of their keys: key and blob.
    pub fn each_of_task<E: From<StoreError>>(
        &self,
        task: &Task,
        namespace: Option<&Namespace>,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let prefix = row_of(task, &namespace.map_or_else(Vec::new, RecordKey::prefix));
        for row in self.tasks.range(prefix.as_slice()..).map_err(StoreError::from)? {
            let (row, _) = row.map_err(StoreError::from)?;
            if !row.value().starts_with(&prefix) {
                break;
            }
            let corrupt = || StoreError::corrupt("tasks-1", "a row without its record");
            let key = record_of(row.value()).ok_or_else(corrupt)?;
            let value = self.records.get(key).map_err(StoreError::from)?.ok_or_else(corrupt)?;
            visit(key, value.value().get(4..).ok_or_else(corrupt)?)?;
        }
        Ok(())
    }
}

impl Tables<'_> {
    /// A record has left the scopes of one task for those of another.
    pub(super) fn set_task(&mut self, key: &[u8], before: Option<&Task>, now: Option<&Task>) -> Result<(), StoreError> {
        if before == now {
            return Ok(());
        }
        if let Some(before) = before {
            self.tasks.remove(row_of(before, key).as_slice())?;
        }
        if let Some(now) = now {
            self.tasks.insert(row_of(now, key).as_slice(), [].as_slice())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, overlay, tables};
    use headland_host::tables::migrate;
    use headland_shared::blob::{self, Tombstones};
    use headland_shared::name::ReplicaName;
    use redb::Database;
    use redb::backends::InMemoryBackend;
    use std::sync::Mutex;

    fn blob(key: &[u8], task: &str) -> Vec<u8> {
        let head = blob::Head {
            task: Some(Task::new(task).unwrap()),
            ..blob::Head::default()
        };
        blob::patch(key, None, &head, Vec::new(), Tombstones::Drop)
            .unwrap()
            .bytes
    }

    fn open(database: Database) -> Store {
        let database = Mutex::new(Some(database));
        let open = move || Ok(database.lock().unwrap().take().unwrap());
        Store::open(open, &ReplicaName::parse("leaf-7").unwrap(), 7).unwrap()
    }

    fn of_task(store: &Store, task: &str, namespace: Option<&str>) -> Vec<String> {
        let mut found = Vec::new();
        let visit = |key: &[u8], _: &[u8]| {
            found.push(String::from_utf8(key.to_vec()).unwrap().replace('\0', "/"));
            Ok::<_, StoreError>(())
        };
        let namespace = namespace.map(|namespace| Namespace::new(namespace).unwrap());
        let views = store.read().unwrap();
        views
            .each_of_task(&Task::new(task).unwrap(), namespace.as_ref(), visit)
            .unwrap();
        found
    }

    fn set(store: &Store, handle: u32, key: &[u8], task: &str) {
        store
            .write(|tables| tables.set_record(handle, key, &blob(key, task)))
            .unwrap();
    }

    #[test]
    fn the_index_follows_records_that_come_change_their_task_and_go() {
        let store = open(Database::builder().create_with_backend(InMemoryBackend::new()).unwrap());
        let keys: [&[u8]; 3] = [b"farm\0a", b"farm\0b", b"field\0c"];
        for (handle, key) in (1..).zip(keys) {
            set(&store, handle, key, "chat");
            set(&store, handle, key, "chat");
        }
        assert_eq!(of_task(&store, "chat", None), ["farm/a", "farm/b", "field/c"]);
        assert_eq!(of_task(&store, "chat", Some("farm")), ["farm/a", "farm/b"]);
        assert!(of_task(&store, "cha", None).is_empty());
        set(&store, 1, keys[0], "ocr");
        assert_eq!(of_task(&store, "chat", None), ["farm/b", "field/c"]);
        assert_eq!(of_task(&store, "ocr", None), ["farm/a"]);
        store.write(|tables| tables.remove_record(2, keys[1])).unwrap();
        assert_eq!(of_task(&store, "chat", None), ["field/c"]);
        store
            .write(|tables| tables.retain_records(|key| key == keys[0]))
            .unwrap();
        assert!(of_task(&store, "chat", None).is_empty());
        assert_eq!(of_task(&store, "ocr", None), ["farm/a"]);
    }

    #[test]
    fn a_store_of_before_the_index_gets_it() {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        migrate(&database, &[tables::create, overlay::create, tables::add_lives]).unwrap();
        let transaction = database.begin_write().unwrap();
        let row = [&[0, 0, 0, 1], blob(b"farm\0a", "chat").as_slice()].concat();
        let mut records = transaction.open_table(RECORDS).unwrap();
        records.insert(b"farm\0a".as_slice(), row.as_slice()).unwrap();
        drop(records);
        transaction.commit().unwrap();
        assert_eq!(of_task(&open(database), "chat", None), ["farm/a"]);
    }
}
