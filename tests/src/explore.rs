//! Exploring schedules: many seeds, and what they did.

use crate::simulator::{self, Outcome};
use std::io::{IsTerminal, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often progress is told on a terminal, in schedules.
const TELL_EVERY: u64 = 50;

/// What is to be explored.
struct Wish {
    next: AtomicU64,
    end: u64,
    /// When no further seed is begun.
    until: Option<Instant>,
    verbose: bool,
}

#[derive(Debug, Default)]
struct Sum {
    count: u64,
    outcome: Outcome,
    violations: Vec<simulator::Violation>,
}

/// Runs all seeds, or those begun within a time, on all processors; prints schedules, faults and rate.
pub fn run(seeds: Range<u64>, time: Option<Duration>, verbose: bool) -> ExitCode {
    if verbose {
        // A log that was started before serves as well.
        let _ = headland_host::log::init("info");
    }
    let threads = if verbose {
        1
    } else {
        std::thread::available_parallelism().map_or(1, usize::from)
    };
    let begun = Instant::now();
    let wish = Wish {
        next: AtomicU64::new(seeds.start),
        end: seeds.end,
        until: time.map(|time| begun + time),
        verbose,
    };
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work(&wish, &sum));
        }
    });
    let sum = sum.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    tell(&sum, seeds.start, begun.elapsed().as_secs_f64());
    if sum.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn work(wish: &Wish, sum: &Mutex<Sum>) {
    while wish.until.is_none_or(|until| Instant::now() < until) {
        let seed = wish.next.fetch_add(1, Ordering::Relaxed);
        if seed >= wish.end {
            return;
        }
        let result = simulator::run(seed, wish.verbose);
        let mut sum = sum.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sum.count += 1;
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
            let _ = write!(std::io::stderr().lock(), "\rseed {seed}");
        }
    }
}

/// Seeds are handed out in order, and each that was handed out was run: they are `first` and those behind it.
fn tell(sum: &Sum, first: u64, seconds: f64) {
    let count = sum.count;
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
        "{count} schedules, seeds {first}..{}, in {seconds:.1} s: {rate:.1} a second, {} violations",
        first + count,
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
