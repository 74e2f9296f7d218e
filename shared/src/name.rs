//! Names: parsed once into newtypes, valid ever after.

use alloc::string::{String, ToString};
use core::fmt;
use serde::{Deserialize, Serialize};

/// A name that may not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {name:?} {problem}")]
pub struct NameError {
    what: &'static str,
    name: String,
    problem: &'static str,
}

/// How much of a wrong name an error repeats: enough to find it, never a megabyte of log.
const ERROR_CHARS_MAX: usize = 80;

fn check(what: &'static str, text: &str, bytes_max: usize) -> Result<(), NameError> {
    let problem = if text.is_empty() {
        "is empty"
    } else if text.len() > bytes_max {
        "is too long"
    } else if text.chars().any(char::is_control) {
        "holds a control character"
    } else if text.trim() != text {
        "begins or ends with a space"
    } else if what == REPLICA
        && !text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    {
        "holds something other than letters, digits, '-', '_' and '.'"
    } else {
        return Ok(());
    };
    Err(NameError {
        what,
        name: text.chars().take(ERROR_CHARS_MAX).collect(),
        problem,
    })
}

/// Replicas' names are parts of topics, file names and commands.
const REPLICA: &str = "replica name";

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:expr, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The longest such name, in bytes.
            pub const BYTES_MAX: usize = $max;

            /// Checks and takes a name.
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                check($what, &text, Self::BYTES_MAX)?;
                Ok(Self(text))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl core::str::FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text.to_string())
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// Whose models these are: an organisation, a team or a workspace.
    Namespace, "namespace", 64
);
name!(
    /// A model's name within its namespace. Real ones hold `/`, `:` and `@`.
    ModelName, "model name", 256
);
name!(
    /// An attribute's name. Names are for ever: a schema never forgets one.
    AttributeName, "attribute name", 128
);
name!(
    /// The name of a version of a model, such as `1.6` or `2026-11-03`.
    VersionName, "version", 128
);
name!(
    /// A name that points at a version, such as `champion`.
    AliasName, "alias", 128
);
name!(
    /// What a version can be approved for, such as `field-use`.
    ApprovalName, "approval", 128
);
name!(
    /// What a model does, such as `image-classification`. Part of a scope.
    Task, "task", 96
);
name!(
    /// What a device is labelled by, such as `site`.
    LabelName, "label", 64
);
name!(
    /// What a label of a device says, such as `north`.
    LabelValue, "value of a label", 128
);
name!(
    /// What a device declares of itself, such as `memory_bytes`.
    FactName, "fact", 64
);
name!(
    /// The region that one hub serves.
    Region, "region", 32
);
name!(
    /// A replica's own name: a device's or a hub's. Letters, digits, `-`, `_` and `.` only, since it is part of a topic.
    ReplicaName, REPLICA, 64
);

impl ReplicaName {
    /// Checks and takes a name that is safe inside a topic, a file name and a shell.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_names_are_taken() {
        for name in [
            "timm/mobilenetv3_small_100.lamb_in1k",
            "1024-x-1024/50-steps/bedrock/x",
            "ft:gpt-4o:2024@eu",
        ] {
            assert_eq!(ModelName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn empty_long_and_controlling_names_are_refused() {
        assert!(ModelName::new("").is_err());
        assert!(ModelName::new("a".repeat(257)).is_err());
        assert!(ModelName::new("a\nb").is_err());
        assert!(ModelName::new(" a").is_err());
        assert!(ReplicaName::parse("a/b").is_err());
        assert!(ReplicaName::parse("gateway-7.north").is_ok());
    }
}
