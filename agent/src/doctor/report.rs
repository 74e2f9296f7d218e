//! All that was found, for people and for programs.

use super::finding::{Finding, Verdict};
use headland_host::text::table::{Side, table};
use headland_host::text::words::{counted, printable};
use serde::Serialize;

/// All findings on a device.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The device's name as it is configured; null when the configuration cannot be read.
    name: Option<String>,
    /// The version of the command.
    version: &'static str,
    /// Whether the agent runs.
    running: bool,
    /// Whether no check failed.
    sound: bool,
    /// The findings, in the order in which one depends on those before it.
    checks: Vec<Finding>,
}

impl Report {
    pub(super) fn new(name: Option<String>, running: bool, checks: Vec<Finding>) -> Self {
        Self {
            name,
            version: env!("CARGO_PKG_VERSION"),
            running,
            sound: checks.iter().all(|finding| finding.verdict != Verdict::Failed),
            checks,
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.sound
    }

    /// A line on the whole, a table, and what to do.
    pub(super) fn text(&self) -> String {
        let rows: Vec<_> = self
            .checks
            .iter()
            .map(|one| {
                vec![
                    printable(&one.check),
                    one.verdict.word().to_owned(),
                    printable(&one.found),
                ]
            })
            .collect();
        let header = [("CHECK", Side::Left), ("RESULT", Side::Left), ("FOUND", Side::Left)];
        let mut text = format!("{}: {}\n\n{}", self.whose(), self.headline(), table(&header, &rows));
        let remedies: Vec<_> = self
            .checks
            .iter()
            .filter_map(|one| {
                Some(format!(
                    "  {}: {}\n",
                    printable(&one.check),
                    printable(one.remedy.as_ref()?)
                ))
            })
            .collect();
        if !remedies.is_empty() {
            text.push_str("\nWhat to do\n");
            text.push_str(&remedies.concat());
        }
        text
    }

    fn whose(&self) -> String {
        self.name.as_deref().map_or_else(|| "this device".to_owned(), printable)
    }

    fn headline(&self) -> String {
        let count = |verdict| self.checks.iter().filter(|one| one.verdict == verdict).count() as u64;
        let warnings = match count(Verdict::Warning) {
            0 => String::new(),
            some => format!(", {}", counted(some, "warning", "warnings")),
        };
        match count(Verdict::Failed) {
            0 => format!("sound{warnings}"),
            some => format!("{} failed{warnings}", counted(some, "check", "checks")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_counted_and_what_to_do_stands_below() {
        let report = Report::new(
            Some("leaf-7".to_owned()),
            true,
            vec![
                Finding::ok("clock", "set"),
                Finding::failed("store", "no space", "free some"),
                Finding::warning("session", "catching up\u{1b}[2J", "wait"),
            ],
        );
        let wanted = "\
leaf-7: 1 check failed, 1 warning

CHECK    RESULT   FOUND
clock    ok       set
store    FAILED   no space
session  warning  catching up [2J

What to do
  store: free some
  session: wait
";
        assert_eq!(report.text(), wanted);
        assert!(!report.is_sound());
        assert!(Report::new(None, false, vec![Finding::skipped("store", "x")]).is_sound());
    }
}
