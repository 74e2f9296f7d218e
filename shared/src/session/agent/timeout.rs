//! What a session does when time has passed.

use super::{AgentSession, Effect};
use crate::message::GoOn;
use crate::session::Ms;
use crate::session::transfer::next_round;

impl AgentSession {
    /// When [`Self::handle_timeout`] must be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Ms> {
        if !self.linked {
            return None;
        }
        let times = [
            self.greeting.as_ref().map(|greeting| greeting.retry_at),
            self.greet_at,
            self.comparing.as_ref().map(|comparing| comparing.retry_at),
            self.transfer.as_ref().map(|transfer| transfer.stalled_at),
            self.gap_at,
            self.acknowledge_at,
            self.prove_at,
            self.upload_retry_at,
            self.upload_at,
            self.silent_at,
        ];
        times.into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Ms) {
        if !self.linked {
            return;
        }
        let due = |at: Option<Ms>| at.is_some_and(|at| at <= now);
        if due(self.prove_at) {
            self.prove(now);
            if self.timing.beat.is_none() {
                // Nothing else would tell that something is missing, or how old the rest is.
                self.greet_soon(now);
            }
        }
        if due(self.acknowledge_at) {
            self.acknowledge_at = None;
            let wants_proof = self.wants_proof;
            self.effects.push_back(Effect::Acknowledge { wants_proof });
        }
        if due(self.upload_at) {
            self.upload_at = None;
            self.upload();
        }
        if due(self.upload_retry_at) {
            self.upload_retry_at = None;
            self.upload();
        }
        let unanswered = due(self.greeting.as_ref().map(|greeting| greeting.retry_at))
            || due(self.comparing.as_ref().map(|comparing| comparing.retry_at));
        if unanswered || due(self.greet_at) {
            self.greet(now);
        }
        if due(self.gap_at) {
            self.gap_at = None;
            self.held.clear();
            if !self.is_catching_up() {
                self.greet_soon(now);
            }
        }
        if due(self.transfer.as_ref().map(|transfer| transfer.stalled_at)) {
            self.stalled(now);
        }
        if due(self.silent_at) {
            self.heard(now);
            self.greet_soon(now);
        }
    }

    /// Nothing came for a while: parts were lost, or the hub has forgotten us.
    fn stalled(&mut self, now: Ms) {
        let Some(transfer) = &mut self.transfer else {
            return;
        };
        transfer.stalls += 1;
        transfer.stalled_at = now + self.timing.stall_ms;
        if transfer.stalls > self.timing.stalls_max {
            self.greet(now);
            return;
        }
        transfer.nonce = next_round(transfer.nonce);
        let go_on = GoOn {
            nonce: transfer.nonce,
            staged_to: transfer.staged_to,
            again: true,
        };
        self.effects.push_back(Effect::GoOn(go_on));
    }
}
