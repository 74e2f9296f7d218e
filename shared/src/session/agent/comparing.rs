//! Comparing states with a hub where no cursor can be used, and proving that they are the same.

use super::{AgentSession, Effect, Transfer};
use crate::epoch::{Mark, Seq};
use crate::message::{Compared, Plan, Proof, Verdict, Welcome};
use crate::session::Ms;

/// A comparison under way: the hub has asked for a sketch.
#[derive(Debug)]
pub(super) struct Comparing {
    welcome: Welcome,
    salt: u64,
    cells: u32,
    pub(super) retry_at: Ms,
}

/// What the hub last said of the state that was acknowledged to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven {
    /// Whether it is the hub's.
    pub equal: bool,
    /// When the hub said so.
    pub at: Ms,
}

impl AgentSession {
    /// The hub cannot use the agent's cursors, and asks for a sketch of what it holds.
    pub(super) fn compare(&mut self, welcome: Welcome, salt: u64, cells: u32, now: Ms) {
        let nonce = welcome.nonce;
        self.comparing = Some(Comparing {
            welcome,
            salt,
            cells,
            retry_at: now + self.timing.answer_ms,
        });
        let from = 0;
        self.effects.push_back(Effect::Sketch {
            nonce,
            salt,
            from,
            cells,
        });
    }

    /// What became of the comparison.
    pub fn compared(&mut self, compared: &Compared, now: Ms) {
        self.heard(now);
        let Some(comparing) = &mut self.comparing else {
            return;
        };
        if comparing.welcome.nonce != compared.nonce {
            return;
        }
        let (started, resume) = match compared.verdict {
            Verdict::MoreCells { cells } if cells > comparing.cells => {
                let effect = Effect::Sketch {
                    nonce: compared.nonce,
                    salt: comparing.salt,
                    from: comparing.cells,
                    cells,
                };
                comparing.cells = cells;
                comparing.retry_at = now + self.timing.answer_ms;
                self.effects.push_back(effect);
                return;
            }
            // Asked for what it has: the cells or the answer came twice.
            Verdict::MoreCells { .. } => return,
            Verdict::Repair { started } => (started, Mark::default()),
            Verdict::Snapshot { started } => (started, Mark::after(Seq::START)),
        };
        if let Some(Comparing { mut welcome, .. }) = self.comparing.take() {
            welcome.plan = Plan::Snapshot;
            welcome.started = started;
            welcome.resume = resume;
            self.transfer(welcome, now);
        }
    }

    /// A catch-up begins.
    pub(super) fn transfer(&mut self, welcome: Welcome, now: Ms) {
        let as_of = self.clocks.map(|clocks| clocks.to_agent(welcome.as_of_ms).min(now));
        self.transfer = Some(Transfer {
            nonce: welcome.nonce,
            staged_to: welcome.resume,
            parts: 0,
            stalls: 0,
            stalled_at: now + self.timing.stall_ms,
            as_of: as_of.unwrap_or(now),
        });
        self.effects.push_back(Effect::Begin(welcome));
    }

    /// Whether the hub holds the same at what was acknowledged.
    pub fn proof(&mut self, proof: &Proof, now: Ms) {
        self.heard(now);
        let ours = self.is_own(proof.epoch) && proof.base == self.base;
        if !ours || self.greeting.is_some() || self.comparing.is_some() || self.transfer.is_some() {
            return;
        }
        let equal = proof.equal;
        self.proven = Some(Proven { equal, at: now });
        self.wants_proof = false;
        if equal {
            self.doubts = 0;
            return;
        }
        // A difference that outlives its repair must not be repaired at the speed of the link.
        let wait = match self.doubts {
            0 => self.timing.spread_ms,
            doubts => (self.timing.behind_ms << doubts.min(8)).min(self.timing.answer_ms_max),
        };
        self.doubts = self.doubts.saturating_add(1);
        self.effects.push_back(Effect::Doubt);
        self.greet_at = Some(now + self.jitter.up_to(wait.max(1)));
    }

    /// What the hub last said of the state that was acknowledged to it, in this life of the agent.
    #[must_use]
    pub const fn proven(&self) -> Option<Proven> {
        self.proven
    }

    /// The hub is to be asked again whether all is the same.
    pub(super) fn prove(&mut self, now: Ms) {
        self.prove_at = Some(now + self.timing.prove_ms);
        self.wants_proof = true;
        self.acknowledge_soon(now);
    }
}
