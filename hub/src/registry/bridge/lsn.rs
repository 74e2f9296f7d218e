//! Positions in PostgreSQL's write-ahead log.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A position in the write-ahead log of one timeline, in bytes from its beginning. Written as PostgreSQL does, such as
/// `0/198B1C8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash, Serialize, Deserialize)]
pub struct Lsn(pub u64);

impl Lsn {
    /// How many bytes this position is after `earlier`; nothing when it is not.
    #[must_use]
    pub const fn bytes_after(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 as u32)
    }
}

/// A text that is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no position of a write-ahead log, such as 0/198B1C8")]
pub struct LsnError(String);

impl FromStr for Lsn {
    type Err = LsnError;

    fn from_str(text: &str) -> Result<Self, LsnError> {
        let part = |digits: &str| {
            let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        let parts = text
            .split_once('/')
            .and_then(|(high, low)| Some((part(high)?, part(low)?)));
        let (high, low) = parts.ok_or_else(|| LsnError(text.chars().take(40).collect()))?;
        Ok(Self(high << 32 | low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_position_is_refused() {
        for text in ["", "/", "0/", "/0", "0/+1", "123456789/0", "0/1/2", "g/0"] {
            assert!(text.parse::<Lsn>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_position_comes_back_from_its_text(number in any::<u64>()) {
            prop_assert_eq!(Lsn(number).to_string().parse(), Ok(Lsn(number)));
        }
    }
}
