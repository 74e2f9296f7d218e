//! The digests of scopes after each commit: what an acknowledgement of an earlier moment is compared with.

use super::{Tables, Writing, meta, split_record, writing};
use headland_host::tables::{META, StoreError};
use headland_shared::blob::Blob;
use headland_shared::bytes::{DecodeError, Reader};
use headland_shared::delta::ScopeAlias;
use headland_shared::digest::Digest;
use headland_shared::epoch::Seq;
use headland_shared::scope::Scope;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata};
use std::collections::BTreeMap;

/// In the table of single values: by which definition the digests were counted (1 byte).
const DEFINITION: &[u8] = b"digests";

fn digest_key(scope: ScopeAlias, seq: Seq) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&scope.to_be_bytes());
    key[4..].copy_from_slice(&seq.0.to_be_bytes());
    key
}

fn corrupt(error: DecodeError) -> StoreError {
    StoreError::corrupt("digests-1", error)
}

/// Counts the digests of all scopes anew, unless they are by the present definition. Those of earlier commits are
/// forgotten: whoever acknowledges one of these is compared at the next.
///
/// They follow from the records and are no part of the store's format.
pub(in crate::store) fn count_where_other(database: &Database) -> Result<(), StoreError> {
    let present: [u8; 1] = [Digest::DEFINITION];
    let values: super::Rows = database.begin_read()?.open_table(META)?;
    if meta(&values, DEFINITION)?.as_deref() == Some(&present) {
        return Ok(());
    }
    let transaction = database.begin_write()?;
    {
        let mut tables = writing(&transaction)?;
        let sums = sums(&tables)?;
        tables.digests.retain(|_, _| false)?;
        for mut row in tables.scopes()?.into_values() {
            row.digest = sums.get(&row.scope).copied().unwrap_or_default();
            tables.set_digest(row.alias, row.head, row.digest)?;
            tables.set_scope(&row)?;
        }
        tables.meta.insert(DEFINITION, present.as_slice())?;
    }
    Ok(transaction.commit()?)
}

/// The digest of each scope's records.
fn sums(tables: &Tables<Writing<'_>>) -> Result<BTreeMap<Scope, Digest>, StoreError> {
    let corrupt = |error| StoreError::corrupt("records-1", error);
    let mut sums = BTreeMap::<Scope, Digest>::new();
    for row in tables.records.iter()? {
        let (key, blob) = split_record(row?.1.value()).map_err(corrupt)?;
        let blob = Blob::parse(&blob).map_err(corrupt)?;
        let digest = blob.digest(&key.encoded()).map_err(corrupt)?;
        if let Some(task) = blob.head.task {
            let namespace = key.namespace;
            sums.entry(Scope { namespace, task }).or_default().add(digest);
        }
    }
    Ok(sums)
}

impl<T: ReadableTable<&'static [u8], &'static [u8]> + ReadableTableMetadata> Tables<T> {
    /// The digest that a scope had at a seq, and the seq of the commit that had made it so; nothing when that is not
    /// kept.
    pub fn digest_at(&self, scope: ScopeAlias, seq: Seq) -> Result<Option<(Seq, Digest)>, StoreError> {
        let (start, end) = (digest_key(scope, Seq::START), digest_key(scope, seq));
        let Some(row) = self.digests.range(start.as_slice()..=end.as_slice())?.next_back() else {
            return Ok(None);
        };
        let (key, value) = row?;
        let made = Reader::new(&key.value()[4..]).u64_be().map_err(corrupt)?;
        let mut reader = Reader::new(value.value());
        let (high, low) = (reader.u64_be().map_err(corrupt)?, reader.u64_be().map_err(corrupt)?);
        Ok(Some((Seq(made), Digest(u128::from(high) << 64 | u128::from(low)))))
    }

    /// Whether digests of a scope are kept from before a seq.
    pub fn has_digests_before(&self, scope: ScopeAlias, seq: Seq) -> Result<bool, StoreError> {
        let (start, end) = (digest_key(scope, Seq::START), digest_key(scope, seq));
        Ok(self.digests.range(start.as_slice()..end.as_slice())?.next().is_some())
    }
}

impl Tables<Writing<'_>> {
    /// Notes the digest of a scope after a commit.
    pub fn set_digest(&mut self, scope: ScopeAlias, seq: Seq, digest: Digest) -> Result<(), StoreError> {
        let key = digest_key(scope, seq);
        self.digests.insert(key.as_slice(), digest.0.to_be_bytes().as_slice())?;
        Ok(())
    }

    /// Forgets the digests of a scope from before a seq.
    pub fn forget_digests_before(&mut self, scope: ScopeAlias, seq: Seq) -> Result<(), StoreError> {
        let (start, end) = (digest_key(scope, Seq::START), digest_key(scope, seq));
        self.digests.retain_in(start.as_slice()..end.as_slice(), |_, _| false)?;
        Ok(())
    }
}
