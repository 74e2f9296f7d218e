//! Who may use a control socket: the mode and the group of its file.

use std::fmt;
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where groups have their numbers. A static program knows no other source.
const GROUPS: &str = "/etc/group";

/// Read and write for the owner and the group: connecting to a socket takes write permission.
const MODE_DEFAULT: u32 = 0o660;
/// What the owner always has: the daemon's own commands connect as well.
const MODE_OWNER: u32 = 0o600;
/// Nothing but read and write means anything for a socket.
const MODE_MAX: u32 = 0o666;

/// Who may use a control socket. By default its owner and the group that the daemon runs as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SocketAccess {
    /// The mode of the file.
    pub mode: SocketMode,
    /// The group of the file; unset, that of the process.
    pub group: Option<SocketGroup>,
}

/// The mode of a socket, written in octal as `chmod` takes it, such as `"0660"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SocketMode(u32);

/// A group by name or number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SocketGroup(String);

/// Why a text says nothing of who may use a socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SocketAccessError {
    /// It is no mode of a socket.
    #[error(
        "reading socket mode {0:?}: write it in octal, with read and write for the owner, such as \"0600\", \"0660\" or \"0666\""
    )]
    Mode(String),
    /// It is no name of a group.
    #[error("reading socket group {0:?}: name a group by its name in {GROUPS}, or by its number")]
    Group(String),
}

impl Default for SocketMode {
    fn default() -> Self {
        Self(MODE_DEFAULT)
    }
}

impl FromStr for SocketMode {
    type Err = SocketAccessError;

    fn from_str(text: &str) -> Result<Self, SocketAccessError> {
        let error = || SocketAccessError::Mode(text.to_owned());
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error());
        }
        let mode = u32::from_str_radix(text, 8).map_err(|_| error())?;
        let sensible = mode & MODE_OWNER == MODE_OWNER && mode & !MODE_MAX == 0;
        sensible.then_some(Self(mode)).ok_or_else(error)
    }
}

impl fmt::Display for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl TryFrom<String> for SocketMode {
    type Error = SocketAccessError;

    fn try_from(text: String) -> Result<Self, SocketAccessError> {
        text.parse()
    }
}

impl From<SocketMode> for String {
    fn from(mode: SocketMode) -> Self {
        mode.to_string()
    }
}

impl TryFrom<String> for SocketGroup {
    type Error = SocketAccessError;

    fn try_from(text: String) -> Result<Self, SocketAccessError> {
        let readable = !text.is_empty() && !text.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control());
        readable
            .then(|| Self(text.clone()))
            .ok_or(SocketAccessError::Group(text))
    }
}

impl From<SocketGroup> for String {
    fn from(group: SocketGroup) -> Self {
        group.0
    }
}

impl SocketGroup {
    /// The group's number.
    fn number(&self) -> io::Result<u32> {
        if let Ok(number) = self.0.parse() {
            return Ok(number);
        }
        number_in(&std::fs::read_to_string(GROUPS)?, &self.0).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                format!("there is no group {:?} in {GROUPS}: make it, or name another", self.0),
            )
        })
    }
}

/// The number of a group in the text of `group(5)`: a line is name, password, number and members, set apart by colons.
fn number_in(groups: &str, name: &str) -> Option<u32> {
    let of = |line: &str| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        found.then(|| fields.nth(1)?.parse().ok()).flatten()
    };
    groups.lines().find_map(of)
}

impl SocketAccess {
    /// Finds the group, if one is named: what is wrong with the name is known before anything is made.
    pub(super) fn find(&self) -> io::Result<()> {
        self.group.as_ref().map_or(Ok(()), |group| group.number().map(drop))
    }

    /// Gives a file its group and its mode, in this order: with the mode first, another group could use it for a moment.
    pub(super) fn apply(&self, file: &Path) -> io::Result<()> {
        if let Some(group) = &self.group {
            let number = group.number()?;
            // A sandbox may forbid what would change nothing.
            if std::fs::metadata(file)?.gid() != number {
                chown(file, None, Some(number)).map_err(|error| {
                    io::Error::new(
                        error.kind(),
                        format!(
                            "giving it to group {:?}: {error}; the daemon's user must be a member of it",
                            group.0
                        ),
                    )
                })?;
            }
        }
        std::fs::set_permissions(file, Permissions::from_mode(self.mode.0))
    }
}

/// Makes a directory into which nobody but its owner gets.
pub(super) fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_octal_and_leaves_the_owner_in() {
        for (text, mode) in [("0660", 0o660), ("600", 0o600), ("0666", 0o666), ("0620", 0o620)] {
            assert_eq!(text.parse(), Ok(SocketMode(mode)), "{text}");
        }
        for text in [
            "",
            "0060",
            "0700",
            "0668",
            "660x",
            "-0660",
            "+660",
            "01660",
            "rw-rw----",
        ] {
            assert!(text.parse::<SocketMode>().is_err(), "{text}");
        }
        assert_eq!(SocketMode::default().to_string(), "0660");
    }

    #[test]
    fn a_group_is_found_by_its_whole_name() {
        let groups = "root:x:0:\nheadland-staff:x:17:\nheadland:x:998:leaf,root\nbroken:x\n";
        assert_eq!(number_in(groups, "headland"), Some(998));
        assert_eq!(number_in(groups, "head"), None);
        assert_eq!(number_in(groups, "broken"), None);
        assert_eq!(SocketGroup("42".to_owned()).number().unwrap(), 42);
        for text in ["", "a:b", "a b", "a\n"] {
            assert!(SocketGroup::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
