//! What is shown: lines as things happen, on a terminal with a live table under them.

use super::report::{Report, bytes};
use std::io::{IsTerminal, Write};

/// One agent in the live table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) agent: String,
    pub(super) link: &'static str,
    pub(super) behind: String,
    pub(super) age: String,
    pub(super) down: u64,
    pub(super) up: u64,
}

#[derive(Debug)]
pub(super) struct Screen {
    quiet: bool,
    live: bool,
    shown: usize,
}

impl Screen {
    pub(super) fn new(quiet: bool) -> Self {
        let live = !quiet && std::io::stdout().is_terminal();
        Self { quiet, live, shown: 0 }
    }

    /// Says a line; the table moves below it.
    pub(super) fn say(&mut self, line: &str) {
        if self.quiet {
            return;
        }
        self.erase();
        self.put(line);
    }

    /// Shows the table anew, on a terminal.
    pub(super) fn table(&mut self, rows: &[Row]) {
        if !self.live {
            return;
        }
        self.erase();
        self.put(&format!(
            "  {:<10} {:<8} {:>8} {:>20} {:>10} {:>10}",
            "agent", "link", "behind", "age", "down", "up"
        ));
        for row in rows {
            self.put(&line(row));
        }
        self.shown = rows.len() + 1;
    }

    /// Shows the table once, as plain lines.
    pub(super) fn snapshot(&mut self, rows: &[Row]) {
        if self.quiet || self.live {
            return;
        }
        for row in rows {
            self.put(&line(row));
        }
    }

    fn erase(&mut self) {
        if self.live && self.shown > 0 {
            let mut out = std::io::stdout().lock();
            // Up to the first line of the table, and clear all below.
            let _ = write!(out, "\x1b[{}A\x1b[J", self.shown);
            self.shown = 0;
        }
    }

    fn put(&self, line: &str) {
        let mut out = std::io::stdout().lock();
        // A reader that has gone away is no reason to stop before the verdict.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    /// The closing table.
    pub(super) fn close(&mut self, report: &Report, cut: &[bool]) {
        if self.quiet {
            return;
        }
        self.erase();
        self.put("");
        self.put("What changed while links were cut");
        for release in &report.releases {
            let (name, new, changed, removed) = (&release.name, release.new, release.changed, release.removed);
            self.put(&format!(
                "  {name:<18} {new:>5} new {changed:>5} changed {removed:>5} withdrawn"
            ));
        }
        self.put("");
        self.put("What it cost, all bytes on the wire counted");
        for (index, is_cut) in cut.iter().enumerate() {
            let (down, up) = (report.bytes_down_per_agent[index], report.bytes_up_per_agent[index]);
            let link = if *is_cut { "cut off, caught up" } else { "followed live" };
            self.put(&format!(
                "  agent-{:<4} {link:<18} {:>10} down {:>10} up",
                index + 1,
                bytes(down),
                bytes(up)
            ));
        }
        let full = bytes(report.bytes_full_json_zstd);
        self.put(&format!(
            "  {:<29} {full:>10} down   the same releases as whole JSON files with zstd",
            "for comparison"
        ));
        self.put("");
        self.put("What came of it");
        for (what, value) in verdicts(report) {
            self.put(&format!("  {what:<46} {value}"));
        }
        let verdict = if report.is_good() {
            "All equal, nothing lost, nothing came back."
        } else {
            "NOT converged."
        };
        self.put(&format!("\n{verdict} {:.0} s in all.", report.seconds));
    }

    pub(super) fn commands(&mut self, report: &Report, keep: bool) {
        if self.quiet {
            return;
        }
        let lead = if keep {
            "\nThe fleet keeps running until you press Ctrl-C. In another terminal:"
        } else {
            "\nTo look around yourself, run the demo with --keep and then, for instance:"
        };
        self.put(lead);
        for command in &report.try_these {
            self.put(&format!("  {command}"));
        }
    }
}

fn line(row: &Row) -> String {
    let (down, up) = (bytes(row.down), bytes(row.up));
    format!(
        "  {:<10} {:<8} {:>8} {:>20} {down:>10} {up:>10}",
        row.agent, row.link, row.behind, row.age
    )
}

fn verdicts(report: &Report) -> Vec<(&'static str, String)> {
    let of = |part: u64, whole: u64| format!("{part} of {whole}");
    vec![
        ("models at the end", report.records.to_string()),
        (
            "seconds until all were equal again",
            format!("{:.1}", report.seconds_to_converge),
        ),
        (
            "notes written offline that the hub has",
            of(report.annotations_at_hub, report.annotations_written),
        ),
        (
            "notes that every agent shows",
            of(report.annotations_at_agents, report.annotations_written),
        ),
        (
            "uses counted offline that the hub has",
            of(report.usage_at_hub, report.usage_counted),
        ),
        ("withdrawn models that came back", report.resurrected.to_string()),
        (
            "reads that mixed two releases",
            of(report.bad_views, report.models_read),
        ),
        (
            "digest of the hub and of every agent",
            format!(
                "{}, {}",
                report.digest.chars().take(16).collect::<String>(),
                if report.digests_equal { "equal" } else { "NOT equal" },
            ),
        ),
    ]
}
