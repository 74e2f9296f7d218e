//! The digests of scopes after each commit: what an acknowledgement of an earlier moment is compared with.

use super::{Tables, Writing};
use headland_host::tables::StoreError;
use headland_shared::bytes::{DecodeError, Reader};
use headland_shared::delta::ScopeAlias;
use headland_shared::digest::Digest;
use headland_shared::epoch::Seq;
use redb::{ReadableTable, ReadableTableMetadata};

fn digest_key(scope: ScopeAlias, seq: Seq) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&scope.to_be_bytes());
    key[4..].copy_from_slice(&seq.0.to_be_bytes());
    key
}

fn corrupt(error: DecodeError) -> StoreError {
    StoreError::corrupt("digests-1", error)
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
