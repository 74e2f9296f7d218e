//! What a request is called, by whoever makes it or by the hub.

use std::fmt;

/// The longest name, in bytes: a UUID fits several times over.
const BYTES_MAX: usize = 100;

/// A text that names no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is one text of 1 to {BYTES_MAX} letters of ASCII, digits, \"-\", \"_\", \".\" and \":\"; use a new UUID for each write"
)]
pub(crate) struct NoRequestId;

/// The name of a request. No two requests have the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// Reads a name.
    pub(crate) fn read(text: &str) -> Result<Self, NoRequestId> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        match (1..=BYTES_MAX).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(NoRequestId),
        }
    }

    /// A name that no other request has.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        Ok(Self(format!("{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?)))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_stand_in_a_path_a_header_and_a_message() {
        let long = "x".repeat(BYTES_MAX + 1);
        for text in ["", "a/b", "a b", "a'b", "ä", long.as_str()] {
            assert!(RequestId::read(text).is_err(), "{text}");
        }
        let random = RequestId::random().unwrap();
        assert_eq!(RequestId::read(random.as_str()), Ok(random));
        assert!(RequestId::read("8f14e45f-ceea-467f-a8f2:7_1.b").is_ok());
    }
}
