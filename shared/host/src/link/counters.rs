//! What a link has carried and what it has lost.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counts of one link since it was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Frames the sink took.
    pub frames_in: u64,
    /// Bytes of payload in those frames.
    pub bytes_in: u64,
    /// Frames that arrived and were dropped because the sink was full.
    pub dropped_in: u64,
    /// Frames accepted for sending; a loss of the connection may still have discarded some.
    pub frames_out: u64,
    /// Bytes of payload in those frames.
    pub bytes_out: u64,
    /// Frames refused because the link was down, the queue was full, or the frame did not fit.
    pub dropped_out: u64,
    /// Times the link came up.
    pub sessions: u64,
    /// Bytes both ways with all that MQTT, TCP and IP add, as far as a program can know them: rather too many than
    /// too few.
    pub wire_bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    frames_in: AtomicU64,
    bytes_in: AtomicU64,
    dropped_in: AtomicU64,
    frames_out: AtomicU64,
    bytes_out: AtomicU64,
    dropped_out: AtomicU64,
    sessions: AtomicU64,
    wire_bytes: AtomicU64,
}

impl Counters {
    pub(super) fn took(&self, payload_bytes: usize) {
        self.frames_in.fetch_add(1, Relaxed);
        self.bytes_in.fetch_add(payload_bytes as u64, Relaxed);
    }

    pub(super) fn dropped_in(&self) {
        self.dropped_in.fetch_add(1, Relaxed);
    }

    pub(super) fn accepted(&self, payload_bytes: usize) {
        self.frames_out.fetch_add(1, Relaxed);
        self.bytes_out.fetch_add(payload_bytes as u64, Relaxed);
    }

    pub(super) fn dropped_out(&self) {
        self.dropped_out.fetch_add(1, Relaxed);
    }

    /// Counts bytes of the wire, either way.
    pub(super) fn carried(&self, bytes: u64) {
        self.wire_bytes.fetch_add(bytes, Relaxed);
    }

    /// Counts a session and gives its number, from 1.
    pub(super) fn session(&self) -> u64 {
        self.sessions.fetch_add(1, Relaxed) + 1
    }

    pub(super) fn read(&self) -> LinkCounts {
        LinkCounts {
            frames_in: self.frames_in.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            dropped_in: self.dropped_in.load(Relaxed),
            frames_out: self.frames_out.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            dropped_out: self.dropped_out.load(Relaxed),
            sessions: self.sessions.load(Relaxed),
            wire_bytes: self.wire_bytes.load(Relaxed),
        }
    }
}
