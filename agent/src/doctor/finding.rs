//! What one check found.

use serde::Serialize;
use std::fmt::Display;

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// The device does its work, and something should be looked at.
    Warning,
    /// The device does not do its work, or not all of it.
    Failed,
    /// Could not be looked at, since something before it failed.
    Skipped,
}

impl Verdict {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) check: String,
    /// How it went.
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) found: String,
    /// What to do about it; null when there is nothing to do.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: impl Display, found: impl Display) -> Self {
        Self::of(check, Verdict::Ok, found, None)
    }

    pub(super) fn warning(check: impl Display, found: impl Display, remedy: impl Display) -> Self {
        Self::of(check, Verdict::Warning, found, Some(remedy.to_string()))
    }

    pub(super) fn failed(check: impl Display, found: impl Display, remedy: impl Display) -> Self {
        Self::of(check, Verdict::Failed, found, Some(remedy.to_string()))
    }

    pub(super) fn skipped(check: impl Display, found: impl Display) -> Self {
        Self::of(check, Verdict::Skipped, found, None)
    }

    /// The same as no more than a warning: what failed is not needed now.
    pub(super) fn softened(mut self) -> Self {
        if self.verdict == Verdict::Failed {
            self.verdict = Verdict::Warning;
        }
        self
    }

    fn of(check: impl Display, verdict: Verdict, found: impl Display, remedy: Option<String>) -> Self {
        Self {
            check: check.to_string(),
            verdict,
            found: found.to_string(),
            remedy,
        }
    }
}
