//! What a process has used, as the kernel tells it.

use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::io;

/// In what the kernel counts processor time towards programs: USER_HZ, a part of its interface.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory of one process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// Seconds of processor time, its own and the kernel's for it.
    pub(super) cpu_s: f64,
    /// Resident bytes.
    pub(super) rss: f64,
    /// Resident bytes, those shared with others divided among them.
    pub(super) pss: f64,
}

impl Usage {
    /// What a process has used so far.
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        Ok(Self {
            cpu_s: cpu_s(&format!("/proc/{pid}/stat"))?,
            rss: kib(&rollup, "Rss:") * 1_024.0,
            pss: kib(&rollup, "Pss:") * 1_024.0,
        })
    }
}

/// Bytes that a process, or with `thread-self` this thread, had the kernel write to disks: whole pages that it made
/// dirty.
pub(super) fn written_bytes(whose: &str) -> io::Result<f64> {
    let counts = fs::read_to_string(format!("/proc/{whose}/io"))?;
    let line = counts.lines().find_map(|line| line.strip_prefix("write_bytes:"));
    Ok(line.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0.0))
}

/// The most resident bytes that a process has had.
pub(super) fn peak_rss(pid: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(kib(&status, "VmHWM:") * 1_024.0)
}

/// Seconds of processor time of the threads of a process whose names begin so.
pub(super) fn threads_cpu_s(pid: u32, name: &str) -> io::Result<f64> {
    let mut sum = 0.0;
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = entry?.path();
        // A thread may end while its siblings are looked at.
        let known = fs::read_to_string(task.join("comm")).unwrap_or_default();
        if known.starts_with(name) {
            sum += cpu_s(&task.join("stat").display().to_string()).unwrap_or(0.0);
        }
    }
    Ok(sum)
}

fn cpu_s(path: &str) -> io::Result<f64> {
    let stat = fs::read_to_string(path)?;
    // The name in brackets may hold anything; behind it, user and system time are the 12th and 13th field.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

fn kib(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0.0)
}

/// Processor time that the whole machine has been busy, in seconds.
pub(super) fn machine_cpu_s() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    // User, nice and system; then come idle and waiting; then interrupts, hard and soft.
    let first = stat.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let busy = ticks.iter().take(3).chain(ticks.iter().skip(5).take(2));
    Ok(busy.sum::<f64>() / TICKS_PER_SECOND)
}

/// Processor time of this thread, in seconds.
pub(super) fn thread_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Microseconds of a clock that all processes of this machine share.
pub(super) fn shared_us() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory_and_its_clock_moves() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.rss > 100_000.0 && usage.pss > 0.0 && usage.pss <= usage.rss);
        let before = shared_us();
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(shared_us() > before + 1_000);
    }
}
