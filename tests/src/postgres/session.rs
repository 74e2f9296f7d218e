//! A session that stays, so that the time of a statement is not that of a program's start.

use super::PostgresError;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};

/// What is printed after each statement.
const DONE: &str = "statement done";

/// A session. Dropping it ends it.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    pub(super) fn of(mut child: Child) -> Result<Self, PostgresError> {
        let none = || io::Error::other("a session has no pipes");
        let input = child.stdin.take().ok_or_else(none)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(none)?);
        Ok(Self { child, input, output })
    }

    /// Runs a statement; it is committed when this returns.
    pub fn run(&mut self, sql: &str) -> Result<(), PostgresError> {
        writeln!(self.input, "{sql};\n\\echo {DONE}")?;
        self.input.flush()?;
        let mut line = String::new();
        while line.trim_end() != DONE {
            line.clear();
            if self.output.read_line(&mut line)? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Fails only if it has ended already, and then it is only left to be collected.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
