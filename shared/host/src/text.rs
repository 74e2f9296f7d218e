//! What programs print for people: words for times and sizes, and plain tables.

pub mod table;
pub mod words;

use std::io::{ErrorKind, Write};

use crate::exit::Failure;

/// Prints text as it is. A reader that has seen enough, as `head` has, is no failure.
///
/// # Errors
///
/// What standard output says.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::failed(format!(
            "writing to standard output: {error}; check where it goes"
        ))),
        _ => Ok(()),
    }
}

/// One segment of a path, or one value of a query: whatever is not unreserved is percent-encoded
/// (RFC 3986).
#[must_use]
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
