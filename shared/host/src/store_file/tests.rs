//! The store file: made, opened, damaged and read out.

use std::io;
use std::path::Path;

use redb::{DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageError, TableDefinition};

use super::{
    ATTEMPTS, OpenError, aside, can_be_made, free_bytes, name_of_damaged, of_database, of_io, open, open_checked,
    read_rows, when_let_go,
};
use crate::tables::ByteTable;

const CACHE_BYTES: usize = 1024 * 1024;
const ROWS: ByteTable = TableDefinition::new("rows-1");
const NUMBERS: TableDefinition<'_, u64, u64> = TableDefinition::new("numbers");

#[test]
fn store_is_created_with_its_parents_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/store.redb");
    let store = open(&path, CACHE_BYTES).unwrap();
    let write = store.begin_write().unwrap();
    write.open_table(NUMBERS).unwrap().insert(1, 2).unwrap();
    write.commit().unwrap();
    drop(store);

    let store = open(&path, CACHE_BYTES).unwrap();
    let read = store.begin_read().unwrap();
    let found = read.open_table(NUMBERS).unwrap().get(1).unwrap().unwrap();
    assert_eq!(found.value(), 2);
}

#[test]
fn store_opened_twice_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let _held = open(&path, CACHE_BYTES).unwrap();
    let error = open(&path, CACHE_BYTES).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("in use by another process"), "{text}");
    assert!(text.contains("control socket"), "{text}");
}

#[test]
fn store_that_is_let_go_of_soon_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let held = open(&path, CACHE_BYTES).unwrap();
    std::thread::scope(|threads| {
        let opened = threads.spawn(|| when_let_go(|| open_checked(&path, CACHE_BYTES)));
        drop(held);
        assert!(opened.join().unwrap().is_ok());
    });
}

#[test]
fn file_of_something_else_is_not_a_store_and_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    let notes = "buy milk\n".repeat(1_000);
    std::fs::write(&path, &notes).unwrap();
    let error = open(&path, CACHE_BYTES).unwrap_err();
    assert!(matches!(error, OpenError::NotAStore { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
}

#[test]
fn store_whose_making_was_broken_off_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    std::fs::write(aside(&path), vec![0; 100_000]).unwrap();
    drop(open(&path, CACHE_BYTES).unwrap());
    assert!(!aside(&path).exists());
    drop(open(&path, CACHE_BYTES).unwrap());
}

#[test]
fn newer_file_format_is_told_from_damage_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    drop(open(&path, CACHE_BYTES).unwrap());
    let mut bytes = std::fs::read(&path).unwrap();
    // Each of the two commit slots of the header starts with its format version.
    for slot in [64, 192] {
        bytes[slot] = 99;
    }
    std::fs::write(&path, &bytes).unwrap();
    for open in [open, open_checked] {
        let error = open(&path, CACHE_BYTES).unwrap_err();
        assert!(matches!(error, OpenError::NewerFormat { version: 99, .. }), "{error:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// A store of a few thousand rows, closed.
fn filled(path: &Path) -> Vec<u8> {
    let store = open(path, CACHE_BYTES).unwrap();
    for round in 0..4_u64 {
        let write = store.begin_write().unwrap();
        let mut rows = write.open_table(ROWS).unwrap();
        for number in 0..1_000_u64 {
            let key = (round * 1_000 + number).to_be_bytes();
            rows.insert(key.as_slice(), [7; 40].as_slice()).unwrap();
        }
        drop(rows);
        write.commit().unwrap();
    }
    drop(store);
    std::fs::read(path).unwrap()
}

/// A number that follows from this one.
fn scattered(number: u64) -> u64 {
    let mut number = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^= number >> 31;
    number.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (number >> 29)
}

#[test]
fn damage_is_noticed_without_a_panic_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let whole = filled(&path);
    let (mut noticed, mut unhurt) = (0, 0);
    for seed in 0..200 {
        let mut bytes = whole.clone();
        match seed % 4 {
            0 => bytes.truncate(scattered(seed) as usize % whole.len()),
            1 => (0..320).for_each(|at| bytes[at] = scattered(seed + at as u64) as u8),
            2 => {
                let page = scattered(seed) as usize % (whole.len() / 4096);
                (0..4096).for_each(|at| bytes[page * 4096 + at] = scattered(seed + at as u64) as u8);
            }
            _ => bytes[scattered(seed) as usize % whole.len()] ^= 1 << (seed % 8),
        }
        std::fs::write(&path, &bytes).unwrap();
        match open_checked(&path, CACHE_BYTES) {
            // A page that holds nothing, or nothing that counts.
            Ok(store) => {
                unhurt += 1;
                let rows = store.begin_read().unwrap().open_table(ROWS);
                let rows = rows.unwrap_or_else(|error| panic!("seed {seed}: {error}, {} bytes", bytes.len()));
                assert!(rows.len().unwrap().is_multiple_of(1_000));
                assert!(rows.iter().unwrap().all(|row| row.unwrap().1.value() == [7; 40]));
            }
            Err(OpenError::Damaged { .. }) => {
                noticed += 1;
                assert_eq!(std::fs::read(&path).unwrap(), bytes, "seed {seed}");
            }
            Err(OpenError::OldFormat { .. } | OpenError::NewerFormat { .. }) => {}
            Err(error) => panic!("seed {seed}: {error:?}"),
        }
    }
    assert!(noticed > 80, "{noticed} noticed, {unhurt} unhurt");
}

#[test]
fn most_rows_are_read_out_of_a_damaged_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let whole = filled(&path);
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let mut found = std::collections::BTreeSet::new();
        for attempt in 0..ATTEMPTS {
            // The engine may panic on what is damaged; programs do this in a process of its own.
            let path = path.clone();
            let rows = std::panic::catch_unwind(move || {
                let mut rows = Vec::new();
                let _ = read_rows(&path, attempt, &[ROWS], |_, key, _| rows.push(key.to_vec()));
                rows
            });
            found.extend(rows.unwrap_or_default());
        }
        found.len()
    };
    assert_eq!(read(&whole), 4_000);
    let mut header = whole.clone();
    (0..64).for_each(|at| header[at] = scattered(at as u64) as u8);
    assert_eq!(read(&header), 4_000);
    let mut not_closed = whole.clone();
    not_closed[9] |= 2;
    assert_eq!(read(&not_closed), 4_000);
    assert_eq!(std::fs::read(&path).unwrap(), not_closed);
}

#[test]
fn the_name_of_a_damaged_store_is_dated_and_free() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.redb");
    let first = name_of_damaged(&path, "2026-11-27T18:20:05.123Z");
    assert_eq!(first, dir.path().join("agent.redb.corrupt-2026-11-27T18-20-05"));
    std::fs::write(&first, "").unwrap();
    let second = name_of_damaged(&path, "2026-11-27T18:20:05.123Z");
    assert_eq!(second, dir.path().join("agent.redb.corrupt-2026-11-27T18-20-05-2"));
}

#[test]
fn parent_that_is_a_file_is_a_failure_of_the_path() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let error = open(&dir.path().join("file/store.redb"), CACHE_BYTES).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
}

#[test]
fn room_is_looked_for_where_the_store_would_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/store.redb");
    can_be_made(&path).unwrap();
    assert!(free_bytes(&path).unwrap() > 0);
    assert!(!dir.path().join("a").exists());
}

#[test]
fn permission_and_space_have_errors_of_their_own() {
    let path = Path::new("/store");
    let denied = of_io(path, &io::ErrorKind::PermissionDenied.into());
    assert!(matches!(denied, OpenError::Denied { .. }), "{denied:?}");
    let full = DatabaseError::Storage(StorageError::Io(io::ErrorKind::StorageFull.into()));
    let full = of_database(path, full);
    assert!(matches!(full, OpenError::OutOfSpace { .. }), "{full:?}");
}

#[test]
fn older_file_format_names_its_version() {
    let error = of_database(Path::new("/store"), DatabaseError::UpgradeRequired(2));
    assert!(error.to_string().contains("format 2 is older"), "{error}");
}
