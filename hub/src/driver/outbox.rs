//! What the replica wants sent, offered to the link until it takes it.
//!
//! The link's queue holds a few hundred frames, and the answers to many agents that greet together are more. As long
//! as the link is up, they wait for it, and nothing further is worked off; a link that is down drops them.

use super::{LINES_INTERVAL_MS, LINES_MAX};
use crate::replica::{Output, Replica};
use headland_host::link::{LinkBusy, LinkHandle, Qos};
use headland_host::log::{Limited, Verdict};
use headland_shared::session::Ms;

/// The frame that the link had no room for, before all that the replica still holds.
#[derive(Debug)]
pub(super) struct Outbox {
    blocked: Option<Output>,
    dropped: u64,
    lines: Limited,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            blocked: None,
            dropped: 0,
            lines: Limited::new(LINES_MAX, LINES_INTERVAL_MS),
        }
    }
}

impl Outbox {
    /// Sends as much as the link takes.
    pub(super) fn send(&mut self, replica: &mut Replica, link: &LinkHandle, now: Ms) {
        while let Some(output) = self.blocked.take().or_else(|| replica.poll()) {
            let (topic, frame, qos) = match &output {
                Output::Send { topic, frame } => (topic, frame, Qos::AtLeastOnce),
                Output::Publish { topic, frame } => (topic, frame, Qos::AtMostOnce),
            };
            match link.try_send(topic, frame.clone(), qos) {
                Ok(()) => {}
                Err(LinkBusy::Full) => {
                    self.blocked = Some(output);
                    return;
                }
                Err(error) => self.drop_one(&error, now),
            }
        }
    }

    /// Whether something waits for room.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.is_some()
    }

    /// Frames that a link that was up did not take. Agents notice, and ask again.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn drop_one(&mut self, error: &LinkBusy, now: Ms) {
        // Without a link nobody waits for anything: that it is down was told, and agents greet anew.
        if *error == LinkBusy::Down {
            return;
        }
        self.dropped += 1;
        if let Verdict::Write { suppressed } = self.lines.line(now) {
            tracing::error!(suppressed, "{error}");
        }
    }
}
