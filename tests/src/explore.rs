//! Exploring schedules: many seeds, and what they did.

use crate::simulator::{self, Outcome};
use std::io::{IsTerminal, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// How often progress is told on a terminal, in schedules.
const TELL_EVERY: u64 = 50;

#[derive(Debug, Default)]
struct Sum {
    outcome: Outcome,
    violations: Vec<simulator::Violation>,
}

/// Runs all seeds on all processors; prints schedules, faults and rate.
pub fn run(seeds: Range<u64>, verbose: bool) -> ExitCode {
    if verbose {
        // A log that was started before serves as well.
        let _ = headland_host::log::init("info");
    }
    let threads = if verbose {
        1
    } else {
        std::thread::available_parallelism().map_or(1, usize::from)
    };
    let (begun, count) = (Instant::now(), seeds.end - seeds.start);
    let next = AtomicU64::new(seeds.start);
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&next, seeds.end, verbose, &sum));
        }
    });
    let sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    tell(&sum, count, begun.elapsed().as_secs_f64());
    if sum.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn work(next: &AtomicU64, end: u64, verbose: bool, sum: &Mutex<Sum>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        let result = simulator::run(seed, verbose);
        let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match result {
            Ok(outcome) => {
                sum.outcome.faults.add(&outcome.faults);
                sum.outcome.reads += outcome.reads;
                sum.outcome.reads_ahead += outcome.reads_ahead;
                sum.outcome.counted_here += outcome.counted_here;
                sum.outcome.scopes_compared += outcome.scopes_compared;
                sum.outcome.delivered += outcome.delivered;
                sum.outcome.virtual_ms += outcome.virtual_ms;
            }
            Err(violation) => sum.violations.push(violation),
        }
        if seed.is_multiple_of(TELL_EVERY) && std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr().lock(), "\r{seed} of {end}");
        }
    }
}

fn tell(sum: &Sum, count: u64, seconds: f64) {
    let mut out = std::io::stdout().lock();
    let mut line = |text: String| {
        // Whoever stopped reading still gets the exit code.
        let _ = writeln!(out, "{text}");
    };
    for violation in &sum.violations {
        line(violation.to_string());
    }
    let rate = count as f64 / seconds.max(0.001);
    line(format!(
        "{count} schedules in {seconds:.1} s: {rate:.1} a second, {} violations",
        sum.violations.len()
    ));
    let hours = sum.outcome.virtual_ms as f64 / 3_600_000.0;
    line(format!(
        "{hours:.0} virtual hours, {} frames delivered, {} reads checked, {} of them ahead of the feed",
        sum.outcome.delivered, sum.outcome.reads, sum.outcome.reads_ahead
    ));
    line(format!(
        "{} counts that stay in their region, {} scopes compared between the hubs",
        sum.outcome.counted_here, sum.outcome.scopes_compared
    ));
    for (name, count) in sum.outcome.faults.named() {
        line(format!("  {count:>10} {name}"));
    }
}
