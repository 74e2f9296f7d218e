//! A disk in memory that loses what was not synced when it crashes.

use redb::StorageBackend;
use std::collections::BTreeSet;
use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The medium gives room by pages of this size.
const PAGE_BYTES: u64 = 4_096;

type Result<T> = std::io::Result<T>;

#[derive(Debug, Default)]
struct State {
    data: Vec<u8>,
    /// Writes since the last sync: where, what was there before, what was written.
    unsynced: Vec<(u64, Vec<u8>, Vec<u8>)>,
    syncs: u64,
    /// Pages that reached the medium, once for each sync that had something of them to write.
    pages_written: u64,
    /// After this many syncs nothing reaches the disk any more.
    dies_after: Option<u64>,
    full: bool,
    /// Pages that have room on the medium: a full disk still takes writes to those.
    allocated: BTreeSet<u64>,
    /// Which opening of the disk may use it: an older one is a process that has been killed.
    generation: u64,
}

impl State {
    fn is_dead(&self) -> bool {
        self.dies_after.is_some_and(|syncs| self.syncs >= syncs)
    }
}

/// The disk. Opening it gives backends; a crash makes the earlier ones useless.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    state: Arc<Mutex<State>>,
}

/// One opening of a [`Disk`].
#[derive(Debug)]
pub struct Opened {
    state: Arc<Mutex<State>>,
    generation: u64,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    /// Opens the disk; what was opened before can no longer write.
    #[must_use]
    pub fn open(&self) -> Opened {
        let mut state = lock(&self.state);
        state.generation += 1;
        Opened {
            state: self.state.clone(),
            generation: state.generation,
        }
    }

    /// A copy of the disk as it would be found if the power failed now.
    #[must_use]
    pub fn image(&self) -> Self {
        let state = lock(&self.state);
        let mut data = state.data.clone();
        for (offset, before, _) in state.unsynced.iter().rev() {
            put(&mut data, *offset, before);
        }
        let copy = State {
            allocated: state.allocated.clone(),
            data,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(copy)),
        }
    }

    /// The power fails: of the writes since the last sync those survive for which `keeps` says so.
    pub fn crash(&self, mut keeps: impl FnMut() -> bool) {
        let mut state = lock(&self.state);
        state.generation += 1;
        state.dies_after = None;
        let unsynced = std::mem::take(&mut state.unsynced);
        for (offset, before, _) in unsynced.iter().rev() {
            put(&mut state.data, *offset, before);
        }
        for (offset, _, after) in &unsynced {
            if keeps() {
                put(&mut state.data, *offset, after);
            }
        }
    }

    /// Lets nothing reach the disk after this many more syncs.
    pub fn die_after(&self, syncs: u64) {
        let mut state = lock(&self.state);
        state.dies_after = Some(state.syncs + syncs);
    }

    /// How often it was synced.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        lock(&self.state).syncs
    }

    /// How many bytes a medium would have had to write: whole pages, each once for each sync.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        lock(&self.state).pages_written * PAGE_BYTES
    }

    /// How long it is.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        lock(&self.state).data.len() as u64
    }

    /// Whether writes fail for want of space.
    pub fn set_full(&self, full: bool) {
        lock(&self.state).full = full;
    }

    /// Another disk with the same content, as of the last sync and all writes since.
    #[must_use]
    pub fn copy(&self) -> Self {
        let state = lock(&self.state);
        let copied = State {
            data: state.data.clone(),
            allocated: state.allocated.clone(),
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(copied)),
        }
    }
}

fn put(data: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + bytes.len());
    if data.len() < end {
        data.resize(end, 0);
    }
    data[start..end].copy_from_slice(bytes);
}

/// The pages that a write touches.
fn pages_of(offset: u64, data: &[u8]) -> Range<u64> {
    offset / PAGE_BYTES..(offset + data.len() as u64).div_ceil(PAGE_BYTES)
}

impl Opened {
    fn using(&self) -> Result<MutexGuard<'_, State>> {
        let state = lock(&self.state);
        if state.generation != self.generation {
            return Err(Error::other("this process was killed"));
        }
        Ok(state)
    }
}

impl StorageBackend for Opened {
    fn len(&self) -> Result<u64> {
        Ok(self.using()?.data.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let state = self.using()?;
        let start = offset as usize;
        let held = state.data.get(start..start + out.len());
        let held = held.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
        out.copy_from_slice(held);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut state = self.using()?;
        if state.full && len > state.data.len() as u64 {
            return Err(Error::from(ErrorKind::StorageFull));
        }
        state.data.resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let mut state = self.using()?;
        if state.is_dead() {
            return Err(Error::other("the disk is dead"));
        }
        state.syncs += 1;
        let unsynced = std::mem::take(&mut state.unsynced);
        let pages = unsynced.iter().flat_map(|(offset, _, after)| pages_of(*offset, after));
        state.pages_written += pages.collect::<BTreeSet<_>>().len() as u64;
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut state = self.using()?;
        let pages = pages_of(offset, data);
        if state.full && pages.clone().any(|page| !state.allocated.contains(&page)) {
            return Err(Error::from(ErrorKind::StorageFull));
        }
        state.allocated.extend(pages);
        let start = offset as usize;
        let before = state.data.get(start..start + data.len());
        let before = before.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?.to_vec();
        state.unsynced.push((offset, before, data.to_vec()));
        put(&mut state.data, offset, data);
        Ok(())
    }

    fn close(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loses_what_was_not_synced_and_nothing_else() {
        let disk = Disk::default();
        let opened = disk.open();
        opened.set_len(8).unwrap();
        opened.write(0, b"aaaa").unwrap();
        opened.sync_data().unwrap();
        opened.write(2, b"bb").unwrap();
        opened.write(4, b"cc").unwrap();
        disk.crash(|| false);
        assert!(opened.write(0, b"x").is_err());
        let mut held = [0; 8];
        disk.open().read(0, &mut held).unwrap();
        assert_eq!(&held, b"aaaa\0\0\0\0");
    }

    #[test]
    fn a_page_is_written_once_for_each_sync() {
        let disk = Disk::default();
        let opened = disk.open();
        opened.set_len(3 * PAGE_BYTES).unwrap();
        opened.write(0, b"a").unwrap();
        opened.write(1, b"b").unwrap();
        opened.write(2 * PAGE_BYTES - 1, b"cc").unwrap();
        assert_eq!(disk.written_bytes(), 0);
        opened.sync_data().unwrap();
        assert_eq!(disk.written_bytes(), 3 * PAGE_BYTES);
        opened.write(0, b"d").unwrap();
        opened.sync_data().unwrap();
        assert_eq!(disk.written_bytes(), 4 * PAGE_BYTES);
    }
}
