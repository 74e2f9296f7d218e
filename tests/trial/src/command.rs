//! Commands that end, and what they left.

use std::path::Path;
use std::process::{Command, Output};

/// What starts the names of variables that override settings.
const VARIABLES: &str = "HEADLAND_";

/// A program that no settings of this process's environment reach, but the variable that is `kept`.
#[must_use]
pub fn command(program: &Path, kept: Option<&str>) -> Command {
    let mut command = Command::new(program);
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with(VARIABLES) && Some(&*name) != kept {
            command.env_remove(variable);
        }
    }
    command
}

/// What a command left.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// What it said to standard output.
    pub out: String,
    /// What it said to standard error.
    pub err: String,
}

impl Ran {
    /// Of a command that has ended.
    #[must_use]
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the programs say nothing but UTF-8");
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// What a command that did what it was told printed.
    pub fn printed(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// The one line of a command that could not do it, with exit code 1.
    pub fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        self.err
    }

    /// The one line of a command that refused, with exit code 2.
    pub fn refused(self) -> String {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        self.err
    }
}
