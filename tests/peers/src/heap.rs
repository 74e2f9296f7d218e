//! The live heap, by a counting allocator.

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;

/// Counts what is allocated and freed, for all contenders alike. What C code allocates is not seen: zstd's buffers.
#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that are allocated and not freed.
pub(crate) fn live() -> u64 {
    let stats = COUNTING.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated) as u64
}

/// What making a thing leaves allocated, with the thing.
pub(crate) fn kept<T, E>(make: impl FnOnce() -> Result<T, E>) -> Result<(u64, T), E> {
    let before = live();
    let made = make()?;
    Ok((live().saturating_sub(before), made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_counts_and_what_is_freed_does_not() {
        let make = || {
            drop(vec![0_u8; 4 << 20]);
            Ok::<_, ()>(vec![0_u8; 8 << 20])
        };
        let (bytes, made) = kept(make).unwrap();
        // Other tests allocate at the same time.
        assert!(bytes.abs_diff(made.len() as u64) < 2 << 20, "{bytes}");
    }
}
