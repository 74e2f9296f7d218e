//! What a program's log tells of things that should not happen.

use std::io;
use std::path::Path;

/// What the standard library says when a thread panics.
const PANIC: &str = "panicked at";

/// The lines of a log that stand for something that should not happen: the level ERROR, or a panic. No log is no line.
pub fn errors(path: &Path) -> io::Result<Vec<String>> {
    let text = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    Ok(text
        .lines()
        .filter(|line| is_error(line))
        .map(ToOwned::to_owned)
        .collect())
}

/// A line is the time, the level, and what happened.
#[must_use]
pub fn is_error(line: &str) -> bool {
    line.split_whitespace().nth(1) == Some("ERROR") || line.contains(PANIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_panics_are_found_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hub.log");
        assert_eq!(errors(&path).unwrap(), Vec::<String>::new());
        let bad = [
            "2026-01-01T00:00:00.000000Z ERROR headland_hub::driver: writing: no space left",
            "thread 'replica' panicked at hub/src/driver.rs:1:1:",
        ];
        let good = "2026-01-01T00:00:00.000000Z  WARN headland_hub::driver: a frame was refused: ERROR in it";
        std::fs::write(&path, [bad[0], good, bad[1]].join("\n")).unwrap();
        assert_eq!(errors(&path).unwrap(), bad);
    }
}
