//! How a program says that it failed.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::control::{LoopbackError, ServeError};
use crate::link::StartError;
use crate::log::LogError;
use crate::store_file::OpenError;

/// The exit code of a failure that the person who started the program can mend: a wrong argument,
/// a wrong configuration, bad input. A service manager need not try again.
pub const CODE_BAD_INPUT: u8 = 2;

/// The exit code of every other failure.
pub const CODE_FAILED: u8 = 1;

/// The exit code of a question that was answered, and has no answer that could be used.
pub const CODE_NOTHING_FITS: u8 = 3;

/// The exit code of something of which it is not known whether it was done.
pub const CODE_UNKNOWN: u8 = 4;

/// One line about why a program ends, and the code it ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// A failure the caller can mend, with exit code [`CODE_BAD_INPUT`].
    pub fn bad_input(message: impl fmt::Display) -> Self {
        Self {
            message: one_line(&message.to_string()),
            code: CODE_BAD_INPUT,
        }
    }

    /// Any other failure, with exit code [`CODE_FAILED`].
    pub fn failed(message: impl fmt::Display) -> Self {
        Self {
            message: one_line(&message.to_string()),
            code: CODE_FAILED,
        }
    }

    /// What was asked for was answered on standard output, and nothing fits: exit code [`CODE_NOTHING_FITS`], and no
    /// further word.
    #[must_use]
    pub fn nothing_fits() -> Self {
        Self::told(CODE_NOTHING_FITS)
    }

    /// What is wrong was told on standard output: the exit code, and no further word.
    #[must_use]
    pub fn told(code: u8) -> Self {
        Self {
            message: String::new(),
            code,
        }
    }

    /// The code the program will end with.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// Writes `program: error: message` to standard error, and gives the code to return from
    /// `main`.
    #[must_use]
    pub fn report(&self, program: &str) -> ExitCode {
        if !self.message.is_empty() {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "{program}: {self}");
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::bad_input(error)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Filter { .. } => Self::bad_input(error),
            LogError::AlreadyStarted => Self::failed(error),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotAStore { .. } | OpenError::NewerFormat { .. } => Self::bad_input(error),
            OpenError::Damaged { .. } => {
                Self::failed(format!("{error}; restore a copy, or move the file away to begin anew"))
            }
            _ => Self::failed(error),
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::InUse { .. }
            | ServeError::NotASocket { .. }
            | ServeError::PathTooLong { .. }
            | ServeError::Group { .. } => Self::bad_input(error),
            _ => Self::failed(error),
        }
    }
}

impl From<LoopbackError> for Failure {
    fn from(error: LoopbackError) -> Self {
        Self::bad_input(error)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self::bad_input(error)
    }
}

fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{CODE_BAD_INPUT, CODE_FAILED, Failure};
    use crate::store_file::OpenError;

    #[test]
    fn failure_is_one_line_with_its_code() {
        let failure = Failure::bad_input("bad key\n  in file\n");
        assert_eq!(failure.to_string(), "error: bad key; in file");
        assert_eq!(failure.code(), CODE_BAD_INPUT);
        assert_eq!(Failure::failed("disk").code(), CODE_FAILED);
    }

    #[test]
    fn another_file_is_for_the_caller_to_mend_and_what_passes_by_itself_is_not() {
        let path = PathBuf::from("/store");
        let other = Failure::from(OpenError::NotAStore { path: path.clone() });
        assert_eq!(other.code(), CODE_BAD_INPUT);
        let in_use = Failure::from(OpenError::InUse { path: path.clone() });
        assert_eq!(in_use.code(), CODE_FAILED);
        let full = Failure::from(OpenError::OutOfSpace { path });
        assert_eq!(full.code(), CODE_FAILED);
    }
}
