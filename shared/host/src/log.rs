//! The program's log: one compact line per event on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The environment variable that chooses what is logged, such as `debug` or `headland_host=trace`.
pub const FILTER_VARIABLE: &str = "HEADLAND_LOG";

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error(
        "reading the log filter {filter:?} from {origin}: {reason}; use a level such as \"info\", or \"target=level\""
    )]
    Filter {
        /// The text that is not a filter.
        filter: String,
        /// Where the text came from.
        origin: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Another log is already in place in this process.
    #[error("starting the log: this process already has one")]
    AlreadyStarted,
}

/// Starts the log of this process, on standard error.
///
/// What is logged is chosen by [`FILTER_VARIABLE`], or by `filter_default` when that is unset or
/// empty. Colours are used on a terminal only.
///
/// # Errors
///
/// When the filter is not one, or the process already has a log.
pub fn init(filter_default: &str) -> Result<(), LogError> {
    let chosen = std::env::var(FILTER_VARIABLE)
        .ok()
        .filter(|text| !text.trim().is_empty());
    let filter = match &chosen {
        Some(text) => filter_of(text, FILTER_VARIABLE)?,
        None => filter_of(filter_default, "the default")?,
    };
    tracing_subscriber::fmt()
        .compact()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // Told of on standard error as well, by a macro that panics if that is what is gone.
        .log_internal_errors(false)
        .try_init()
        .map_err(|_| LogError::AlreadyStarted)
}

fn filter_of(text: &str, origin: &'static str) -> Result<EnvFilter, LogError> {
    EnvFilter::builder().parse(text).map_err(|error| LogError::Filter {
        filter: text.to_owned(),
        origin,
        reason: error.to_string(),
    })
}

/// Whether to write a line that may come too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Write it, and say how many lines before it were suppressed, if any.
    Write {
        /// Lines suppressed since the last one written.
        suppressed: u64,
    },
    /// Say nothing.
    Suppress,
}

/// Lets the first few lines of each interval through and counts the others.
///
/// One for each kind of line. The time is handed in, so it can be any clock that does not go back.
#[derive(Debug, Clone)]
pub struct Limited {
    lines_max: u32,
    interval_ms: u64,
    started_ms: Option<u64>,
    written: u32,
    suppressed: u64,
}

impl Limited {
    /// Lets through `lines_max` lines in each `interval_ms` milliseconds.
    #[must_use]
    pub fn new(lines_max: u32, interval_ms: u64) -> Self {
        Self {
            lines_max,
            interval_ms,
            started_ms: None,
            written: 0,
            suppressed: 0,
        }
    }

    /// Decides about one line at `now_ms`.
    pub fn line(&mut self, now_ms: u64) -> Verdict {
        let running = self
            .started_ms
            .is_some_and(|started| now_ms.saturating_sub(started) < self.interval_ms);
        if !running {
            self.started_ms = Some(now_ms);
            self.written = 0;
        }
        if self.written >= self.lines_max {
            self.suppressed += 1;
            return Verdict::Suppress;
        }
        self.written += 1;
        Verdict::Write {
            suppressed: std::mem::take(&mut self.suppressed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limited, LogError, Verdict, filter_of};

    #[test]
    fn first_lines_of_an_interval_pass_and_the_others_are_counted() {
        let mut limited = Limited::new(2, 1_000);
        let passed = Verdict::Write { suppressed: 0 };
        assert_eq!(limited.line(5_000), passed);
        assert_eq!(limited.line(5_001), passed);
        assert_eq!(limited.line(5_002), Verdict::Suppress);
        assert_eq!(limited.line(5_999), Verdict::Suppress);
        assert_eq!(limited.line(6_000), Verdict::Write { suppressed: 2 });
        assert_eq!(limited.line(6_001), passed);
    }

    #[test]
    fn limit_of_none_suppresses_everything() {
        let mut limited = Limited::new(0, 1_000);
        assert_eq!(limited.line(0), Verdict::Suppress);
        assert_eq!(limited.line(5_000), Verdict::Suppress);
    }

    #[test]
    fn bad_filter_names_where_it_came_from() {
        let error = filter_of("headland=loud", "HEADLAND_LOG").unwrap_err();
        assert!(matches!(error, LogError::Filter { .. }));
        let text = error.to_string();
        assert!(text.contains("HEADLAND_LOG"), "{text}");
        assert!(text.contains("headland=loud"), "{text}");
    }

    #[test]
    fn levels_and_targets_are_filters() {
        for text in ["info", "debug,headland_host=trace"] {
            assert!(filter_of(text, "test").is_ok(), "{text}");
        }
    }
}
