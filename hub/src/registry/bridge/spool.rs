//! Changes of rows that wait until their transaction is whole: in memory while they are few, else in a file that nobody
//! else sees and that goes with the process.

use super::row::RowChange;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::PathBuf;

/// How much is held in memory, in bytes: nearly every commit, and little beside what a hub needs anyway.
const MEMORY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most that one transaction may bring, in bytes: ten times the largest catalogue that is aimed at.
const SPOOL_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The longest change, in bytes: a row in full and its key of before, as they come over the connection.
const CHANGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Why changes cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk failed.
    #[error("keeping a large transaction beside the store in {directory}: {source}; free some space there")]
    Io {
        /// Where.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is too much of it.
    #[error(
        "following the database: a transaction has more than {SPOOL_BYTES_MAX} bytes; change the tables in smaller steps, then have the hub begin anew by dropping its slot"
    )]
    TooLong,
}

/// Changes in their order.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    memory: Vec<u8>,
    file: Option<BufWriter<File>>,
    bytes: u64,
    count: u64,
}

impl Spool {
    /// An empty one, whose file would be in this directory.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            memory: Vec::new(),
            file: None,
            bytes: 0,
            count: 0,
        }
    }

    /// How many changes there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn failed(&self, source: io::Error) -> SpoolError {
        SpoolError::Io {
            directory: self.directory.clone(),
            source,
        }
    }

    /// Adds a change.
    pub fn push(&mut self, change: &RowChange) -> Result<(), SpoolError> {
        let bytes = postcard::to_allocvec(change).expect("plain data always serialises");
        let length = u32::try_from(bytes.len()).map_err(|_| SpoolError::TooLong)?;
        self.bytes += bytes.len() as u64 + 4;
        if self.bytes > SPOOL_BYTES_MAX || bytes.len() > CHANGE_BYTES_MAX {
            return Err(SpoolError::TooLong);
        }
        self.count += 1;
        self.memory.extend_from_slice(&length.to_le_bytes());
        self.memory.extend_from_slice(&bytes);
        if self.memory.len() > MEMORY_BYTES_MAX {
            self.spill().map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self
                .file
                .insert(BufWriter::new(tempfile::tempfile_in(&self.directory)?)),
        };
        file.write_all(&self.memory)?;
        self.memory.clear();
        self.memory.shrink_to(0);
        Ok(())
    }

    /// Visits all changes in their order. May be done again.
    pub fn each<E: From<SpoolError>>(&mut self, mut visit: impl FnMut(RowChange) -> Result<(), E>) -> Result<(), E> {
        let directory = self.directory.clone();
        let failed = |source| SpoolError::Io {
            directory: directory.clone(),
            source,
        };
        if let Some(file) = &mut self.file {
            file.flush().map_err(failed)?;
            let file = file.get_mut();
            file.rewind().map_err(failed)?;
            let mut reader = BufReader::new(&*file);
            while let Some(change) = next(&mut reader).map_err(failed)? {
                visit(change)?;
            }
            file.seek(io::SeekFrom::End(0)).map_err(failed)?;
        }
        let mut memory = self.memory.as_slice();
        while let Some(change) = next(&mut memory).map_err(failed)? {
            visit(change)?;
        }
        Ok(())
    }
}

/// The next change; nothing at the end.
fn next(reader: &mut impl Read) -> io::Result<Option<RowChange>> {
    let mut length = [0; 4];
    match reader.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > CHANGE_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    postcard::from_bytes(&bytes).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::super::row::Field;
    use super::*;

    #[test]
    fn changes_come_back_in_their_order_from_memory_and_file_and_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(directory.path().to_owned());
        let change = |nth: u32| RowChange::Remove {
            table: 1,
            key: vec![Field::Text(format!("{nth}{}", "x".repeat(1_000)))],
        };
        for nth in 0..10_000 {
            spool.push(&change(nth)).unwrap();
        }
        assert!(spool.memory.len() < MEMORY_BYTES_MAX && spool.file.is_some());
        for _ in 0..2 {
            let mut nth = 0;
            spool
                .each(|found| {
                    assert_eq!(found, change(nth));
                    nth += 1;
                    Ok::<_, SpoolError>(())
                })
                .unwrap();
            assert_eq!(nth, 10_000);
        }
        let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
