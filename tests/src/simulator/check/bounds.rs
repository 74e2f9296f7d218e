//! Invariant 9: everything that grows has a bound, and keeps it.

use crate::simulator::agent::Agent;

/// The most frames that a replica may want sent at one go: what a hub sends at once to each of a handful of agents
/// whose frames are as short as they may be.
const QUEUE_FRAMES_MAX: usize = 4_096;
/// The longest store of an agent with a catalogue as small as the simulator's, in bytes.
const STORE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What a replica wants sent is bounded.
pub(in crate::simulator) fn queue(frames: usize) -> Result<(), String> {
    if frames <= QUEUE_FRAMES_MAX {
        return Ok(());
    }
    Err(format!("{frames} frames wait to be sent at once (invariant 9)"))
}

/// No frame from or to an agent is longer than it takes.
pub(in crate::simulator) fn frame(agent: &Agent, frame: &[u8]) -> Result<(), String> {
    if frame.len() <= agent.frame_bytes_max {
        return Ok(());
    }
    Err(format!(
        "{}: a frame of {} bytes, and it takes {} (invariant 9)",
        agent.name,
        frame.len(),
        agent.frame_bytes_max
    ))
}

/// The store of a device does not grow with what happens to it.
pub(in crate::simulator) fn store(agent: &Agent) -> Result<(), String> {
    let bytes = agent.disk.bytes();
    if bytes <= STORE_BYTES_MAX {
        return Ok(());
    }
    Err(format!("{}: its store has {bytes} bytes (invariant 9)", agent.name))
}
