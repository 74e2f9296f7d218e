//! Says how far the run is, on standard error: the one place of this program that prints.

use std::io::Write;
use std::sync::OnceLock;
use std::time::Instant;

static BEGUN: OnceLock<Instant> = OnceLock::new();

/// Says one line, with the time since the first.
pub(crate) fn say(line: &str) {
    let seconds = BEGUN.get_or_init(Instant::now).elapsed().as_secs_f64();
    // Nobody listening is no reason to stop measuring.
    let _ = writeln!(std::io::stderr().lock(), "{seconds:7.1} s  {line}");
}
