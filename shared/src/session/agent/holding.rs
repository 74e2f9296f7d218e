//! What a session puts off because the link may not carry it now.

use super::AgentSession;
use crate::session::Ms;

impl AgentSession {
    /// The hello, or what belongs to one, was not sent: greets again at `until`.
    pub fn hold_greeting(&mut self, until: Ms) {
        self.comparing = None;
        self.transfer = None;
        self.greeting = None;
        // It was no attempt.
        self.attempts = self.attempts.saturating_sub(1);
        self.greet_at = Some(until);
    }

    /// The next parts were not asked for: asks again at `until`.
    pub fn hold_transfer(&mut self, until: Ms) {
        if let Some(transfer) = &mut self.transfer {
            transfer.stalls = transfer.stalls.saturating_sub(1);
            transfer.stalled_at = until;
        }
    }

    /// The upload was not sent: sends it at `until`.
    pub fn hold_upload(&mut self, until: Ms) {
        self.upload_retry_at = Some(until);
    }

    /// The acknowledgement was not sent: sends it at `until`.
    pub fn hold_acknowledgement(&mut self, until: Ms) {
        self.acknowledge_at = Some(until);
    }

    /// Whether feed and heartbeat are listened to. When they are again, what was missed meanwhile is asked for.
    pub fn listen(&mut self, listens: bool, now: Ms) {
        if self.deaf != listens {
            return;
        }
        self.deaf = !listens;
        self.silent_at = None;
        if self.linked && listens {
            self.heard(now);
            self.greet_soon(now);
        }
    }

    /// Whether the hub is still to say whether it holds the same.
    #[must_use]
    pub const fn wants_proof(&self) -> bool {
        self.wants_proof
    }

    /// Whether everything known of is applied here and stored there; what is applied may not be acknowledged yet.
    #[must_use]
    pub fn is_in_step(&self) -> bool {
        self.phase() == super::Phase::Live
            && !self.unsent_writes
            && self.greet_at.is_none()
            && self.held.is_empty()
            && self.effects.is_empty()
    }
}
