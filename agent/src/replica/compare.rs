//! Comparing with a hub that cannot use the cursors, and keeping what both hold alike.

use super::apply::{ApplyError, Applying};
use super::{Replica, Trust};
use headland_host::tables::StoreError;
use headland_shared::blob::{self, Blob};
use headland_shared::digest::Digest;
use headland_shared::kept::Kept;
use headland_shared::message::more::{Doubts, Field, Holds};
use headland_shared::message::{Cells, More, Up};
use headland_shared::sketch::{Salt, Sketch};
use std::ops::ControlFlow;

impl Replica {
    /// What a hello says of what is held: that it can be compared, and whether it is to be relied on.
    pub(super) fn holds(&self, records: u64) -> More {
        let mut more = Vec::new();
        if records > 0 && self.trust != Trust::Nothing {
            more.push(Holds { records }.to_more());
        }
        // Where it stands is said all the same: that may show the hub that it was restored.
        if self.trust != Trust::Full {
            more.push(Doubts.to_more());
        }
        more
    }

    /// Sends cells `from` to `cells` of the sketch of all records.
    pub(super) fn send_cells(&mut self, nonce: u64, salt: Salt, from: u32, cells: u32) -> Result<(), StoreError> {
        let mut sketch = Sketch::empty(cells as usize);
        let mut add = |key: &[u8], blob: &[u8]| {
            let state = Blob::parse(blob).and_then(|blob| blob.digest(key));
            let state = state.map_err(|error| StoreError::corrupt("records-1", error))?;
            sketch.add(salt.id(key), salt.hash(state));
            Ok::<_, StoreError>(())
        };
        let views = self.store.read()?;
        views.each_record(&[], None, |key, blob| add(key, blob).map(ControlFlow::Continue))?;
        views.each_stub(add)?;
        let mut bytes = Vec::with_capacity((cells - from.min(cells)) as usize * 8);
        sketch.encode_from(from as usize, &mut bytes);
        self.send(&Up::Cells(Cells {
            nonce,
            from,
            cells: bytes,
            more: Vec::new(),
        }));
        Ok(())
    }

    /// The hub holds something else where it should hold the same. A repair that did not mend it is not tried twice.
    pub(super) fn doubt(&mut self) -> Result<(), StoreError> {
        self.counts.digest_mismatches += 1;
        let trust = if self.repaired { Trust::Nothing } else { Trust::Compared };
        self.lose_trust(trust)
    }

    /// The cursors are not used any more, nor what was staged by them.
    pub(super) fn lose_trust(&mut self, trust: Trust) -> Result<(), StoreError> {
        self.trust = trust;
        self.session.question_changed();
        self.store.note(|tables| tables.clear_staging())
    }
}

/// A record that is held, as far as keeping it needs.
struct HeldRecord {
    key: Vec<u8>,
    handle: u32,
    head: blob::Head,
    state: Digest,
}

impl Applying<'_, '_> {
    /// Keeps what the hub holds alike, under the hub's numbers.
    pub(super) fn keep(&mut self, kept: &Kept) -> Result<(), ApplyError> {
        let mut handles = kept.handles.iter();
        let mut sum = Digest::default();
        for record in self.held_records()? {
            if kept.differ.binary_search(&kept.salt.id(&record.key)).is_ok() {
                continue;
            }
            let handle = *handles.next().ok_or(ApplyError::Kept)?;
            sum.add(record.state);
            if let Some(digest) = self.digest_of(&record.key, &record.head) {
                digest.add(record.state);
            }
            self.tables.renumber(&record.key, record.handle, handle)?;
            if let Some(replaced) = &mut self.replaced {
                replaced.insert(record.key);
            }
        }
        if handles.next().is_some() || sum != kept.digest {
            return Err(ApplyError::Kept);
        }
        Ok(())
    }

    fn held_records(&self) -> Result<Vec<HeldRecord>, ApplyError> {
        let mut records = Vec::new();
        self.tables.each_record(|key, handle, bytes| {
            let blob = Blob::parse(bytes)?;
            records.push(HeldRecord {
                key: key.to_vec(),
                handle,
                state: blob.digest(key)?,
                head: blob.head,
            });
            Ok::<_, ApplyError>(())
        })?;
        Ok(records)
    }
}
