//! Limits of this process, and of those that it starts.

use super::BenchError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a process has open beside those that grow with the number of agents.
const FILES_BESIDE: u64 = 256;
/// Threads beside those of agents.
const THREADS_BESIDE: u64 = 128;

/// Raises the limits as far as is allowed; refuses when that is not enough for so many agents.
pub(super) fn raise(agents: u64, agents_per_process: u64) -> Result<(), BenchError> {
    // The proxy has two files for each agent, and nobody has more.
    let files = 2 * agents + FILES_BESIDE;
    let allowed = raise_to_most(Resource::Nofile, files);
    if allowed < files {
        return Err(BenchError::Limit {
            what: "open files",
            needed: files,
            allowed,
            remedy: format!("run `ulimit -Hn {files}` as root before it, or choose fewer --agents"),
        });
    }
    let threads = agents + THREADS_BESIDE;
    let mut allowed = raise_to_most(Resource::Nproc, threads);
    for path in ["/proc/sys/kernel/threads-max", "/proc/sys/kernel/pid_max"] {
        let most = std::fs::read_to_string(path)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        allowed = allowed.min(most.unwrap_or(u64::MAX));
    }
    if allowed < threads {
        return Err(BenchError::Limit {
            what: "threads",
            needed: threads,
            allowed,
            remedy: format!("run `ulimit -u {threads}` before it, or choose fewer --agents"),
        });
    }
    let maps = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let maps = maps.and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX);
    // A thread has a stack, its guard page and an arena.
    let needed = 4 * agents_per_process + FILES_BESIDE;
    if maps < needed {
        return Err(BenchError::Limit {
            what: "memory maps",
            needed,
            allowed: maps,
            remedy: format!("run `sysctl vm.max_map_count={needed}` before it"),
        });
    }
    Ok(())
}

/// Raises the soft limit to the hard one, or beyond both if this user may; gives what holds then.
fn raise_to_most(resource: Resource, needed: u64) -> u64 {
    let limit = getrlimit(resource);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    if limit.current.unwrap_or(u64::MAX) < needed {
        let most = hard.max(needed);
        let wished = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        // Only root may go beyond the hard limit.
        if setrlimit(resource, wished).is_err() {
            let wished = Rlimit {
                current: limit.maximum,
                maximum: limit.maximum,
            };
            // What holds is asked for below.
            let _ = setrlimit(resource, wished);
        }
    }
    getrlimit(resource).current.unwrap_or(u64::MAX)
}
