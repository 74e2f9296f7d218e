//! A store that goes from one version to the next and back.

use super::*;
use headland_host::store_file;
use headland_host::tables::oldest_format;
use headland_shared::element::{State, Tally};
use headland_shared::key::{ElementKey, RecordKey};
use headland_shared::name::AttributeName;
use headland_shared::stamp::Stamp;
use redb::{ReadableDatabase, ReadableTableMetadata, WriteTransaction};
use std::path::{Path, PathBuf};

/// The formats of released versions in order: a release adds its own, and none is ever taken out. Until version 0.1.0 is
/// out, its format is that of the day.
const RELEASED: &[u32] = &[3];

/// What the next version might have: how many own writes there are.
const FUTURE: headland_host::tables::ByteTable = redb::TableDefinition::new("future-1");

fn add_future(transaction: &WriteTransaction) -> Result<(), StoreError> {
    let count = transaction.open_table(tables::OWN)?.len()?;
    let mut future = transaction.open_table(FUTURE)?;
    future.insert(b"own".as_slice(), count.to_be_bytes().as_slice())?;
    Ok(())
}

fn next_version() -> Vec<Migration> {
    let added = Migration::adds(add_future);
    MIGRATIONS.iter().copied().chain([added]).collect()
}

fn open(path: &Path, migrations: &[Migration]) -> Result<Store, StoreError> {
    let path = PathBuf::from(path);
    let open = move || Ok(store_file::open(&path, 1024 * 1024).unwrap());
    Store::open_by(migrations, open, &ReplicaName::parse("leaf-7").unwrap(), 7)
}

/// Writes something on the device, with the next dot.
fn write(store: &Store, name: &str) {
    let record = RecordKey::decode(format!("default\0{name}").as_bytes()).unwrap();
    let element = ElementKey::Attribute(AttributeName::new("usage").unwrap());
    let state = State::Tally(Tally { added: 1, removed: 0 });
    let dot = store.read().unwrap().last_dot().unwrap() + 1;
    let put = |tables: &mut Tables<'_>| -> Result<(), StoreError> {
        tables.put_own(&record.encoded(), &element.encoded(), &state, dot, Stamp(dot))
    };
    store.write(put).unwrap();
}

fn own(store: &Store) -> Vec<String> {
    let own = store.read().unwrap().own_after(0, 9).unwrap();
    own.into_iter().map(|write| write.record.name.to_string()).collect()
}

#[test]
fn own_writes_survive_the_next_version_and_the_way_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.redb");
    let (this, next) = (MIGRATIONS, next_version());
    let store = open(&path, this).unwrap();
    write(&store, "before");
    let actor = store.read().unwrap().actor().unwrap();
    drop(store);
    let store = open(&path, &next).unwrap();
    write(&store, "by the next version");
    drop(store);
    let store = open(&path, this).unwrap();
    assert_eq!(own(&store), ["before", "by the next version"]);
    assert_eq!(store.read().unwrap().actor().unwrap(), actor);
    write(&store, "after the way back");
    drop(store);
    let store = open(&path, &next).unwrap();
    assert_eq!(own(&store), ["before", "by the next version", "after the way back"]);
    // What the next version adds follows from the rest again.
    let count = store.database.with(|database| {
        let future = database.begin_read()?.open_table(FUTURE)?;
        Ok(future.get(b"own".as_slice())?.map(|value| value.value().to_vec()))
    });
    assert_eq!(count.unwrap(), Some(3_u64.to_be_bytes().to_vec()));
}

#[test]
fn a_version_that_breaks_with_this_one_is_refused_and_keeps_its_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("agent.redb");
    let breaking: Vec<_> = MIGRATIONS
        .iter()
        .copied()
        .chain([Migration::breaks(add_future)])
        .collect();
    let store = open(&path, &breaking).unwrap();
    write(&store, "by the next version");
    drop(store);
    assert!(matches!(open(&path, MIGRATIONS), Err(StoreError::Newer { .. })));
    assert_eq!(own(&open(&path, &breaking).unwrap()), ["by the next version"]);
}

#[test]
fn each_release_leaves_its_store_to_the_one_before() {
    let now = MIGRATIONS.len() as u32;
    let (first, later) = RELEASED.split_first().unwrap();
    let versions = later.iter().chain([&now]);
    versions.fold(*first, |before, &version| {
        let oldest = oldest_format(MIGRATIONS, version);
        assert!(
            oldest <= before,
            "the version with format {before} refuses a store of format {version}: a migration must add, not break"
        );
        version
    });
}
