//! Rows on their way from the process that reads them: number of the table, key and value, each with its length.

use super::TABLES;
use headland_host::exit::Failure;
use headland_host::store_file::read_rows;
use std::ffi::OsString;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The command that reads; nobody is to say it, and no help tells of it.
pub(crate) const COMMAND: &str = "read-damaged-store";

/// What stands behind the last row: everything was read.
const END: u8 = u8::MAX;

/// The longest key or value, in bytes; whatever is longer is none of ours.
const LENGTH_MAX: u32 = 1024 * 1024;

/// How this program has itself run again: what stands before its own arguments.
static BEFORE: OnceLock<Vec<OsString>> = OnceLock::new();

/// Notes how this program was begun, of which `own` is what it was told itself, its name included.
pub(crate) fn note_invocation(own: usize) {
    let all: Vec<OsString> = std::env::args_os().collect();
    let before = all.len().saturating_sub(own);
    // Said once, by the program itself.
    let _ = BEFORE.set(all.into_iter().skip(1).take(before).collect());
}

/// Reads all rows in the way of one attempt; says whether it came to the end.
pub(super) fn read(path: &Path, attempt: u8, mut visit: impl FnMut(usize, &[u8], &[u8])) -> bool {
    let Some(before) = BEFORE.get() else {
        // Within another program, which unwinds panics or has no damaged stores.
        return read_rows(path, attempt, TABLES, visit).is_ok();
    };
    let Ok(program) = std::env::current_exe() else {
        return false;
    };
    let started = Command::new(program)
        .args(before)
        .args([COMMAND, &attempt.to_string()])
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // A panic there is no news.
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        return false;
    };
    let whole = child.stdout.take().is_some_and(|out| {
        let mut rows = BufReader::new(out);
        while let Ok(Some((table, key, value))) = next(&mut rows) {
            if table == END {
                return true;
            }
            visit(usize::from(table), &key, &value);
        }
        false
    });
    // It has said all that it will say, whether or not it still runs.
    let _ = child.kill();
    let _ = child.wait();
    whole
}

type Row = (u8, Vec<u8>, Vec<u8>);

/// The next row; nothing at the end, or where it is cut off.
fn next(from: &mut impl Read) -> io::Result<Option<Row>> {
    let mut head = [0; 9];
    from.read_exact(&mut head)?;
    let [table, lengths @ ..] = head;
    let length = |at: usize| u32::from_be_bytes([lengths[at], lengths[at + 1], lengths[at + 2], lengths[at + 3]]);
    let (key, value) = (length(0), length(4));
    if key > LENGTH_MAX || value > LENGTH_MAX {
        return Ok(None);
    }
    let mut take = |length: u32| {
        let mut bytes = vec![0; length as usize];
        from.read_exact(&mut bytes).map(|()| bytes)
    };
    Ok(Some((table, take(key)?, take(value)?)))
}

/// Prints all rows in the way of one attempt, each as soon as it is read.
pub(crate) fn print(path: &Path, attempt: u8) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::failed(format!("reading the damaged store {}: {error}", path.display()));
    let mut out = io::stdout().lock();
    let mut gone = None;
    read_rows(path, attempt, TABLES, |table, key, value| {
        let table = u8::try_from(table).unwrap_or(END - 1);
        if gone.is_none()
            && let Err(error) = put(&mut out, table, key, value)
        {
            gone = Some(error);
        }
    })
    .map_err(failed)?;
    gone.map_or(Ok(()), Err).map_err(failed)?;
    put(&mut out, END, &[], &[]).map_err(failed)
}

fn put(out: &mut impl Write, table: u8, key: &[u8], value: &[u8]) -> io::Result<()> {
    let mut row = vec![table];
    for part in [key, value] {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        row.extend_from_slice(&length.to_be_bytes());
    }
    row.extend_from_slice(key);
    row.extend_from_slice(value);
    out.write_all(&row)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_is_no_row() {
        let mut bytes = Vec::new();
        put(&mut bytes, 1, b"key", b"value").unwrap();
        put(&mut bytes, END, b"", b"").unwrap();
        let mut whole = bytes.as_slice();
        assert_eq!(next(&mut whole).unwrap(), Some((1, b"key".to_vec(), b"value".to_vec())));
        assert_eq!(next(&mut whole).unwrap(), Some((END, vec![], vec![])));
        for length in 0..16 {
            assert!(next(&mut &bytes[..length]).is_err());
        }
        assert_eq!(next(&mut [7; 32].as_slice()).unwrap(), None);
    }
}
