//! The digests of scopes, counted anew where they were kept by another definition.
//!
//! They follow from the records and are no part of the store's format: an older version that finds digests which it
//! would not have made compares with its hub, and finds nothing that differs.

use super::{Tables, meta};
use crate::store::rows;
use headland_host::tables::{META, StoreError};
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::digest::Digest;
use headland_shared::key::RecordKey;
use headland_shared::scope::Scope;
use redb::{Database, ReadableDatabase, ReadableTable};
use std::collections::BTreeMap;

/// Counts the digests of all scopes anew, unless they are by the present definition.
pub(in crate::store) fn count_where_other(database: &Database) -> Result<(), StoreError> {
    let present: [u8; 1] = [Digest::DEFINITION];
    let values: super::Rows = database.begin_read()?.open_table(META)?;
    if meta(&values, rows::DIGESTS)?.as_deref() == Some(&present) {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    {
        let mut tables = Tables::open(&transaction)?;
        let sums = sums(&tables)?;
        for (alias, mut row) in scope_rows(&tables)? {
            row.digest = sums.get(&row.scope).copied().unwrap_or_default();
            tables.set_scope(alias, &row)?;
        }
        tables.meta.insert(rows::DIGESTS, present.as_slice())?;
    }
    Ok(transaction.commit()?)
}

fn scope_rows(tables: &Tables<'_>) -> Result<Vec<(u32, rows::ScopeRow)>, StoreError> {
    let mut all = Vec::new();
    for row in tables.scopes.iter()? {
        let (key, value) = row?;
        let row = rows::ScopeRow::decode(value.value()).map_err(|error| StoreError::corrupt("scopes-1", error))?;
        all.push((super::alias_of(key.value(), "scopes-1")?, row));
    }
    Ok(all)
}

/// The digest of each scope's records.
fn sums(tables: &Tables<'_>) -> Result<BTreeMap<Scope, Digest>, StoreError> {
    let mut sums = BTreeMap::<Scope, Digest>::new();
    for row in tables.records.iter()?.chain(tables.stubs.iter()?) {
        let (key, value) = row?;
        let counted = counted(key.value(), value.value().get(4..).unwrap_or_default());
        let (scope, digest) = counted.map_err(|error| StoreError::corrupt("records-1", error))?;
        if let Some(scope) = scope {
            sums.entry(scope).or_default().add(digest);
        }
    }
    Ok(sums)
}

fn counted(key: &[u8], blob: &[u8]) -> Result<(Option<Scope>, Digest), DecodeError> {
    let blob = Blob::parse(blob)?;
    let namespace = RecordKey::decode(key)?.namespace;
    let digest = blob.digest(key)?;
    Ok((blob.head.task.map(|task| Scope { namespace, task }), digest))
}
