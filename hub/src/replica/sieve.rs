//! The filter of an agent that follows a part of its scopes: which records it gets whole, and of which a stub.

use super::moment::Moment;
use crate::read;
use crate::store::AttributeRow;
use headland_host::tables::StoreError;
use headland_shared::blob::Blob;
use headland_shared::bytes::DecodeError;
use headland_shared::epoch::Seq;
use headland_shared::key::RecordKey;
use headland_shared::message::More;
use headland_shared::message::more::{Field, OnlyWhere};
use headland_shared::name::AttributeName;
use headland_shared::query::{Filter, Reads};
use headland_shared::stub::Stub;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A filter, and what it looks at.
#[derive(Debug)]
pub(super) struct Sieve {
    text: Arc<str>,
    filter: Filter,
    reads: Reads,
}

impl Sieve {
    /// The filter that a hello carries, if it carries one that can be read.
    pub(super) fn of(more: &More) -> Option<Arc<Self>> {
        let OnlyWhere(text) = OnlyWhere::of(more)?;
        let filter = Filter::parse(&text).ok()?;
        Some(Arc::new(Self {
            reads: filter.reads(),
            filter,
            text: text.into(),
        }))
    }

    /// As the agent wrote it.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Whether an attribute that it looks at was declared otherwise after `base`: then it may hold now for records that
    /// have not changed.
    pub(super) fn is_read_otherwise(&self, moment: &Moment, base: Seq) -> bool {
        let mut attributes = moment.attributes.iter();
        attributes.any(|(name, row)| row.introduced > base && self.reads.includes_attribute(name.as_str()))
    }

    /// Whether it may hold for a record now and not have held at `cursor`, or the other way round.
    pub(super) fn may_have_turned(&self, blob: &Blob<'_>, cursor: Seq) -> Result<bool, DecodeError> {
        for entry in blob.entries() {
            let entry = entry?;
            if entry.seq > cursor && self.reads.includes(entry.key) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The stub that an agent gets of a record, unless it gets it whole.
    pub(super) fn stub(
        &self,
        key: &RecordKey,
        bytes: &[u8],
        attributes: &BTreeMap<AttributeName, AttributeRow>,
    ) -> Result<Option<Stub>, StoreError> {
        let declared = |name: &AttributeName| attributes.get(name).map(|row| row.declaration);
        let model = read::model(declared, key, bytes)?;
        if model.is_some_and(|model| self.filter.matches(&model)) {
            return Ok(None);
        }
        let digest = Blob::parse(bytes).and_then(|blob| blob.digest(&key.encoded()));
        let digest = digest.map_err(|error| StoreError::corrupt("records-1", error))?;
        Ok(Some(Stub(digest)))
    }
}
